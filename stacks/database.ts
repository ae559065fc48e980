import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { ConfigRows, type PinnedTable } from "./config-rows";
import { writeInlineRows } from "../records/row-files";
import { rowsDigest } from "../release/rows";
import { recordsFolder } from "../release/schema/store";
import type { ConfigTable } from "../release/schema/rows";
import { isProtected } from "../release/holdings";
import { declareObjects, declareRoles } from "./database-objects";
import { declareRight, rightsByName, rightsIn, type Right } from "./grants";
import { declareMigrations } from "./migrations";
import type { Loaded } from "../release/config";
import { kept } from "./protection";

/** The database, its role and grants, and the configuration rows that the release pins. */
export class Database extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(name: string, loaded: Loaded, opts?: pulumi.ComponentResourceOptions) {
    super("rewind:index:Database", name, {}, opts);
    const { settings, secrets } = loaded;
    const { environment, pinned } = settings;
    const { database } = environment;
    if (database === undefined) throw new Error("the environment has no database");
    const parent = { parent: this };
    const password = (key: string) => pulumi.secret(secrets[key] ?? "");

    const roles = declareRoles(loaded, parent);
    const base = new postgresql.Database(
      "database",
      { name: database.name },
      { ...parent, ...kept(settings, "database"), dependsOn: [...roles.values()] },
    );
    const schema = new postgresql.Schema(
      "schema",
      // Only where nothing is protected may a destroy take the application's own tables along.
      { name: database.schema, database: base.name, dropCascade: !isProtected(environment) },
      { ...parent, ...kept(settings, "database/schema") },
    );
    const objects = declareObjects(loaded, { component: this, database: base, schema, roles });
    const connection = {
      host: database.host,
      port: database.port,
      sslmode: database.sslmode ?? "disable",
      user: database.administrator.user,
      database: database.name,
    };
    const records = recordsFolder(environment.records);
    const tables = Object.entries(pinned.facets.config).flatMap(([table, rows]): [string, PinnedTable][] => {
      const definition = database.tables[table];
      if (definition === undefined) return [];
      const release = pinned.sources[`config/${table}`] ?? pinned.release;
      const schema = definition.schema ?? database.schema;
      return [[table, { schema, definition, release, ...rowsDigest(rows), file: fileOf(rows, records) }]];
    });
    const application = database.role.user;
    const rights = rightsByName([
      {
        role: application,
        objectType: "schema",
        schema: database.schema,
        // What a role may create, others come across: a table that a later release pins, a function in their search path.
        privileges: database.role.create === true ? ["CREATE", "USAGE"] : ["USAGE"],
      },
      ...tables.map(([table, { schema: within }]) => ({
        role: application,
        objectType: "table" as const,
        schema: within,
        object: table,
        privileges: ["SELECT"],
      })),
      ...rightsIn(database.grants ?? {}),
    ]);
    const grant = (dependsOn: pulumi.Resource[], isMeant: (right: Right) => boolean): postgresql.Grant[] =>
      [...rights]
        .filter(([, right]) => isMeant(right))
        .map(([name, right]) => declareRight(name, right, base, { ...parent, dependsOn }));
    const places = grant([schema, ...objects], ({ object }) => object === undefined);
    const migrations = declareMigrations(loaded, "up", {}, { ...parent, dependsOn: [...places, ...objects] });
    const rows = new ConfigRows(
      "rows",
      {
        connection,
        password: password(database.administrator.password),
        records,
        tables: Object.fromEntries(tables),
      },
      { ...parent, dependsOn: [base, schema, ...migrations] },
    );
    // Tables and sequences come with migrations, and pinned tables with their rows.
    const contents = grant([...objects, ...migrations, rows], ({ object }) => object !== undefined);
    this.resources = [...roles.values(), base, schema, ...objects, ...places, ...migrations, rows, ...contents];
    this.registerOutputs();
  }
}

/** The file that holds a table's rows. The provider runs in a process of its own, so inline rows get one too. */
function fileOf(rows: ConfigTable, records: string): string {
  return "file" in rows ? rows.file : writeInlineRows(process.cwd(), records, rows.rows);
}
