import assert from "node:assert/strict";
import type { Client } from "pg";
import { asAdministrator } from "../../checks/administrator";
import { measureRows } from "../../checks/rows";
import { planRows } from "../../rows/plan";
import { pinnedSource } from "../../rows/source";
import type { LocatedTable } from "../../rows/sql";
import { applyInTransaction } from "../../rows/transaction";
import { attacker, Battlefield } from "./sql-server";

const located: LocatedTable = {
  schema: "app",
  name: "settings",
  table: { key: "key", columns: { key: "text", value: "text" } },
};
const rows = pinnedSource({ rows: [{ key: "a", value: "new" }] }, "");
const table =
  "create table app.settings (key text primary key, value text); insert into app.settings values ('a', 'old')";

/** What an attacker may make: functions that write down with whose rights they run. */
const traps = (trap: string): string => `
  create function app.spring() returns boolean language plpgsql as $f$ begin ${trap}; return true; end $f$;
  create function app.trap(text) returns boolean language plpgsql immutable as $f$ begin return app.spring(); end $f$;
  create function app.trap() returns trigger language plpgsql as $f$ begin perform app.spring(); return new; end $f$`;

interface Attack {
  readonly title: string;
  /** What the administrator has done, which everybody might have. */
  readonly before?: string;
  readonly attack?: string;
  /** What the administrator does afterwards, unaware. */
  readonly after?: string;
  readonly reason: RegExp;
}

const owned = (what: string): RegExp =>
  new RegExp(
    `${what}.* belongs to ${attacker}, whose code would run with the rights of postgres; if that is to be trusted: alter `,
  );
const trigger = "create trigger t before insert or update on app.settings for each row execute function app.trap()";

const attacks: readonly Attack[] = [
  {
    title: "a table of a coming release that the application makes first, with a trigger",
    attack: `${table}; ${trigger}`,
    reason: owned("the table app.settings"),
  },
  {
    title: "a trigger that the right TRIGGER lets the application put on the administrator's table",
    before: `${table}; grant trigger on app.settings to ${attacker}`,
    attack: trigger,
    reason: owned("the function app.trap\\(\\), which the trigger t on app.settings runs,"),
  },
  {
    title: "the administrator's trigger that runs a function of the application",
    before: table,
    after: trigger,
    reason: owned("the trigger t"),
  },
  {
    title: "a trigger function of a group that the application is in",
    before: `${table}; grant team to ${attacker}`,
    attack: "alter function app.trap() owner to team",
    after: trigger,
    reason: /the function app.trap\(\), which the trigger t .* belongs to team, whose code/,
  },
  {
    title: "a domain of the application, which may give it a check at any time",
    attack: "create domain app.word as text; alter domain app.word add check (app.trap(value)) not valid",
    after: "create table app.settings (key text primary key, value app.word)",
    reason: owned("the type app.word"),
  },
  {
    title: "the administrator's domain whose check calls a function of the application",
    after:
      "create domain app.word as text check (app.trap(value)); create table app.settings (key text primary key, value app.word)",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "an array of a domain inside a composite type",
    attack: "create domain app.word as text check (app.trap(value))",
    after:
      "create type app.pair as (words app.word[]); create table app.settings (key text primary key, value text, pair app.pair)",
    reason: owned("the type app.word"),
  },
  {
    title: "a check that calls a function of the application",
    before: table,
    after: "alter table app.settings add check (app.trap(value)) not valid",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "a generated column",
    after:
      "create table app.settings (key text primary key, value text, fits boolean generated always as (app.trap(value)) stored)",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "a default",
    after: "create table app.settings (key text primary key, value text, fits boolean default app.spring())",
    reason: owned("the function app.spring\\(\\)"),
  },
  {
    title: "an index over an expression",
    after:
      "create table app.settings (key text primary key, value text); create index on app.settings (app.trap(value))",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "the condition of an index",
    after:
      "create table app.settings (key text primary key, value text); create index on app.settings (key) where app.trap(value)",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "the key of a partitioned table",
    after:
      "create table app.settings (key text, value text) partition by list (app.trap(key)); create table app.part partition of app.settings default",
    reason: owned("the function app.trap\\(text\\)"),
  },
  {
    title: "a rule that runs a function of the application",
    before: table,
    after: "create rule r as on update to app.settings do also select app.spring()",
    reason: owned("the function app.spring\\(\\)"),
  },
  {
    title: "a view of the application in the place of the table",
    attack:
      "create view app.settings as select key, value from (values ('a', 'old')) v(key, value) where app.trap(key)",
    reason: owned("the view app.settings"),
  },
  {
    title: "the administrator's view over a table of the application",
    attack: `create table app.base (key text primary key, value text); insert into app.base values ('a', 'old');
      create trigger t before insert or update on app.base for each row execute function app.trap()`,
    after: "create view app.settings as select * from app.base",
    reason: owned("the table app.base"),
  },
  {
    title: "a table of the application that inherits from the administrator's",
    before: table,
    attack: "create table app.child (key text primary key, value text)",
    after: "alter table app.child inherit app.settings",
    reason: owned("the table app.child"),
  },
  {
    title: "a table of the application that a reference changes along",
    before: `create table app.settings (key text, value text primary key); insert into app.settings values ('a', 'old');
      grant references on app.settings to ${attacker}`,
    attack: "create table app.copy (value text references app.settings on update cascade on delete cascade)",
    reason: owned("the table app.copy"),
  },
  {
    title: "an operator of the application in a check",
    before: table,
    attack:
      "create function app.beats(text, text) returns boolean language plpgsql as $f$ begin return app.spring(); end $f$; create operator app.<<< (leftarg = text, rightarg = text, function = app.beats)",
    after: "alter table app.settings add check (value operator(app.<<<) 'x') not valid",
    reason: owned("the operator app.<<<\\(text,text\\)"),
  },
  {
    title: "a function of the application that an event trigger runs",
    attack:
      "create function app.event() returns event_trigger language plpgsql as $f$ begin perform app.spring(); end $f$",
    before: table,
    after: "create event trigger watch on ddl_command_end execute function app.event()",
    reason: owned("the function app.event\\(\\), which the event trigger watch runs,"),
  },
  {
    title: "a schema of the application, which may put another table there",
    before: table,
    after: `alter schema app owner to ${attacker}`,
    reason: owned("the schema app"),
  },
  {
    title: "the administrator's trigger function that looks names up where the application may create",
    before: `${table}; create function app.known() returns trigger language plpgsql set search_path = app as $f$ begin
      new.value := lower(new.value::varchar); return new; end $f$;
      create trigger t before insert or update on app.settings for each row execute function app.known()`,
    attack:
      "create function app.lower(varchar) returns text language plpgsql as $f$ begin perform app.spring(); return $1; end $f$",
    reason: new RegExp(
      `the function app.known\\(\\) looks names up in the schema app, in which ${attacker}, team may create; alter function app.known\\(\\) set search_path`,
    ),
  },
];

describe("rows of a release, where the application may create", function () {
  this.timeout(60_000);
  let field: Battlefield | undefined;
  let app: Client;
  before(async function () {
    field = await Battlefield.start(this);
    app = await field.as(attacker);
  });
  after(() => field?.stop());
  beforeEach(async () => {
    await field!.administrator.query(`drop event trigger if exists watch; drop schema if exists app cascade;
      drop owned by ${attacker}, team; grant usage on sequence public.ran_postgres, public.ran_${attacker} to public; create schema app;
      grant usage, create on schema app to ${attacker}, team; grant insert, select on public.trace to public`);
    await app.query(traps(field!.trap));
  });

  const apply = () =>
    asAdministrator(field!.access, (client) =>
      applyInTransaction(client, [{ located, release: "v2", rows, overEdits: true }]),
    );
  const plan = () => asAdministrator(field!.access, (client) => planRows(client, [{ located, rows, left: [] }]));
  const value = async (): Promise<unknown> =>
    (await field!.administrator.query<{ value: string }>("select value from app.settings where key = 'a'")).rows[0]
      ?.value;

  for (const { title, before = "", attack = "", after = "", reason } of attacks) {
    it(`SEC-H4 · run no code of the application: ${title}`, async () => {
      await field!.administrator.query(before);
      await app.query(attack);
      await field!.administrator.query(after);
      // What the attack has run by itself is not what it is about.
      await field!.victims();
      const problems = (await plan()).join("\n");
      await assert.rejects(apply(), (error: Error) => {
        assert.match(error.message, reason);
        assert.match(error.message, /; nothing was written$/);
        return true;
      });
      await measureRows(field!.checks(), located, rows).catch(() => undefined);
      assert.deepEqual(await field!.victims(), []);
      assert.match(problems, reason);
    });
  }

  it("SEC-H4 · are refused when a function was given away between plan and update", async () => {
    await field!.administrator.query(`${table}; create function app.own() returns trigger language plpgsql
      as $f$ begin return new; end $f$; ${trigger.replace("app.trap", "app.own")}`);
    assert.deepEqual(await plan(), []);
    await field!.administrator.query(`alter function app.own() owner to ${attacker}`);
    await assert.rejects(apply(), owned("the function app.own\\(\\)"));
    assert.equal(await value(), "old");
  });

  it("SEC-H4 · are refused when a trigger comes between the look at the table and its lock", async () => {
    await field!.administrator.query(`${table}; grant trigger on app.settings to ${attacker}`);
    await app.query(`begin; ${trigger}`);
    const applied = apply().then(
      () => "applied",
      (error: unknown) => (error as Error).message,
    );
    for (let waiting = 0; waiting === 0;) {
      const { rows } = await field!.administrator.query<{ n: number }>(
        "select count(*)::int as n from pg_locks where not granted and relation = 'app.settings'::regclass",
      );
      waiting = rows[0]?.n ?? 0;
    }
    await app.query("commit");
    assert.match(await applied, owned("the function app.trap\\(\\), which the trigger t"));
    assert.deepEqual(await field!.victims(), []);
    assert.equal(await value(), "old");
  });

  it("SEC-H4 · are refused when a column that is to be added has a domain of the application", async () => {
    await field!.administrator.query(table);
    await app.query("create domain app.word as text check (app.trap(value))");
    const worded = { ...located, table: { key: "key", columns: { key: "text", value: "text", more: "app.word" } } };
    await assert.rejects(
      asAdministrator(field!.access, (client) =>
        applyInTransaction(client, [{ located: worded, release: "v2", rows, overEdits: true }]),
      ),
      owned("the type app.word"),
    );
    assert.deepEqual(await field!.victims(), []);
  });

  it("SEC-H4 · are compared by PostgreSQL's operators, not by those that the application puts in the search path", async () => {
    await field!.administrator
      .query(`grant create on schema public to ${attacker}; create type app.mood as enum ('old', 'new');
      create table app.settings (key text primary key, value app.mood); insert into app.settings values ('a', 'old');
      grant usage on type app.mood to public`);
    await app.query(`create function public.same(app.mood, app.mood) returns boolean language plpgsql as $f$
      begin perform app.spring(); return true; end $f$;
      create operator public.= (leftarg = app.mood, rightarg = app.mood, function = public.same)`);
    const moods = { ...located, table: { key: "key", columns: { key: "text", value: "app.mood" } } };
    await asAdministrator(field!.access, (client) =>
      applyInTransaction(client, [{ located: moods, release: "v2", rows, overEdits: true }]),
    );
    assert.deepEqual(await field!.victims(), []);
    assert.equal(await value(), "new");
  });

  it("SEC-H4 · go through the triggers, checks and domains of the administrator as before", async () => {
    await field!.administrator
      .query(`create extension if not exists hstore; create domain app.word as text check (length(value) < 9);
      create table app.audit (key text);
      create table app.settings (key text primary key, value app.word check (value <> ''), more hstore, at timestamptz default now());
      insert into app.settings values ('a', 'old', 'a=>1');
      create function app.own() returns trigger language plpgsql as $f$ begin
        new.at := now(); insert into app.audit values (new.key); return new; end $f$;
      ${trigger.replace("app.trap", "app.own")}`);
    assert.deepEqual(await plan(), []);
    await apply();
    assert.equal(await value(), "new");
    assert.equal((await field!.administrator.query("select from app.audit")).rowCount, 1);
  });
});
