import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { asAdministrator } from "../../checks/administrator";
import { digestsIn, readMigrations } from "../../checks/migration-folder";
import { planAgainst } from "../../checks/migrations";
import { ensureArchive } from "../../rows/table";
import { migrate } from "../../stacks/migrations.provider";
import { attacker, Battlefield } from "./sql-server";

describe("migrations and Rewind's own tables, where the application may create", function () {
  this.timeout(60_000);
  let field: Battlefield | undefined;
  let app: Client;
  let project: string;
  before(async function () {
    field = await Battlefield.start(this);
    app = await field.as(attacker);
  });
  after(() => field?.stop());
  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), "rewind-rights-"));
    mkdirSync(join(project, "migrations"));
    await field!.administrator.query(`drop schema if exists app cascade; drop schema if exists rewind cascade;
      drop owned by ${attacker}; grant usage on sequence public.ran_postgres, public.ran_${attacker} to public; create schema app; grant usage, create on schema app to ${attacker};
      grant insert, select on public.trace to public`);
    await app.query(
      `create function app.trap() returns trigger language plpgsql as $f$ begin ${field!.trap}; return new; end $f$`,
    );
  });
  afterEach(() => {
    rmSync(project, { recursive: true });
  });

  const own = { schema: "rewind", table: "pgmigrations" };
  const write = (up: string): void => {
    writeFileSync(join(project, "migrations", "0001_first.sql"), `-- Up Migration\n${up}\n`);
  };
  const go = (tables = own) =>
    migrate(
      {
        ...field!.access,
        direction: "up",
        target: "0001_first",
        folder: "migrations",
        schema: "app",
        tables,
        files: digestsIn(readMigrations(project, "migrations")),
      },
      project,
    );
  const planned = async (tables = own): Promise<readonly string[]> => {
    const { migrations } = readMigrations(project, "migrations");
    const plan = asAdministrator(field!.access, (client) =>
      planAgainst(client, migrations, tables, "0001_first", "app"),
    );
    return (await plan).problems;
  };
  const refused = async (reason: RegExp, tables = own): Promise<void> => {
    await assert.rejects(go(tables), reason);
    assert.deepEqual(await field!.victims(), []);
  };

  it("SEC-H4 · note what ran in a schema that only the administrator has", async () => {
    write("create table members (id int);");
    await go();
    const { rows } = await field!.administrator.query("select name from rewind.pgmigrations");
    assert.deepEqual(rows, [{ name: "0001_first" }]);
    await assert.rejects(app.query("select from rewind.pgmigrations"), /permission denied for schema rewind/);
  });

  it("SEC-H4 · are not noted in a table that the application made first", async () => {
    write("create table members (id int);");
    await app.query(`create table app.pgmigrations (id serial primary key, name varchar(255), run_on timestamp default now());
      create trigger t before insert on app.pgmigrations for each row execute function app.trap()`);
    await refused(/the table app.pgmigrations belongs to scoring_app/, { schema: "app", table: "pgmigrations" });
  });

  it("SEC-H4 · are not noted beside a table of digests that the application made first", async () => {
    write("create table members (id int);");
    await app.query(`create table app.rewind_migrations (name text primary key, digest text, applied_at timestamptz default now());
      create trigger t before insert on app.rewind_migrations for each row execute function app.trap()`);
    await refused(/the table app.rewind_migrations belongs to scoring_app/, { schema: "app", table: "pgmigrations" });
  });

  it("SEC-H4 · do not believe a table in which the application may say what has run", async () => {
    write("create table members (id int);");
    await go({ schema: "app", table: "pgmigrations" });
    await field!.administrator.query(`grant delete on app.pgmigrations to ${attacker}`);
    const reason =
      /(scoring_app|public) may write to "app"\."pgmigrations", in which Rewind keeps its books; revoke insert/;
    await assert.rejects(planned({ schema: "app", table: "pgmigrations" }), reason);
    await field!.administrator.query(`revoke delete on app.pgmigrations from ${attacker}`);
    await field!.administrator.query(`grant update (name) on app.pgmigrations to public`);
    await assert.rejects(planned({ schema: "app", table: "pgmigrations" }), reason);
  });

  it("SEC-H4 · that have run already are not run again because the table of them has moved", async () => {
    write("create table members (id int);");
    await go({ schema: "app", table: "pgmigrations" });
    const [problem = ""] = await planned();
    assert.match(
      problem,
      /^app\.pgmigrations says that migrations have run here, and nothing is noted in "rewind"\."pgmigrations"; move it/,
    );
    await refused(/nothing was run: app\.pgmigrations says/);
    await field!.administrator.query(
      /\((.*)\), or name its schema: environment\.database\.migrations\.schema: app$/.exec(problem)![1]!,
    );
    assert.deepEqual(await go(), []);
  });

  it("SEC-H4 · write to no table whose trigger is the application's", async () => {
    write("update profiles set name = 'x';");
    await app.query(`create table app.profiles (name text); insert into app.profiles values ('a');
      create trigger t before update on app.profiles for each row execute function app.trap()`);
    assert.match((await planned()).join("\n"), /the table app.profiles belongs to scoring_app/);
    await refused(/nothing was run: .*the table app.profiles belongs to scoring_app/);
  });

  it("SEC-H4 · take no function of the application for PostgreSQL's own", async () => {
    write("create table members (name varchar); insert into members values (lower('A'::varchar));");
    await app.query(
      `create function app.lower(varchar) returns text language plpgsql as $f$ begin ${field!.trap}; return $1; end $f$`,
    );
    await refused(
      /the function app.lower\(character varying\) belongs to scoring_app and would be found in the place of lower\(text\); alter function/,
    );
  });

  it("SEC-H4 · take no operator of the application for PostgreSQL's own", async () => {
    write("create table members (name varchar); insert into members select 'a' where 'a'::varchar = 'b'::varchar;");
    await app.query(`create function app.same(varchar, varchar) returns boolean language plpgsql as $f$ begin ${field!.trap}; return true; end $f$;
      create operator app.= (leftarg = varchar, rightarg = varchar, function = app.same)`);
    await refused(/the operator app\.=\(character varying,character varying\) belongs to scoring_app/);
  });

  for (const [title, prepare, reason] of [
    ["made it", `create schema rewind authorization ${attacker}`, /scoring_app may create in the schema rewind/],
    [
      "may create in it",
      `create schema rewind; grant create on schema rewind to ${attacker}`,
      /scoring_app may create in the schema rewind, where Rewind's own tables are/,
    ],
    [
      "has a table there",
      `create schema rewind; create table rewind.archived_rows (release text); alter table rewind.archived_rows owner to ${attacker}`,
      /the table rewind.archived_rows belongs to scoring_app/,
    ],
    [
      "may write to one there",
      `create schema rewind; create table rewind.archived_rows (release text); grant insert on rewind.archived_rows to ${attacker}`,
      /scoring_app may write to "rewind"\."archived_rows"/,
    ],
  ] as const) {
    it(`SEC-H4 · archive no rows in Rewind's own schema when the application ${title}`, async () => {
      await field!.administrator.query(prepare);
      await assert.rejects(asAdministrator(field!.access, ensureArchive), reason);
    });
  }
});
