import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deployments } from "../../records/state";
import { checkout } from "./local-home";
import { fixtureFor, scratch, type Fixture } from "./fixture";
import { configOf, edit as editIn, keepTheDatabase, type Edit } from "./stack-edits";

/** Below the checkout, for migrations lie in the project. */
const own = `${scratch}/database-test`;

describe("the database of a stack, through the real engine", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    rmSync(join(checkout, own), { recursive: true, force: true });
    mkdirSync(join(checkout, own));
    cpSync(join(checkout, "examples/scoring/migrations"), join(checkout, own, "migrations"), { recursive: true });
  });
  after(async () => {
    writeFileSync(stack.stackFile, original);
    await stack.empty();
    rmSync(join(checkout, own), { recursive: true, force: true });
  });

  let original = "";
  const edit = (...edits: Edit[]): void => {
    editIn(stack, ...edits);
  };
  const database = "rewind:environment/database";
  const migration = (name: string, up: string, down?: string): void => {
    const back = down === undefined ? "" : `\n-- Down Migration\n${down}\n`;
    writeFileSync(join(checkout, own, "migrations", `${name}.sql`), `-- Up Migration\n${up}\n${back}`);
  };
  const hasLocale = async (): Promise<boolean> =>
    (
      await stack.query(
        "select 1 from information_schema.columns where table_name = 'notes' and column_name = 'locale'",
      )
    ).length === 1;
  const last = () => deployments(stack.log()).at(-1)!;

  it("W5 · the schema goes down and up again with the pin, and the log says what ran", async () => {
    await stack.up();
    assert.equal(await hasLocale(), true);
    stack.pin("v1.2.0");
    const { output } = await stack.up();
    assert.equal(await hasLocale(), false);
    assert.deepEqual(
      last().intent.migrations?.map(({ name, direction }) => `${name} ${direction}`),
      ["0002_add_locale down"],
    );
    assert.equal(last().outcome?.result, "passed");
    // What goes down goes after the workloads: no release meets a schema that is older than itself.
    const at = (what: RegExp): number => output.search(what);
    assert.ok(at(/Container score_prism created/) < at(/Migrations migrations-down updated/), output);
    assert.ok((await stack.rewind("verify")).code === 0);
    stack.pin("v1.2.1");
    await stack.up();
    assert.equal(await hasLocale(), true);
  });

  it("W5 · production refuses a way down until staging's log has run the same file", async () => {
    const lines = readFileSync(stack.logFile, "utf8").trimEnd().split("\n");
    stack.pin("v1.2.0");
    edit(["rewind:environment/kind", "production"]);
    const unnamed = await stack.pulumi(["preview"]);
    assert.notEqual(unnamed.code, 0);
    assert.match(
      unnamed.output,
      /production goes no way down that was not rehearsed: 0002_add_locale .*database\.migrations\.rehearsal/s,
    );

    const rehearsal = `${own}/staging.jsonl`;
    edit([`${database}/migrations/rehearsal`, rehearsal]);
    const refused = /run the same files down there first; its log is .*staging\.jsonl/;
    // Staging has only gone up so far.
    writeFileSync(join(checkout, rehearsal), `${lines.slice(0, 2).join("\n")}\n`);
    assert.match((await stack.pulumi(["preview"])).output, refused);
    // Staging went down with another file of that name.
    writeFileSync(
      join(checkout, rehearsal),
      lines.join("\n").replaceAll(/(0002_add_locale","direction":"down","digest":"sha256:)[0-9a-f]{8}/g, "$1deadbeef"),
    );
    assert.match((await stack.pulumi(["preview"])).output, refused);
    // Staging went down, and its verification failed.
    writeFileSync(join(checkout, rehearsal), lines.join("\n").replaceAll('"result":"passed"', '"result":"failed"'));
    assert.match((await stack.pulumi(["preview"])).output, refused);

    writeFileSync(join(checkout, rehearsal), `${lines.join("\n")}\n`);
    const allowed = await stack.pulumi(["preview"]);
    assert.equal(allowed.code, 0, allowed.output);
    edit(["rewind:environment/kind", "local"], [`${database}/migrations/rehearsal`, undefined]);
    stack.pin("v1.2.1");
  });

  it("W5 · an applied migration that was edited since refuses the update before the first change, by name", async () => {
    edit([`${database}/migrations/folder`, `${own}/migrations`]);
    const file = join(checkout, own, "migrations", "0001_members.sql");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace("members only", "everybody"));
    const entries = stack.log().length;
    const ran = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(ran.code, 0);
    assert.match(
      ran.output,
      /Refused before the first change; nothing was touched\.[^]*0001_members has been changed since it was applied/,
    );
    assert.equal(stack.log().length, entries);
    writeFileSync(file, text);
  });

  it("W5 · a migration that fails half-way leaves nothing, and the same command works after the fix", async () => {
    const fixed = "create table audit (id int);";
    migration("0003_audit", `${fixed}\ninsert into nowhere values (1);`, "drop table audit;");
    edit(["rewind:releases/v1.3.0", releaseOf("v1.2.1", "0003_audit")]);
    stack.pin("v1.3.0");
    const failed = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(failed.code, 0);
    assert.match(
      failed.output,
      /migrations\/0003_audit\.sql:3:13 \(up\): relation "nowhere" does not exist \[42P01\]; nothing of it remains/,
    );
    assert.equal((await stack.query("select to_regclass('app.audit') as found"))[0] !== undefined, true);
    assert.deepEqual(await stack.query("select to_regclass('app.audit')::text as found"), [{ found: null }]);
    // The program writes it on its way out, which the engine does not always wait for; without one it was interrupted.
    const { outcome } = last();
    assert.ok(outcome === undefined || outcome.result === "error", outcome?.result);
    migration("0003_audit", fixed, "drop table audit;");
    await stack.up();
    assert.deepEqual(await stack.query("select to_regclass('app.audit')::text as found"), [{ found: "app.audit" }]);
  });

  it("W6 · a migration that breaks is_member_of fails verification, and the way back restores it", async () => {
    const head =
      "create or replace function public.is_member_of(of_organisation uuid) returns boolean language plpgsql stable as $$";
    const whole = readFileSync(stack.stackFile, "utf8");
    assert.match(whole, /is_member_of/);
    const restored = `begin return exists (select from app.memberships where organisation = of_organisation and member = nullif(current_setting('app.user_id', true), '')::uuid); end`;
    migration(
      "0004_everybody_is_a_member",
      `${head} begin return true; end $$;`,
      `${head} ${restored} $$;\nalter function public.is_member_of(uuid) security definer set search_path = app, pg_temp;`,
    );
    edit(["rewind:releases/v1.4.0", releaseOf("v1.2.1", "0004_everybody_is_a_member")]);
    stack.pin("v1.4.0");
    const failed = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(failed.code, 0);
    assert.match(failed.output, /failed +members-only: .*000000000002\) sees 1 row, expected nothing \(failed\)/);
    assert.equal(last().outcome?.result, "failed");
    const back = await stack.rewind("rollback", "v1.3.0", "--yes");
    assert.equal(back.code, 0, back.output);
    assert.match(back.stdout, /ROLLBACK SUCCESS/);
  });

  it("W5 · what cannot be undone is refused before anything is touched", async () => {
    migration("0004_everybody_is_a_member", "alter table audit add column why text;");
    edit(["rewind:releases/v1.4.0", releaseOf("v1.2.1", "0004_everybody_is_a_member")]);
    stack.pin("v1.4.0");
    // It failed above, so it is on hold.
    const released = await stack.rewind("unhold", "v1.4.0", "--reason", "the migration is another one now");
    assert.equal(released.code, 0, released.output);
    await stack.up();
    const entries = stack.log().length;
    stack.pin("v1.2.1");
    const ran = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(ran.code, 0);
    assert.match(ran.output, /0004_everybody_is_a_member cannot be undone: .*rewind database recover/);
    assert.equal(stack.log().length, entries);
    stack.pin("v1.4.0");
  });

  it("W6 · a schema that was migrated behind Rewind's back stops the next update", async () => {
    await stack.query("insert into rewind.pgmigrations (name, run_on) values ('0009_by_hand', now())");
    stack.pin("v1.2.1");
    const ran = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(ran.code, 0);
    assert.match(ran.output, /0009_by_hand has been applied, and its file is gone/);
    assert.match(ran.output, /changed behind Rewind's back: stands at 0009_by_hand/);
    await stack.query("delete from rewind.pgmigrations where name = '0009_by_hand'");
    stack.pin("v1.4.0");
  });

  it("W6 · roles, schemas, extensions, functions and grants come, change and go with the stack file", async () => {
    edit(
      [
        `${database}/roles`,
        {
          scoring_member: {},
          clerk: { login: true, password: "api-token", memberOf: ["scoring_member"], connectionLimit: 3 },
        },
      ],
      [`${database}/schemas`, { office: { owner: "clerk" } }],
      [`${database}/extensions`, { pgcrypto: { schema: "office" } }],
      [
        `${database}/functions/twice`,
        {
          schema: "office",
          args: [{ name: "what", type: "integer" }],
          returns: "integer",
          language: "sql",
          volatility: "immutable",
          body: "select what * 2",
        },
      ],
      [
        `${database}/grants`,
        {
          reading: {
            role: "clerk",
            objectType: "table",
            schema: "app",
            objects: ["notes"],
            privileges: ["SELECT", "INSERT"],
          },
          // Of a table with pinned rows: the application reads it in any case.
          noting: {
            role: "scoring_app",
            objectType: "table",
            schema: "app",
            objects: ["scoring_config"],
            privileges: ["INSERT"],
          },
        },
      ],
    );
    await stack.up();
    const asked = async () =>
      (
        await stack.query(
          `select (select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname = 'clerk') as powers,
                  (select rolcanlogin from pg_roles where rolname = 'clerk') as login,
                  pg_has_role('clerk', 'scoring_member', 'member') as member,
                  (select nspowner::regrole::text from pg_namespace where nspname = 'office') as owner,
                  (select extnamespace::regnamespace::text from pg_extension where extname = 'pgcrypto') as extension,
                  office.twice(4) as twice,
                  has_table_privilege('clerk', 'app.notes', 'INSERT') as inserts,
                  has_table_privilege('clerk', 'app.notes', 'DELETE') as deletes,
                  has_table_privilege('scoring_app', 'app.scoring_config', 'SELECT') as reads`,
        )
      )[0];
    const there = {
      powers: false,
      login: true,
      member: true,
      owner: "clerk",
      extension: "office",
      twice: 8,
      inserts: true,
      deletes: false,
      reads: true,
    };
    assert.deepEqual(await asked(), there);
    const unchanged = await stack.pulumi(["preview", "--expect-no-changes"]);
    assert.equal(unchanged.code, 0, unchanged.output);

    edit(
      [`${database}/functions/twice/body`, "select what + what + 1"],
      [`${database}/grants/reading/privileges`, ["SELECT"]],
    );
    await stack.up();
    assert.deepEqual(await asked(), { ...there, twice: 9, inserts: false });
    const definer = await stack.query(
      "select prosecdef as definer, proconfig::text as config from pg_proc where oid = 'public.is_member_of(uuid)'::regprocedure",
    );
    assert.deepEqual(definer, [{ definer: true, config: '{"search_path=app, pg_temp"}' }]);

    edit(
      [`${database}/roles`, { scoring_member: {} }],
      ...["schemas", "extensions", "functions/twice", "grants"].map((each): Edit => [`${database}/${each}`, undefined]),
    );
    await stack.up();
    assert.deepEqual(await stack.query("select rolname from pg_roles where rolname = 'clerk'"), []);
    assert.deepEqual(await stack.query("select nspname from pg_namespace where nspname = 'office'"), []);
    const rights = await stack.query(
      `select has_table_privilege('scoring_app', 'app.scoring_config', 'SELECT') as reads,
              has_table_privilege('scoring_app', 'app.scoring_config', 'INSERT') as inserts`,
    );
    assert.deepEqual(rights, [{ reads: true, inserts: false }]);
  });

  it("a changed role keeps its memberships, and one that only the server knows is named beforehand", async () => {
    const own = `${database}/role/memberOf`;
    const limit = `${database}/role/connectionLimit`;
    const members = async () =>
      (
        await stack.query<{ group: string }>(
          `select roleid::regrole::text as "group" from pg_auth_members
            where member = 'scoring_app'::regrole order by 1`,
        )
      ).map(({ group }) => group);
    await stack.query("create role platform_login; create role boss superuser; create role clerks in role boss");
    await stack.query("grant platform_login to scoring_app");
    try {
      edit([limit, 40]);
      const named = await stack.pulumi(["preview"]);
      assert.match(named.output, /memberships: scoring_app is in platform_login, which the stack file does not say/);
      for (const [group, problem] of [
        ["platform_logn", /memberOf names platform_logn, which neither the stack nor the server has/],
        ["clerks", /memberOf names clerks, with rights over the whole server/],
      ] as const) {
        edit([own, [group]]);
        const refused = await stack.pulumi(["up", "--yes", "--skip-preview"]);
        assert.notEqual(refused.code, 0, refused.output);
        assert.match(refused.output, problem);
        assert.deepEqual(await members(), ["platform_login"]);
      }
      edit([`${database}/roles/reader`, {}], [own, ["reader", "platform_login"]], [limit, 41]);
      const { output } = await stack.up();
      assert.doesNotMatch(output, /memberships/);
      assert.deepEqual(await members(), ["platform_login", "reader"]);
      edit([own, ["platform_login"]], [limit, 42]);
      await stack.up();
      assert.deepEqual(await members(), ["platform_login"]);
      const unchanged = await stack.pulumi(["preview", "--expect-no-changes"]);
      assert.equal(unchanged.code, 0, unchanged.output);
    } finally {
      edit([own, undefined], [limit, undefined], [`${database}/roles/reader`, undefined]);
      await stack.query("drop role platform_login, clerks, boss");
    }
  });

  /** A release as another one, but for its schema. */
  function releaseOf(id: string, schema: string): unknown {
    return { ...configOf(stack)["rewind:releases"]?.[id], schema: { migration: schema } };
  }
});
