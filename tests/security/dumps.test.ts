import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { swapDatabase } from "../../recovery/backups/swap";
import { scoringDatabases } from "./dump-server";

describe("a dump of a database in which others make objects", function () {
  this.timeout(60_000);
  const { ours, all, asPostgres, dumped, restored, schemaOf, nothingGained } = scoringDatabases();

  it("comes back as it was: owners, rights, sequences, policies, extensions, large objects, settings", async () => {
    await all(`
      create schema ext; create extension hstore schema ext; create extension pg_trgm; grant usage on schema ext to boss;
      set role boss;
      create type app.mood as enum ('good', 'bad'); create domain app.small as int check (value < 100);
      create type app.pair as (a int, b app.mood); create type app.span as range (subtype = float8);
      create table app.t (id int generated always as identity primary key, n app.small, h ext.hstore, s serial);
      grant select on app.t to reader; grant update (n) on app.t to app; grant all on sequence app.t_s_seq to app;
      create view app.v as select id from app.t; create materialized view app.m as select count(*) from app.t;
      create function app.f(a int default 1) returns int language sql immutable as 'select a'; revoke all on function app.f(int) from public;
      create procedure app.p(inout x int) language plpgsql as 'begin end'; create aggregate app.total(int) (sfunc = int4pl, stype = int);
      create index on app.t (app.f(id)); create statistics app.st on id, n from app.t;
      create table app.parted (k int, check (app.f(k) > 0)) partition by range (k);
      create table app.low partition of app.parted for values from (minvalue) to (10);
      alter table app.t enable row level security; create policy mine on app.t to app using (n > 1);
      create rule r as on delete to app.low do instead nothing;
      comment on table app.t is 'said'; create text search configuration app.words (copy = simple); create collation app.c (locale = 'C');
      create operator app.=== (leftarg = int, rightarg = int, function = int4eq);
      alter default privileges for role boss in schema app grant select on tables to reader;
      set role app; create table app."Own ""Table""" (id int, constraint fine check (id > 0)); create sequence app.free; insert into app."Own ""Table""" values (1);
      set role boss; insert into app.t (n, h) select g, 'a=>1' from generate_series(1, 50) g; insert into app.parted values (1), (2);
      refresh materialized view app.m; revoke delete on app.t from boss; grant select on app.v to reader with grant option;
      grant select (n) on app.t to app with grant option; set role reader; grant select on app.v to app; reset role;
      grant execute on function pg_catalog.pg_ls_waldir() to app; revoke create on schema public from public;
      select lo_from_bytea(0, 'large'); create function app.fires() returns event_trigger language plpgsql as 'begin end';
      create event trigger watch on ddl_command_start execute function app.fires(); create publication pub for all tables;`);
    const before = {
      schema: schemaOf(),
      rows: await all("select * from app.t"),
      large: await all("select lo_get(oid) from pg_largeobject_metadata"),
    };
    const { file, held } = await dumped();
    await all("drop table app.t cascade; drop extension hstore cascade; drop extension pg_trgm");
    await assert.rejects(restored(file, held, false), /needs extensions that scoring does not have: hstore, pg_trgm/);
    const { database, left } = await restored(file, held);
    assert.deepEqual(left, []);
    await swapDatabase(ours(), database, "scoring_before");
    const after = {
      schema: schemaOf(),
      rows: await all("select * from app.t"),
      large: await all("select lo_get(oid) from pg_largeobject_metadata"),
    };
    assert.deepEqual(after, before);
    assert.deepEqual(await all("select nextval('app.t_id_seq')"), [{ nextval: "51" }]);
    await nothingGained();
  });

  /** A function of the application that takes what it can where it runs, and a way to have it run when a dump is read. */
  const greedy = `
    create function app.takes() returns void language plpgsql as $$ begin
      begin execute 'alter role app superuser'; exception when others then null; end;
      begin execute 'reset session authorization; reset role'; execute 'alter role app superuser'; exception when others then null; end;
      begin execute 'grant boss to app'; exception when others then null; end;
    end $$;
    create function app.f(n int) returns bool language plpgsql immutable as $$ begin perform app.takes(); return true; end $$;
    create function app.g(n int) returns bool language plpgsql as $$ begin perform app.takes(); return true; end $$;`;
  const ways: Readonly<Record<string, string>> = {
    "the check of its table": "create table app.t (n int check (app.g(n))); insert into app.t values (1)",
    "a generated column":
      "create table app.t (n int, b bool generated always as (app.f(n)) stored); insert into app.t values (1)",
    "the check of a domain":
      "create domain app.d as int check (app.g(value)); create table app.t (d app.d); insert into app.t values (1)",
    "a check that takes the row":
      "create table app.t (n int); create function app.h(r app.t) returns bool language sql as 'select app.g(r.n)'; alter table app.t add check (app.h(t)); insert into app.t values (1)",
    "a check of a constant": "create table app.t (n int, check (app.f(1))); insert into app.t values (1)",
    "an index":
      "create table app.t (n int); create index on app.t (app.f(n)) where app.f(1); insert into app.t values (1)",
    "a materialized view":
      "create table app.t (n int); insert into app.t values (1); create materialized view app.m as select app.g(n) from app.t",
    "a policy":
      "create table app.t (n int); insert into app.t values (1); create policy p on app.t using (app.g(n)); alter table app.t enable row level security; alter table app.t force row level security",
    "a trigger and a rule":
      "create table app.t (n int); insert into app.t values (1); create function app.tr() returns trigger language plpgsql as $$ begin perform app.takes(); return new; end $$; create trigger tr before insert on app.t for each row execute function app.tr(); create rule r as on insert to app.t do also select app.g(1)",
    "a partition":
      "create table app.t (n int) partition by list (app.f(n)); create table app.t1 partition of app.t for values in (true); insert into app.t values (1)",
    "an aggregate that begins with a domain":
      "create domain app.d as int check (app.g(value)); create function app.s(app.d, int) returns app.d language sql as 'select $1'; create aggregate app.a(int) (sfunc = app.s, stype = app.d, initcond = '1')",
  };
  for (const [what, sql] of Object.entries(ways)) {
    it(`SEC-H2 · runs a function of the application by ${what} with the rights of nobody, and comes back with its owners`, async () => {
      await all(`${greedy} ${sql}`, { ...ours(), user: "app" });
      // What the application gained by making it, it gained as itself.
      await nothingGained();
      const before = schemaOf();
      const { file, held } = await dumped();
      const { database } = await restored(file, held);
      await nothingGained();
      await swapDatabase(ours(), database, "scoring_before");
      assert.equal(schemaOf(), before);
      await nothingGained();
    });
  }

  /** Puts another statement into a dump, in the place of a comment of the same length, as the tool itself would never write it. */
  const forged = async (sql: string): Promise<string> => {
    const filler = "x".repeat(400);
    await all(`create table app.t (n int); comment on table app.t is '${filler}'`);
    const { file } = await dumped();
    const [bytes, said] = [readFileSync(file), `COMMENT ON TABLE app.t IS '${filler}';`];
    const at = bytes.indexOf(said);
    assert.ok(at > 0);
    bytes.write(sql.padEnd(said.length), at);
    writeFileSync(file, bytes);
    return file;
  };
  const owned = join(tmpdir(), `rewind-owned-${process.pid}`);
  const statements: Readonly<Record<string, string>> = {
    "makes the application a superuser": "alter role app superuser;",
    "makes it a member of the administrator": "grant boss to app;",
    "makes a role": "create role mallory superuser login;",
    "sets what the administrator's sessions load": "alter role all set session_preload_libraries to 'evil';",
    "drops a database": "drop database victim;",
    "runs a program": `copy app.t from program 'touch ${owned}; echo 1';`,
    "reads a file of the server": "copy app.t (n) from '/etc/passwd';",
    "makes an event trigger":
      "create function app.e() returns event_trigger language plpgsql as 'begin end'; create event trigger e on ddl_command_end execute function app.e();",
    "makes a function of C": "create function app.c() returns int language c as 'libc', 'system';",
    "becomes the administrator": "reset session authorization; set role boss;",
    "changes the server": "alter system set shared_preload_libraries to 'evil';",
    "loads a library": "load '/tmp/evil.so';",
  };
  for (const [what, sql] of Object.entries(statements)) {
    it(`SEC-H2 · that ${what} is not let, said to be proven or not, and leaves nothing`, async () => {
      await asPostgres("create database victim");
      const file = await forged(sql);
      for (const proven of [false, true])
        await assert.rejects(
          restored(file, undefined, proven),
          /permission denied|must be|must have|superuser|owner|not allowed/,
        );
      await nothingGained();
      assert.ok(!existsSync(owned));
      const databases = await asPostgres("select datname from pg_database where datname ~ 'scratch|victim'");
      assert.deepEqual(databases, [{ datname: "victim" }]);
      assert.deepEqual(await asPostgres("select from pg_db_role_setting where setdatabase = 0 and setrole = 0"), []);
      rmSync(owned, { force: true });
    });
  }

  it("SEC-H2 · that makes a superuser where a grant should be does it as nobody, where nothing proves it", async () => {
    await all("create table app.t (n int); grant select on app.t to reader");
    const { file, held } = await dumped();
    const [bytes, said] = [readFileSync(file), "GRANT SELECT ON TABLE app.t TO reader;"];
    bytes.write("alter role app superuser;".padEnd(said.length), bytes.indexOf(said));
    writeFileSync(file, bytes);
    await assert.rejects(restored(file, held, false), /must be superuser|permission denied/);
    await nothingGained();
  });

  it("SEC-H2 · that nothing proves has no event trigger put back, and says so", async () => {
    await all(
      "create function app.e() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_end execute function app.e()",
    );
    const { file, held } = await dumped();
    const { database, left } = await restored(file, held, false);
    assert.equal(left.length, 1);
    assert.match(left[0]!, /EVENT TRIGGER - watch/);
    assert.deepEqual(await all("select from pg_event_trigger", { ...ours(), database }), []);
  });

  it("SEC-H2 · whose backup gives an object to nobody who is known, or to a role that is gone, is refused", async () => {
    await all("create table app.t (n int)");
    const { file, held } = await dumped();
    const { postgres, ...others } = held.owners ?? {};
    await assert.rejects(restored(file, { ...held, owners: others }), /does not say who owns table app\.t/);
    await assert.rejects(
      restored(file, { ...held, owners: { ...others, "x; drop role boss": postgres ?? [] } }),
      /cannot be given to x; drop role boss/,
    );
    await nothingGained();
  });
});
