import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { ConfigTable } from "./config-table";
import { isProtected } from "../release/held";
import { declareGrants, declareObjects, declareRoles } from "./database-objects";
import { declareMigrations } from "./migrations";
import type { Loaded } from "../release/config";
import { kept } from "./protection";

/** The database, its role and grants, and the configuration rows that the release pins, a resource per table. */
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
    const migrations = declareMigrations(loaded, "up", { ...parent, dependsOn: [use, ...objects] });
    const connection = {
      host: database.host,
      port: database.port,
      sslmode: database.sslmode ?? "disable",
      user: database.administrator.user,
      database: database.name,
    };
    const tables = Object.entries(pinned.facets.config).flatMap(([table, { rows }]) => {
      const definition = database.tables[table];
      if (definition === undefined) return [];
      const config = new ConfigTable(
        table,
        {
          connection,
          password: password(database.administrator.password),
          schema: database.schema,
          name: table,
          table: definition,
          rows,
        },
        { ...parent, dependsOn: [base, schema, ...migrations] },
      );
      const read = new postgresql.Grant(
        `${table}-read`,
        {
          database: base.name,
          role: role.name,
          schema: schema.name,
          objectType: "table",
          objects: [table],
          privileges: ["SELECT"],
        },
        { ...parent, dependsOn: [config] },
      );
      return [config, read];
    });
    const grants = declareGrants(loaded, foundation, [...objects, ...migrations, ...tables]);
    this.resources = [role, ...others.resources, base, schema, use, ...objects, ...migrations, ...tables, ...grants];
    this.registerOutputs();
  }
}
