import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { readMigrations } from "../../checks/migration-folder";
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
    await client.query("drop schema migrated cascade");
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
      files: Object.fromEntries(readMigrations(project, "migrations").map(({ name, digest }) => [name, digest])),
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

  it("are whole even where a file ends its transaction by means that no reading of it sees", async () => {
    write("0003_sly", "create table sly ();\nselect 1 /* ; */ ; /**/ commit;", "drop table sly;");
    await assert.rejects(
      go("0003_sly", "up"),
      /0003_sly\.sql.*it ended its own transaction \[RW001\]; what stood before that remains/,
    );
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
      /0002_names\.sql is not the file that was planned; nothing was run/,
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

  it("run once when two want to run them at once", async () => {
    const ran = await Promise.all([1, 2, 3].map(() => go("0002_names", "up")));
    assert.deepEqual(ran.map(({ length }) => length).sort(), [0, 0, 2]);
  });

  it("take over a database that node-pg-migrate has migrated before", async () => {
    await go("0001_people", "up");
    await client.query("drop table migrated.rewind_migrations");
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

  for (const [name, entry] of [
    ["a program", "0003_more.js"],
    ["a note", "README.md"],
    ["a name that a quote fits into", "0003_a'); drop table people; --.sql"],
  ] as const) {
    it(`are refused as a whole where ${name} lies among them`, async () => {
      writeFileSync(join(project, "migrations", entry), "select 1;");
      await assert.rejects(
        Promise.resolve().then(() => go("0002_names", "up")),
        /expected a migration such as 0003_add_locale\.sql/,
      );
      assert.deepEqual(await columns(), []);
    });
  }

  it("are refused when they are not UTF-8 or a link leads out of the project", () => {
    writeFileSync(join(project, "migrations", "0003_latin.sql"), Buffer.from("-- Up Migration\nselect 'ä';", "latin1"));
    assert.throws(() => inputs("0002_names", "up"), /0003_latin\.sql is not UTF-8/);
    rmSync(join(project, "migrations", "0003_latin.sql"));
    symlinkSync("/etc/hostname", join(project, "migrations", "0003_out.sql"));
    assert.throws(() => inputs("0002_names", "up"), /0003_out\.sql leads out of the project/);
  });
});
