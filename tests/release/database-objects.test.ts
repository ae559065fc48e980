import assert from "node:assert/strict";
import { loadReal } from "./stack-files";
import { InvalidConfiguration } from "../../release/config";

/** The problems of the embedded stack with something put into its database. */
function problemsWith(more: Record<string, unknown>, kind = "local"): string[] {
  try {
    loadReal("local", (config) => {
      const environment = config["rewind:environment"] as { kind: string; database: Record<string, unknown> };
      environment.kind = kind;
      Object.assign(environment.database, more);
    });
    return [];
  } catch (error) {
    assert.ok(error instanceof InvalidConfiguration);
    return error.problems.map(({ path, message }) => `${path.replace("environment.database.", "")}: ${message}`);
  }
}

const hostile = ["", "a".repeat(64), "ä".repeat(32), "a\nb", "a\u0000", "\u001b[2J", "\ud800"];
const odd = ['a"; drop role b; --', "a'b", "A", "a b", "a;b", "a--b", "ä", "1a", "a.b", "a/b", "$$", "a\\b", "100%"];
const member = { scoring_member: {} };
const sql = { returns: "boolean", language: "sql", body: "select true" };
const grant = { objectType: "table", role: "scoring_app", schema: "app", objects: ["notes"], privileges: ["SELECT"] };

describe("the objects of a database", () => {
  it("are accepted as they are meant", () => {
    const problems = problemsWith({
      roles: { ...member, reader: { memberOf: ["scoring_member"] }, clerk: { login: true, password: "api-token" } },
      schemas: { audit: { owner: "clerk" } },
      extensions: { "uuid-ossp": { schema: "audit", version: "1.1" } },
      functions: {
        is_member_of: {
          ...sql,
          args: [
            { name: "who", type: "numeric(10,2)" },
            { name: "many", type: "text[]" },
          ],
        },
        late: { ...sql, returns: "setof uuid", securityDefiner: true, searchPath: ["pg_catalog", "audit"] },
      },
      grants: {
        a: grant,
        b: { objectType: "schema", role: "public", schema: "audit", privileges: ["USAGE"] },
        c: { objectType: "database", role: "reader", privileges: ["CONNECT"] },
        d: { ...grant, objectType: "sequence", objects: ["notes_id_seq"], privileges: ["USAGE"] },
      },
    });
    assert.deepEqual(problems, []);
  });

  for (const name of hostile) {
    it(`have no name such as ${JSON.stringify(name.slice(0, 20))}`, () => {
      const places: Record<string, unknown>[] = [
        { roles: { ...member, [name]: {} } },
        { roles: { ...member, reader: { memberOf: [name] } } },
        { schemas: { [name]: {} } },
        { schemas: { audit: { owner: name } } },
        { functions: { f: { ...sql, name } } },
        { functions: { f: { ...sql, schema: name } } },
        { functions: { f: { ...sql, args: [{ name, type: "uuid" }] } } },
        { functions: { f: { ...sql, searchPath: [name] } } },
        { grants: { a: { ...grant, role: name } } },
        { grants: { a: { ...grant, schema: name } } },
        { grants: { a: { ...grant, objects: [name] } } },
        { migrations: { folder: "migrations", table: name } },
        { migrations: { folder: "migrations", schema: name } },
      ];
      for (const place of places) {
        const [key = ""] = Object.keys(place);
        // What replaces a function or a role takes away what others refer to, so one problem at least is about the name.
        const problems = problemsWith(place).filter((problem) => problem.startsWith(key));
        assert.ok(problems.length > 0, JSON.stringify(place));
      }
    });
  }

  for (const name of odd) {
    it(`may be called ${JSON.stringify(name)} wherever the name is quoted, and not where a plugin does not`, () => {
      const roles = { ...member, [name]: {}, reader: { memberOf: [name] } };
      const schemas = { [name]: { owner: name } };
      const granted = { a: { ...grant, role: name, schema: name, objects: [name] } };
      const path = { f: { ...sql, searchPath: [name] } };
      assert.deepEqual(problemsWith({ roles, schemas, grants: granted, functions: path }), []);
      for (const place of [{ name }, { schema: name }, { args: [{ name, type: "uuid" }] }]) {
        const [problem = ""] = problemsWith({ schemas, functions: { f: { ...sql, ...place } } });
        assert.match(problem, /^functions\.f\..*without quotes, got /);
      }
      const migrated = problemsWith({ schemas, migrations: { folder: "migrations", schema: name, table: name } });
      const quoted = /['"]/.test(name) ? 2 : 0;
      assert.equal(migrated.filter((problem) => problem.includes("without quotes where")).length, quoted);
    });
  }

  it("that are functions have no type with a schema, and stand in a database without a dot", () => {
    const typed = { ...sql, args: [{ name: "a", type: "public.mood" }] };
    assert.match(problemsWith({ functions: { f: typed } })[0] ?? "", /^functions\.f\.args\.0\.type: .*cannot find/);
    assert.match(problemsWith({ name: "a.b", functions: { f: sql } })[0] ?? "", /^name: .*without dots/);
  });

  it("have no type, version or path that is more than one", () => {
    const types = ["uuid) returns void as $$", "int; drop table t", "text, x text", "", "numeric(1,2) default 1", "$$"];
    for (const type of types) {
      assert.ok(problemsWith({ functions: { f: { ...sql, args: [{ name: "a", type }] } } }).length > 0, type);
      assert.ok(problemsWith({ functions: { f: { ...sql, returns: type } } }).length > 0, type);
    }
    assert.ok(problemsWith({ extensions: { pgcrypto: { version: "1.3'; drop" } } }).length > 0);
    assert.ok(problemsWith({ extensions: { "a b": {} } }).length > 0);
    for (const path of ["relative", "/a/'b'", "/a b", "/$(id)", "/a\nb", "/a%f"]) {
      assert.ok(problemsWith({ recovery: { archive: path, baseBackups: "/b" } }).length > 0, path);
    }
    for (const folder of ["../up", "/etc", "a/../b", "a b"]) {
      assert.ok(problemsWith({ migrations: { folder } }).length > 0, folder);
    }
  });

  it("W5 · give nobody the rights of a superuser, neither by a word nor by a membership", () => {
    assert.match(
      problemsWith({ roles: { ...member, boss: { superuser: true } } }).join(),
      /roles\.boss\.superuser: no such key/,
    );
    for (const group of ["rewind", "postgres", "pg_read_all_data", "pg_execute_server_program"]) {
      const problems = problemsWith({ roles: { ...member, boss: { memberOf: [group] } } });
      assert.match(problems.join(), /rights over the whole server/, group);
    }
    for (const name of ["rewind", "postgres", "pg_monitor", "public", "scoring_app"]) {
      assert.ok(problemsWith({ roles: { ...member, [name]: {} } }).length > 0, name);
    }
  });

  it("have no circle of memberships, of whatever length", () => {
    assert.match(problemsWith({ roles: { ...member, a: { memberOf: ["a"] } } }).join(), /no member of itself/);
    const circle = { a: { memberOf: ["b"] }, b: { memberOf: ["c"] }, c: { memberOf: ["a"] } };
    assert.match(problemsWith({ roles: { ...member, ...circle } }).join(), /a is a member of itself through others/);
    const role = { user: "scoring_app", password: "api-token", memberOf: ["a"] };
    const through = { ...member, a: { memberOf: ["scoring_app"] } };
    assert.match(problemsWith({ role, roles: through }).join(), /role\.memberOf: scoring_app is a member of itself/);
  });

  it("have a password only where somebody can use it, and one that is there", () => {
    assert.match(problemsWith({ roles: { ...member, a: { password: "api-token" } } }).join(), /without login/);
    assert.match(
      problemsWith({ roles: { ...member, a: { login: true, password: "nowhere" } } }).join(),
      /roles\.a\.password: no secret "nowhere"/,
    );
  });

  it("are no second function of one signature, and hold no dollar quote", () => {
    const twins = { f: sql, g: { ...sql, name: "f" } };
    assert.match(problemsWith({ functions: twins }).join(), /public\.f\(\) is f already/);
    for (const body of ["as $$ select 1 $$", "select $function$x$function$", "select $body_$"]) {
      assert.match(problemsWith({ functions: { f: { ...sql, body } } }).join(), /dollar quote/, body);
    }
    assert.deepEqual(problemsWith({ functions: { f: { ...sql, body: "select $1 = $2" } } }), []);
  });

  it("W6 · are granted to everybody in production only with the reason", () => {
    const everybody = { ...grant, role: "public" };
    assert.match(
      problemsWith({ grants: { a: everybody } }, "production").join(),
      /grants\.a\.role: public is everybody/,
    );
    const said = { grants: { a: { ...everybody, toEverybody: "the catalogue is public" } } };
    assert.deepEqual(
      problemsWith(said, "production").filter((problem) => problem.startsWith("grants")),
      [],
    );
    assert.match(problemsWith({ grants: { a: { ...grant, toEverybody: "why" } } }).join(), /is not everybody/);
  });

  it("take only the privileges of their kind", () => {
    assert.ok(problemsWith({ grants: { a: { ...grant, privileges: ["USAGE"] } } }).length > 0);
    assert.ok(problemsWith({ grants: { a: { ...grant, privileges: ["SELECT; --"] } } }).length > 0);
    assert.ok(problemsWith({ grants: { a: { ...grant, objectType: "function" } } }).length > 0);
  });
});

describe("a check of what viewers see", () => {
  const problemsOf = (viewers: unknown[], query = "select 1"): string[] => {
    try {
      loadReal("local", (config) => {
        config["rewind:verification"] = { checks: { seen: { kind: "visibility", query, viewers } } };
      });
      return [];
    } catch (error) {
      assert.ok(error instanceof InvalidConfiguration);
      return error.problems.map(({ path, message }) => `${path}: ${message}`);
    }
  };
  const sees = { as: { role: "scoring_member" }, sees: { count: 1 } };

  it("W6 · asks as a role that is there, and never as the administrator", () => {
    assert.deepEqual(problemsOf([sees, { as: { role: "scoring_member" }, sees: "nothing" }]), []);
    assert.match(problemsOf([{ ...sees, as: { role: "rewind" } }]).join(), /rewind is the administrator/);
    assert.match(problemsOf([{ ...sees, as: { role: "other" } }]).join(), /no role "other"/);
  });

  it("has a viewer who sees something, for an empty table would pass otherwise", () => {
    assert.match(problemsOf([{ as: { role: "scoring_member" }, sees: "nothing" }]).join(), /an empty table would pass/);
    assert.deepEqual(problemsOf([{ as: { role: "scoring_member" }, sees: "denied" }]), []);
  });

  it("sets only settings of the application's own", () => {
    for (const name of ["role", "search_path", "session_authorization", "a.b; reset role", "Request.jwt"]) {
      const viewer = { as: { role: "scoring_member", settings: { [name]: "x" } }, sees: { count: 1 } };
      assert.ok(problemsOf([viewer]).length > 0, name);
    }
  });
});
