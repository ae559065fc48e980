import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { ConfigRows, type PinnedTable } from "./config-rows";
import { writeInlineRows } from "../records/row-files";
import { rowsDigest } from "../release/rows";
import { recordsFolder } from "../release/schema/store";
import type { ConfigTable } from "../release/schema/rows";
import { isProtected } from "../release/holdings";
import { declareGrants, declareObjects, declareRoles } from "./database-objects";
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

    const role = new postgresql.Role(
      "role",
      {
        name: database.role.user,
        login: true,
        password: password(database.role.password),
        connectionLimit: database.role.connectionLimit ?? 50,
      },
      parent,
    );
    const others = declareRoles(loaded, role, parent);
    const base = new postgresql.Database(
      "database",
      { name: database.name },
      { ...parent, ...kept(settings, "database"), dependsOn: [...others.resources] },
    );
    const schema = new postgresql.Schema(
      "schema",
      // Only where nothing is protected may a destroy take the application's own tables along.
      { name: database.schema, database: base.name, dropCascade: !isProtected(environment) },
      { ...parent, ...kept(settings, "database/schema") },
    );
    const use = new postgresql.Grant(
      "schema-use",
      {
        database: base.name,
        role: role.name,
        schema: schema.name,
        objectType: "schema",
        privileges: ["CREATE", "USAGE"],
      },
      parent,
    );
    const foundation = { component: this, database: base, schema, roles: others.roles };
    const objects = declareObjects(loaded, foundation);
    const migrations = declareMigrations(loaded, "up", {}, { ...parent, dependsOn: [use, ...objects] });
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
    const reads = tables.map(
      ([table, { schema: within }]) =>
        new postgresql.Grant(
          `${table}-read`,
          {
            database: base.name,
            role: role.name,
            schema: within === database.schema ? schema.name : within,
            objectType: "table",
            objects: [table],
            privileges: ["SELECT"],
          },
          { ...parent, dependsOn: [rows] },
        ),
    );
    const grants = declareGrants(loaded, foundation, [...objects, ...migrations, rows, ...reads]);
    const tabled = [rows, ...reads];
    this.resources = [role, ...others.resources, base, schema, use, ...objects, ...migrations, ...tabled, ...grants];
    this.registerOutputs();
  }
}

/** The file that holds a table's rows. The provider runs in a process of its own, so inline rows get one too. */
function fileOf(rows: ConfigTable, records: string): string {
  return "file" in rows ? rows.file : writeInlineRows(process.cwd(), records, rows.rows);
}
