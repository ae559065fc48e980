import assert from "node:assert/strict";
import { valueOfSecret } from "../release/stack-files";
import { declareStack, resourceOf, type DeclaredStack } from "./declared";

const secret = (value: unknown) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value });

/** The embedded stack with something put into its database. */
const declaredWith = (more: Record<string, unknown>): Promise<DeclaredStack> =>
  declareStack("local", (config) => {
    const { database } = config["rewind:environment"] as { database: Record<string, unknown> };
    Object.assign(database, more);
  });

describe("the objects of a database on the engine's mocks", () => {
  it("gives a role no power that is not named, and its password as a secret", async () => {
    const declared = await declaredWith({
      roles: { scoring_member: {}, clerk: { login: true, password: "api-token", memberOf: ["scoring_member"] } },
    });
    assert.deepEqual(resourceOf(declared, "postgresql:index/role:Role", "role-clerk").inputs, {
      name: "clerk",
      login: true,
      superuser: false,
      createRole: false,
      createDatabase: false,
      replication: false,
      bypassRowLevelSecurity: false,
      password: secret(valueOfSecret("api-token")),
      roles: ["scoring_member"],
    });
  });

  it("makes groups before their members, and leaves a role its memberships when it changes", async () => {
    const declared = await declaredWith({
      role: { user: "scoring_app", password: "database-role-password", memberOf: ["scoring_member", "rds_iam"] },
      roles: { clerk: { memberOf: ["writer"] }, writer: { memberOf: ["scoring_member"] }, scoring_member: {} },
    });
    const roles = [...declared.resources.values()].filter(({ type }) => type === "postgresql:index/role:Role");
    assert.deepEqual(Object.fromEntries(roles.map(({ inputs }) => [inputs.name, inputs.roles])), {
      scoring_member: undefined,
      writer: ["scoring_member"],
      clerk: ["writer"],
      scoring_app: ["scoring_member", "rds_iam"],
    });
    const at = (name: string) => roles.findIndex(({ inputs }) => inputs.name === name);
    assert.ok(at("scoring_member") < at("writer") && at("writer") < at("clerk"), "a group comes before its members");
    assert.ok([...declared.resources.keys()].every((type) => !type.includes("grantRole")));
  });

  it("declares schemas, extensions and grants as they are named", async () => {
    const declared = await declaredWith({
      schemas: { audit: { owner: "scoring_app" } },
      extensions: { pgcrypto: { schema: "audit", version: "1.3" } },
      grants: {
        reading: {
          role: "scoring_member",
          objectType: "table",
          schema: "app",
          objects: ["notes"],
          privileges: ["SELECT"],
        },
        entering: { role: "public", objectType: "schema", schema: "audit", privileges: ["USAGE"] },
      },
    });
    assert.deepEqual(resourceOf(declared, "postgresql:index/schema:Schema", "schema-audit").inputs, {
      name: "audit",
      database: "scoring",
      dropCascade: true,
      owner: "scoring_app",
    });
    assert.deepEqual(resourceOf(declared, "postgresql:index/extension:Extension", "extension-pgcrypto").inputs, {
      name: "pgcrypto",
      database: "scoring",
      schema: "audit",
      version: "1.3",
    });
    const grant = (name: string) => resourceOf(declared, "postgresql:index/grant:Grant", `grant-${name}`).inputs;
    const table = { database: "scoring", role: "scoring_member", objectType: "table", schema: "app" };
    assert.deepEqual(grant("scoring_member-table-app-notes"), { ...table, objects: ["notes"], privileges: ["SELECT"] });
    const schema = { database: "scoring", role: "public", objectType: "schema", schema: "audit" };
    assert.deepEqual(grant("public-schema-audit"), { ...schema, privileges: ["USAGE"] });
  });

  it("gives one resource all rights of a role on an object: of two the vendor's plugin would revoke one with the other", async () => {
    const role = "scoring_app";
    const table = { role, objectType: "table", schema: "app", privileges: ["SELECT", "INSERT"] };
    const declared = await declaredWith({
      grants: {
        writing: { ...table, objects: ["scoring_config", "notes"] },
        counting: { ...table, objects: ["notes"], privileges: ["UPDATE"] },
        entering: { role, objectType: "schema", schema: "app", privileges: ["USAGE"] },
        leaving: { role: "public", objectType: "database", privileges: ["CONNECT"] },
      },
    });
    const grants = [...declared.resources.values()].filter(({ type }) => type === "postgresql:index/grant:Grant");
    assert.deepEqual(Object.fromEntries(grants.map(({ name, inputs }) => [name, inputs.privileges])), {
      "grant-public-database": ["CONNECT"],
      "grant-scoring_app-schema-app": ["CREATE", "USAGE"],
      "grant-scoring_app-table-app-notes": ["INSERT", "SELECT", "UPDATE"],
      "grant-scoring_app-table-app-scoring_config": ["INSERT", "SELECT"],
    });
    const targets = grants.map(({ inputs: { role, objectType, schema, objects } }) => [
      role,
      objectType,
      schema,
      objects,
    ]);
    assert.equal(new Set(targets.map((target) => JSON.stringify(target))).size, grants.length);
  });

  it("W6 · gives a function its owner's rights only together with its search path", async () => {
    const declared = await declaredWith({});
    const made = resourceOf(declared, "postgresql:index/function:Function", "function-is_member_of").inputs;
    assert.equal(made.securityDefiner, false);
    assert.deepEqual(made.args, [{ name: "of_organisation", type: "uuid", mode: "IN" }]);
    const security = resourceOf(
      declared,
      "pulumi-nodejs:dynamic/rewind:FunctionSecurity",
      "function-is_member_of",
    ).inputs;
    assert.equal(security.securityDefiner, true);
    assert.deepEqual(security.searchPath, ["app"]);
    assert.deepEqual(security.password, secret(valueOfSecret("database-administrator-password")));
    assert.deepEqual(security.types, ["uuid"]);
  });

  it("sets rights and path anew whenever the body moves", async () => {
    const { functions } = (await declaredWith({})).settings.environment.database ?? {};
    const other = { is_member_of: { ...functions?.is_member_of, body: "begin return false; end" } };
    const digest = (declared: DeclaredStack) =>
      resourceOf(declared, "pulumi-nodejs:dynamic/rewind:FunctionSecurity", "function-is_member_of").inputs.digest;
    assert.notEqual(digest(await declaredWith({})), digest(await declaredWith({ functions: other })));
  });

  it("reads a body from its file, and refuses one that is not there or leads out", async () => {
    const body = (file: string) => ({
      functions: { is_member_of: { returns: "boolean", language: "sql", body: { file } } },
    });
    const declared = await declaredWith(body("examples/scoring/migrations/0002_add_locale.sql"));
    const { inputs } = resourceOf(declared, "postgresql:index/function:Function", "function-is_member_of");
    assert.match(String(inputs.body), /alter table notes add column locale/);
    await assert.rejects(
      declaredWith(body("nowhere.sql")),
      /environment\.database\.functions\.is_member_of\.body: no file nowhere\.sql/,
    );
    await assert.rejects(declaredWith(body("../outside.sql")), /body\.file: expected a path inside the project/);
  });

  it("W5 · declares the way up and the way down of the pinned migration, with the digests of the files", async () => {
    const declared = await declaredWith({});
    const type = "pulumi-nodejs:dynamic/rewind:Migrations";
    const [up, down] = ["migrations", "migrations-down"].map((name) => resourceOf(declared, type, name).inputs);
    assert.deepEqual([up!.direction, down!.direction], ["up", "down"]);
    assert.deepEqual([up!.target, down!.target], ["0002_add_locale", "0002_add_locale"]);
    assert.deepEqual(Object.keys(up!.files as object), ["0001_members", "0002_add_locale"]);
    assert.deepEqual(up!.password, secret(valueOfSecret("database-administrator-password")));
    assert.deepEqual(up!.tables, { schema: "rewind", table: "pgmigrations" });
  });

  it("declares neither where the pin says nothing of the schema", async () => {
    const declared = await declareStack("local", (config) => {
      const releases = config["rewind:releases"] as Record<string, { schema?: unknown }>;
      for (const release of Object.values(releases)) delete release.schema;
    });
    assert.deepEqual(
      [...declared.resources.keys()].filter((name) => name.includes(":Migrations ")),
      [],
    );
  });
});
