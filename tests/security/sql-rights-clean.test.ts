import assert from "node:assert/strict";
import type { Client } from "pg";
import { archivedRows, cleanRows, restoreRows } from "../../cli/data-archive";
import type { OpenedStack } from "../../cli/stack";
import { readOnly } from "../../checks/sql";
import { countByVersion, newestRows } from "../../checks/stamped";
import { attacker, Battlefield } from "./sql-server";

const located = { schema: "app", name: "profiles", version: "version", created: "at", key: ["id"], show: [] };
const table = `create table app.profiles (id int primary key, version text, at timestamptz default now(), name text);
  insert into app.profiles values (1, 'v2', now(), 'a'), (2, 'v2', now(), 'b'), (3, 'v1', now(), 'c')`;

describe("clean-up and restore of rows in a table of the application", function () {
  this.timeout(60_000);
  let field: Battlefield | undefined;
  let app: Client;
  let stack: OpenedStack;
  before(async function () {
    field = await Battlefield.start(this);
    app = await field.as(attacker);
    const database = { host: "127.0.0.1", port: field.port, name: "postgres", administrator: { user: "postgres" } };
    stack = { settings: { environment: { database } }, secrets: {} } as unknown as OpenedStack;
  });
  after(() => field?.stop());
  beforeEach(async () => {
    await field!.administrator.query(`drop schema if exists app cascade; drop schema if exists rewind cascade;
      drop owned by ${attacker}; grant usage on sequence public.ran_postgres, public.ran_${attacker} to public; create schema app; grant usage, create on schema app to ${attacker};
      grant insert, select on public.trace to public; truncate public.trace; select setval('public.ran_postgres', 1, false)`);
  });

  const clean = (count = 2) =>
    cleanRows(stack, located, {
      run: "run",
      by: "somebody",
      filter: { madeBy: "v2", since: "2020-01-01T00:00:00Z" },
      count,
    });
  const restore = async () => restoreRows(stack, "run", (await archivedRows(stack, "run"))!);
  const rows = async (): Promise<unknown[]> =>
    (await field!.administrator.query<object>("select id, name from app.profiles order by id")).rows;
  const all = [
    { id: 1, name: "a" },
    { id: 2, name: "b" },
    { id: 3, name: "c" },
  ];
  const trigger = (work: string, when = "before insert or delete"): string => `
    create function app.trap() returns trigger language plpgsql as $f$ begin ${work}; return coalesce(new, old); end $f$;
    create trigger t ${when} on app.profiles for each row execute function app.trap()`;
  /** With whose rights the application's code ran, its own among them, also in what was rolled back. */
  const ran = async (): Promise<string[]> => {
    const { rows } = await field!.administrator.query<{ by: string }>(
      "select by from public.trace union select 'postgres' from public.ran_postgres where is_called",
    );
    return rows.map(({ by }) => by);
  };

  it("SEC-H4 · run its triggers with the application's own rights, and give the rows back as they were", async () => {
    await app.query(`${table}; ${trigger(field!.trap)}`);
    await clean();
    assert.deepEqual(await rows(), all.slice(2));
    await restore();
    assert.deepEqual(await rows(), all);
    assert.deepEqual(await ran(), [attacker]);
  });

  it("SEC-H4 · run the checks and casts of its types with its own rights", async () => {
    await app.query(`create function app.spring(text) returns boolean language plpgsql as $f$ begin ${field!.trap}; return true; end $f$;
      create domain app.word as text check (app.spring(value));
      create type app.mood as enum ('good');
      create function app.told(app.mood) returns json language plpgsql as $f$ begin ${field!.trap}; return '"good"'; end $f$;
      create cast (app.mood as json) with function app.told(app.mood);
      ${table}; alter table app.profiles add word app.word default 'x', add mood app.mood default 'good'`);
    await field!.administrator.query("truncate public.trace");
    await clean();
    await restore();
    assert.deepEqual(await rows(), all);
    assert.deepEqual(await ran(), [attacker]);
  });

  const escapes: readonly (readonly [title: string, work: string, reason: RegExp | undefined])[] = [
    ["sets the role back", "perform set_config('role', 'none', true)", /cannot set parameter "role"/],
    [
      "sets the session's user",
      "execute 'reset session authorization'",
      /cannot set parameter "session_authorization"/,
    ],
    [
      "puts a table over a catalogue",
      "if to_regclass('pg_temp.pg_class') is null then create temporary view pg_class as select app.seen() as oid; create temporary view pg_trigger as select app.seen() as oid; create temporary view pg_attribute as select app.seen() as oid; end if; set search_path to pg_temp, pg_catalog",
      undefined,
    ],
    [
      "gives the functions that run it other rights",
      `declare f text; begin for f in select oid::regprocedure from pg_proc where proname like 'rewind%' and proowner = current_user::regrole loop
        execute format('alter function %s security invoker', f);
        execute format('create or replace function %s returns text language sql as %L', f, 'insert into public.trace values (current_user) returning by');
      end loop; end`,
      undefined,
    ],
    [
      "leaves a trigger for the end of the transaction",
      "if not exists (select from pg_trigger where tgname = 'late') then create function app.late() returns trigger language plpgsql as $l$ begin insert into public.trace values (current_user); return null; end $l$; create table app.other (id int); create constraint trigger late after insert on app.other deferrable initially deferred for each row execute function app.late(); end if; insert into app.other values (1)",
      /the trigger late on app\.other is deferrable, so it would run with the rights of postgres/,
    ],
    [
      "leaves an exclusion for the end of the transaction",
      "if to_regclass('app.other') is null then create table app.other (id int); alter table app.other add constraint late exclude using btree ((app.known(id)) with =) deferrable initially deferred; end if; insert into app.other values (1); insert into app.other values (1); delete from app.other where ctid = (select min(ctid) from app.other)",
      /the constraint late on app\.other is deferrable, so it would run with the rights of postgres/,
    ],
  ];
  for (const [title, work, reason] of escapes) {
    it(`SEC-H4 · give no rights to a trigger that ${title}`, async () => {
      await app.query(
        `create function app.seen() returns oid language plpgsql as $f$ begin ${field!.trap}; return 1; end $f$;
        create function app.note(int) returns int language plpgsql as $f$ begin ${field!.trap}; return $1; end $f$;
        create function app.known(int) returns int language plpgsql immutable as $f$ begin return app.note($1); end $f$;
        ${table}; ${trigger(work)}`,
      );
      await field!.administrator.query("truncate public.trace");
      if (reason === undefined) {
        await clean();
        assert.deepEqual(await rows(), all.slice(2));
      } else {
        await assert.rejects(clean(), reason);
        assert.deepEqual(await rows(), all);
      }
      assert.deepEqual(
        (await ran()).filter((by) => by !== attacker),
        [],
      );
    });
  }

  it("SEC-H4 · refuse the administrator's table with a trigger of the application", async () => {
    await field!.administrator.query(`${table}; grant trigger on app.profiles to ${attacker}`);
    await app.query(trigger(field!.trap));
    await assert.rejects(
      clean(),
      /the function app\.trap\(\), which the trigger t on app\.profiles runs, belongs to scoring_app/,
    );
    assert.deepEqual(await rows(), all);
    assert.deepEqual(await ran(), []);
  });

  it("SEC-H4 · refuse an archive that the application made first", async () => {
    await app.query(table);
    await field!.administrator
      .query(`create schema rewind; create table rewind.cleaned_rows (run text, key jsonb, contents jsonb,
      table_schema text, table_name text, restored_at timestamptz); alter table rewind.cleaned_rows owner to ${attacker}`);
    await assert.rejects(clean(), /the table rewind\.cleaned_rows belongs to scoring_app/);
    await assert.rejects(archivedRows(stack, "run"), /the table rewind\.cleaned_rows belongs to scoring_app/);
    assert.deepEqual(await rows(), all);
  });

  const listed = () =>
    readOnly(field!.checks(), 5_000, async (client) => {
      const counts = await countByVersion(client, located, { madeBy: "v2" });
      return [counts, (await newestRows(client, located, {}, 9)).length];
    });

  it("SEC-H4 · list the rows of its tables", async () => {
    await app.query(table);
    assert.deepEqual(await listed(), [[{ version: "v2", count: 2 }], 3]);
  });

  for (const [title, made, reason] of [
    [
      "a view in the place of the table",
      "create view app.profiles as select 1 as id, app.told('good')::text as version, now() as at",
      /app\.profiles is no table, and it belongs to scoring_app/,
    ],
    [
      "a cast of its type",
      "create cast (app.mood as text) with function app.told(app.mood); create table app.profiles (id int, version app.mood, at timestamptz); insert into app.profiles values (1, 'good', now())",
      /the function app\.told\(app\.mood\), by which values of app\.mood are read, belongs to scoring_app/,
    ],
  ] as const) {
    it(`SEC-H4 · list nothing by ${title}`, async () => {
      await app.query(`create type app.mood as enum ('good');
        create function app.told(app.mood) returns text language plpgsql as $f$ begin
          perform dblink_exec('host=127.0.0.1 port=${field!.port} user=postgres dbname=postgres', 'insert into public.trace values (''out'')');
          return 'v2'; end $f$; ${made}`);
      await field!.administrator.query("create extension if not exists dblink");
      await assert.rejects(listed(), reason);
      assert.deepEqual(await ran(), []);
    });
  }
});
