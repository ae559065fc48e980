import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runner } from "node-pg-migrate";
import { Client } from "pg";
import { digestsIn, readMigrations } from "../../checks/migration-folder";
import type { MigrationsInputs } from "../../stacks/migrations";
import { migrate } from "../../stacks/migrations.provider";
import { fixtureFor, type Fixture } from "./fixture";

describe("migrations on a real PostgreSQL", function () {
  let stack: Fixture;
  let client: Client;
  let project: string;
  before(async function () {
    stack = await fixtureFor(this);
    const { host, port, user, password } = stack.environment.postgres;
    client = new Client({ host, port, user, password, database: "postgres" });
    await client.connect();
  });
  after(async () => {
    await client.end();
  });
  beforeEach(async () => {
    await client.query("create schema migrated");
    project = mkdtempSync(join(tmpdir(), "rewind-migrations-"));
    mkdirSync(join(project, "migrations"));
    write("0001_people", "create table people (id int primary key);", "drop table people;");
    write("0002_names", "alter table people add column name text;", "alter table people drop column name;");
  });
  afterEach(async () => {
    await client.query("drop schema migrated cascade; drop role if exists hasty");
    rmSync(project, { recursive: true });
  });

  const write = (name: string, up: string, down?: string, first = ""): void => {
    const back = down === undefined ? "" : `\n-- Down Migration\n${down}\n`;
    writeFileSync(join(project, "migrations", `${name}.sql`), `${first}-- Up Migration\n${up}\n${back}`);
  };
  const inputs = (target: string, direction: "up" | "down", more: Partial<MigrationsInputs> = {}): MigrationsInputs => {
    const { host, port, user, password } = stack.environment.postgres;
    return {
      connection: { host, port, user, database: "postgres", sslmode: "disable" },
      password,
      direction,
      target,
      folder: "migrations",
      schema: "migrated",
      tables: { schema: "migrated", table: "pgmigrations" },
      files: digestsIn(readMigrations(project, "migrations")),
      ...more,
    };
  };
  const go = (target: string, direction: "up" | "down", more: Partial<MigrationsInputs> = {}) =>
    migrate(inputs(target, direction, more), project);
  const columns = async (): Promise<string[]> => {
    const { rows } = await client.query<{ name: string }>(
      "select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'migrated' and table_name not in ('pgmigrations', 'rewind_migrations') order by 1",
    );
    return rows.map(({ name }) => name);
  };
  const noted = async (table: string): Promise<string[]> =>
    (await client.query<{ name: string }>(`select name from migrated.${table} order by name`)).rows.map(
      ({ name }) => name,
    );

  it("W5 · go up, down and up again, and are noted with the digests of their files", async () => {
    assert.deepEqual(
      (await go("0002_names", "up")).map(({ name }) => name),
      ["0001_people", "0002_names"],
    );
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
    const { rows } = await client.query<{ name: string; digest: string }>(
      "select name, digest from migrated.rewind_migrations",
    );
    assert.deepEqual(
      Object.fromEntries(rows.map(({ name, digest }) => [name, digest])),
      inputs("0002_names", "up").files,
    );

    assert.deepEqual(await go("0001_people", "up"), [], "the way down is not for the resource that goes up");
    assert.deepEqual(
      (await go("0001_people", "down")).map(({ name }) => name),
      ["0002_names"],
    );
    assert.deepEqual(await columns(), ["people.id"]);
    assert.deepEqual(
      [await noted("pgmigrations"), await noted("rewind_migrations")],
      [["0001_people"], ["0001_people"]],
    );

    await go("0002_names", "up");
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
    assert.deepEqual(await go("0002_names", "up"), [], "nothing is left to do");
  });

  it("W5 · leave nothing of any of them when one fails half-way, say where, and go on after the fix", async () => {
    write(
      "0003_broken",
      "create table half (id int);\ninsert into half values (1);\nselect nothing from half;",
      "drop table half;",
    );
    await assert.rejects(go("0003_broken", "up"), (error: Error) => {
      assert.match(
        error.message,
        /^migrations\/0003_broken\.sql:4:8 \(up\): column "nothing" does not exist \[42703\]; nothing of it remains; correct it and run the same command again$/,
      );
      return true;
    });
    assert.deepEqual(await columns(), [], "those before it in the same transaction are gone, too");
    write("0003_broken", "create table half (id int);", "drop table half;");
    await go("0003_broken", "up");
    assert.deepEqual(await columns(), ["half.id", "people.id", "people.name"]);
  });

  it("name the statement that failed where the server does not say where", async () => {
    write(
      "0003_rows",
      "insert into people values (1); -- é\n/* two */ insert into people values (2);;\n\n  insert into people\n values (1);\nselect 1;",
    );
    await assert.rejects(go("0003_rows", "up"), {
      message:
        /^migrations\/0003_rows\.sql:5:3 \(up\): duplicate key .*\[23505\]; nothing of it remains; correct it and run/,
    });
    write("0003_rows", "select 1;\ndo $$ begin\n raise exception 'no'; end $$;");
    await assert.rejects(go("0003_rows", "up"), { message: /^migrations\/0003_rows\.sql:3:1 \(up\): no \[P0001\]/ });
    write("0003_rows", "select 1;\nselect nothing;");
    await assert.rejects(go("0003_rows", "up"), { message: /0003_rows\.sql:3:8 \(up\): column/ });
    write(
      "0003_rows",
      "create table pairs (a int unique deferrable initially deferred);\ninsert into pairs values (1), (1);",
    );
    await assert.rejects(go("0003_rows", "up"), { message: /0003_rows\.sql \(up\): duplicate key/ });
  });

  it("are never noted where a file ends its transaction by means that no reading of it sees", async () => {
    await client.query(
      "create role hasty superuser login password 'hasty'; alter role hasty set standard_conforming_strings = off",
    );
    write("0003_sly", "create table sly ();\nselect '\\''; commit; --';");
    const { connection } = inputs("0003_sly", "up");
    await assert.rejects(
      go("0003_sly", "up", { connection: { ...connection, user: "hasty" }, password: "hasty" }),
      /0003_sly\.sql \(up\): it ended its own transaction; what stood before the end of its transaction remains/,
    );
    assert.ok(!(await noted("pgmigrations")).includes("0003_sly"));
  });

  it("W5 · are refused when a file was changed since it was applied, by name, with nothing run", async () => {
    await go("0001_people", "up");
    write("0001_people", "create table people (id bigint primary key);", "drop table people;");
    await assert.rejects(go("0002_names", "up"), /nothing was run: 0001_people has been changed since it was applied/);
    assert.deepEqual(await columns(), ["people.id"]);
  });

  it("are refused when the file is another than the one that was planned", async () => {
    const planned = inputs("0002_names", "up");
    write("0002_names", "drop table people;", "select 1;");
    await assert.rejects(
      migrate(planned, project),
      /migrations: 0002_names is not the migration that was planned; nothing was run/,
    );
    assert.deepEqual(await columns(), []);
  });

  it("W5 · are not undone where there is no way down, and the way out is named", async () => {
    write("0003_last", "alter table people add column age int;");
    await go("0003_last", "up");
    await assert.rejects(
      go("0001_people", "down"),
      /nothing was run: 0003_last cannot be undone.*rewind database recover/,
    );
    assert.deepEqual(await columns(), ["people.age", "people.id", "people.name"]);
  });

  it("run alone where they say that they cannot be in a transaction", async () => {
    write(
      "0003_index",
      "create index concurrently by_name on people (name);",
      "drop index concurrently by_name;",
      "-- no-transaction\n",
    );
    write("0004_ages", "alter table people add column age int;", "alter table people drop column age;");
    await go("0004_ages", "up");
    const index = async () => (await client.query("select 1 from pg_indexes where indexname = 'by_name'")).rows.length;
    assert.equal(await index(), 1);
    await go("0002_names", "down");
    assert.equal(await index(), 0);
    assert.deepEqual(await noted("rewind_migrations"), ["0001_people", "0002_names"]);
  });

  it("run statement by statement outside of a transaction, and say which statements stay when one fails", async () => {
    write(
      "0003_index",
      "set lock_timeout = '5s';\ncreate index concurrently by_name on people (name);\ncreate index concurrently broken\n  on people (nothing);\nvacuum people;",
      undefined,
      "-- no-transaction\n",
    );
    await assert.rejects(
      go("0003_index", "up"),
      /^Error: migrations\/0003_index\.sql:5:1 \(up\): column "nothing" does not exist \[42703\]; 0001_people, 0002_names ran before it and stay; it runs statement by statement, and those of lines 3, 4 stay; undo them, or make them able to run again; drop the invalid index that it may have left; correct it/,
    );
    assert.deepEqual(await noted("pgmigrations"), ["0001_people", "0002_names"]);
    write("0003_index", "create index concurrently if not exists by_name on people (name);", undefined);
    await go("0003_index", "up");
  });

  it("undo what a transaction of their own has begun outside of one, and say so", async () => {
    write(
      "0003_own",
      "vacuum;\nbegin;\ncreate table half ();\nselect nothing;\ncommit;",
      undefined,
      "-- no-transaction\n",
    );
    await assert.rejects(go("0003_own", "up"), /0003_own\.sql:6:8 .*those of line 3 stay/);
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
  });

  it("may add a value to an enum and use it in the next file, both pending", async () => {
    write("0003_states", "create type migrated.state as enum ('open'); create table jobs (state migrated.state);");
    await go("0003_states", "up");
    write("0004_paused", "alter type state add value 'paused';", "select 1;");
    write("0005_uses", "alter table jobs alter state set default 'paused';\ninsert into jobs default values;");
    await go("0005_uses", "up");
    assert.deepEqual((await client.query("select state::text from migrated.jobs")).rows, [{ state: "paused" }]);
  });

  it("say what has run before where a later transaction fails", async () => {
    write("0003_states", "create type state as enum ('open');\nalter type state add value 'paused';");
    write("0004_broken", "select nothing;");
    await assert.rejects(
      go("0004_broken", "up"),
      /0004_broken\.sql:2:8 .*; 0001_people, 0002_names, 0003_states ran before it and stay; nothing of it remains/,
    );
    assert.deepEqual(await noted("pgmigrations"), ["0001_people", "0002_names", "0003_states"]);
  });

  it("have their own limits, whatever those of the role are", async () => {
    await client.query(
      "create role hasty superuser login password 'hasty'; alter role hasty set statement_timeout = '100ms'",
    );
    write("0003_slow", "select pg_sleep(0.3);\nset statement_timeout = '1h';\nset search_path to public;");
    write(
      "0004_after",
      "do $$ begin assert current_setting('statement_timeout') = '0'; end $$; create table after ();",
    );
    const { connection } = inputs("0004_after", "up");
    await go("0004_after", "up", { connection: { ...connection, user: "hasty" }, password: "hasty" });
    assert.ok((await noted("rewind_migrations")).includes("0004_after"));
    assert.ok((await columns()).length > 0 && (await client.query("table migrated.after")).rowCount === 0);
  });

  it("say whose limit it was that ended them", async () => {
    write("0003_limits", "set local statement_timeout = '50ms';\nselect pg_sleep(5);");
    await assert.rejects(
      go("0003_limits", "up"),
      /\[57014\]; the limit is the statement_timeout that the file sets; nothing/,
    );
    write(
      "0003_limits",
      "do $$ begin perform set_config('statement_timeout', '50ms', true); end $$;\nselect pg_sleep(5);",
    );
    await assert.rejects(go("0003_limits", "up"), /\[57014\]; the limit is not Rewind's, which sets none/);
    await go("0001_people", "up");
    await client.query("begin; lock table migrated.people");
    try {
      write("0002_names", "set lock_timeout = '50ms';\nalter table people add column name text;");
      await assert.rejects(
        go("0002_names", "up"),
        /\[55P03\]; the limit is the lock_timeout that the file sets; nothing/,
      );
    } finally {
      await client.query("rollback");
    }
  });

  for (const [what, up, hint] of [
    [
      "a procedure that commits",
      "create procedure p() language plpgsql as $$ begin commit; end $$;\ncall p();",
      /\[2D000\]; add the line "-- no-transaction"/,
    ],
    [
      "a value that a block adds to an enum",
      "do $$ begin alter type public.rewind_state add value 'b'; end $$;\nselect 'b'::public.rewind_state;",
      /\[55P04\]; the value must be committed first; add it in a migration of its own/,
    ],
    [
      "a constraint that is still to be checked",
      "create table c (id int primary key, of int references c deferrable initially deferred);\ninsert into c values (1, 1);\nalter table c add column x int;",
      /\[55006\]; .* write "set constraints all immediate" before it/,
    ],
  ] as const) {
    it(`say what helps against ${what}`, async () => {
      await client.query("create type public.rewind_state as enum ('a')");
      try {
        write("0003_hint", up);
        await assert.rejects(go("0003_hint", "up"), hint);
      } finally {
        await client.query("drop type public.rewind_state");
      }
    });
  }

  it("run alone what PostgreSQL runs outside of a transaction, exactly that", async () => {
    await client.query(
      "create table migrated.t (a int); create index i on migrated.t (a); create table migrated.p (a int) partition by range (a); create table migrated.c partition of migrated.p for values from (0) to (1); create materialized view migrated.m as select 1 as a; create unique index on migrated.m (a)",
    );
    const refusedInside = async (sql: string): Promise<boolean> => {
      await client.query("begin; set local search_path to migrated");
      const code = await client.query(sql).then(
        () => undefined,
        (error: unknown) => (error as { code?: string }).code,
      );
      await client.query("rollback");
      assert.ok(code === undefined || code === "25001", `${sql}: ${code}`);
      return code === "25001";
    };
    for (const sql of outside) {
      write("0003_one", `${sql};`);
      const read = readMigrations(project, "migrations").migrations.find(({ name }) => name === "0003_one");
      assert.ok(read !== undefined && "up" in read, sql);
      assert.equal(read.up.alone, await refusedInside(sql), sql);
    }
  });

  it("run once when two want to run them at once", async () => {
    const ran = await Promise.all([1, 2, 3].map(() => go("0002_names", "up")));
    assert.deepEqual(ran.map(({ length }) => length).sort(), [0, 0, 2]);
  });

  it("take over a database that node-pg-migrate has migrated before, and leave it one that it can go on with", async () => {
    const { host, port, user, password } = stack.environment.postgres;
    const silent = () => undefined;
    const tool = (direction: "up" | "down", count: number) =>
      runner({
        databaseUrl: { host, port, user, password, database: "postgres" },
        dir: join(project, "migrations"),
        direction,
        count,
        migrationsTable: "pgmigrations",
        schema: "migrated",
        logger: { debug: silent, info: silent, warn: silent, error: silent },
      });
    await tool("up", 1);
    assert.deepEqual(
      (await go("0002_names", "up")).map(({ name }) => name),
      ["0002_names"],
    );
    await tool("down", 1);
    assert.deepEqual(await columns(), ["people.id"]);
    await go("0002_names", "up");
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
  });

  it("are not run again where another tool has run them, until what has run is noted", async () => {
    await client.query("create table migrated._prisma_migrations (id text); create table migrated.people (id int)");
    await assert.rejects(go("0002_names", "up"), (error: Error) => {
      assert.match(error.message, /nothing was run: migrated\._prisma_migrations says that another tool has run/);
      return true;
    });
    assert.deepEqual(await columns(), ["_prisma_migrations.id", "people.id"]);
    await client.query(
      'create table "migrated"."pgmigrations" (id serial primary key, name varchar(255) not null, run_on timestamp not null)',
    );
    await client.query(`insert into "migrated"."pgmigrations" (name, run_on) values ('0001_people', now())`);
    assert.deepEqual(
      (await go("0002_names", "up")).map(({ name }) => name),
      ["0002_names"],
    );
  });

  it("are all or nothing when the server is stopped in the middle of them", async () => {
    write("0003_slow", "create table slow (id int);\nselect pg_sleep(30);", "drop table slow;");
    const running = go("0003_slow", "up");
    const ended = assert.rejects(running, /0003_slow\.sql/);
    const life = { over: false };
    void ended.finally(() => (life.over = true)).catch(() => undefined);
    while (!life.over) {
      const { rows } = await client.query<{ pid: number }>(
        "select pid from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()",
      );
      if (rows[0] !== undefined) {
        await client.query("select pg_terminate_backend($1)", [rows[0].pid]);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await ended;
    assert.deepEqual(await columns(), []);
  });

  it("pass by what is no migration, and what cannot be read and is not on the way", async () => {
    for (const entry of [
      "README.md",
      "seed.sql",
      "0003_more.js",
      "0003_a'); drop table people; --.sql",
      "0004_draft.sql",
    ]) {
      writeFileSync(join(project, "migrations", entry), "commit;");
    }
    await go("0002_names", "up");
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
    await assert.rejects(go("0004_draft", "up"), (error: Error) => {
      assert.match(
        error.message,
        /nothing was run: .*a name has letters.*0003_more\.js is a program.*0004_draft\.sql:1: "commit"/,
      );
      return true;
    });
    assert.deepEqual(await columns(), ["people.id", "people.name"]);
  });

  it("are read from the files and folders of other tools, run by their names, and noted", async () => {
    rmSync(join(project, "migrations"), { recursive: true });
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(project, "migrations", path)), { recursive: true });
      writeFileSync(join(project, "migrations", path), text);
    };
    put("001_a.up.sql", "BEGIN;\r\ncreate table a ();\r\nCOMMIT;\r\n");
    put("001_a.down.sql", "drop table a;");
    put("002_b.sql", "-- migrate:up\ncreate table b ();\n\n-- migrate:down\ndrop table b;\n");
    put("003_c/migration.sql", "create table c ();");
    put("003_c/down.sql", "drop table c;");
    put("V4__d.sql", "create table d ();");
    put("U4__d.sql", "drop table d;");
    const tables = async (): Promise<string[]> =>
      (
        await client.query<{ t: string }>(
          "select tablename as t from pg_tables where schemaname = 'migrated' and length(tablename) = 1 order by 1",
        )
      ).rows.map(({ t }) => t);
    await go("V4__d", "up");
    assert.deepEqual(
      [await tables(), await noted("rewind_migrations")],
      [
        ["a", "b", "c", "d"],
        ["001_a", "002_b", "003_c", "V4__d"],
      ],
    );
    await go("001_a", "down");
    assert.deepEqual([await tables(), await noted("pgmigrations")], [["a"], ["001_a"]]);
    // postgrator's pair, a file of a comment, and the blocks that Prisma writes.
    put("005.do.e.sql", "create table e ();");
    put("005.undo.e.sql", "drop table e;");
    put("006_noop.sql", "-- NOOP");
    put("007_f.sql", "create table f ();\nBEGIN;\nalter table f add x int;\nCOMMIT;\ninsert into f values (1);");
    put("007_f_rollback.sql", "drop table f;");
    await go("007_f", "up");
    assert.deepEqual(await tables(), ["a", "b", "c", "d", "e", "f"]);
    assert.deepEqual((await noted("pgmigrations")).slice(3), ["005.e", "006_noop", "007_f", "V4__d"]);
    await go("V4__d", "down");
    assert.deepEqual(await tables(), ["a", "b", "c", "d"]);
  });

  it("are in the way when they are not UTF-8 or a link leads out of the project", async () => {
    writeFileSync(join(project, "migrations", "0003_latin.sql"), Buffer.from("-- Up Migration\nselect 'ä';", "latin1"));
    symlinkSync("/etc/hostname", join(project, "migrations", "0004_out.sql"));
    await go("0002_names", "up");
    await assert.rejects(
      go("0004_out", "up"),
      /0003_latin\.sql is not UTF-8; migrations\/0004_out\.sql leads out of the project/,
    );
  });
});

const outside = [
  "create index concurrently j on t (a)",
  "create unique index concurrently if not exists j on t (a)",
  "drop index concurrently i",
  "reindex index concurrently i",
  "reindex (verbose, concurrently) table t",
  "reindex (concurrently false) table t",
  "reindex table t",
  "reindex schema migrated",
  "vacuum t",
  "vacuum (analyze) t",
  "analyze t",
  "cluster",
  "cluster t using i",
  "create database never",
  "drop database if exists never",
  "create tablespace never location '/never'",
  "drop tablespace if exists never",
  "alter system set work_mem = '8MB'",
  "alter database postgres set tablespace pg_default",
  "alter table p detach partition c concurrently",
  "alter table p detach partition c",
  "refresh materialized view concurrently m",
  "discard all",
  "discard plans",
  "checkpoint",
  "create index k on t (a)",
  "create subscription never connection 'host=never' publication never with (connect = false)",
];
