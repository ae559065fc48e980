import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { Pool } from "pg";
import type { Measurement } from "../../checks/probe";
import { measureQuery } from "../../checks/sql";
import { measureVisibility } from "../../checks/visibility";
import { attacker, Battlefield } from "./sql-server";

describe("the query of an SQL check from a pull request", function () {
  this.timeout(60_000);
  let field: Battlefield | undefined;
  let pool: Pool;
  before(async function () {
    field = await Battlefield.start(this);
    pool = field.checks();
    await field.administrator.query("create table app.kept (id int); insert into app.kept values (1), (2)");
    await field.administrator.query("create sequence app.numbers");
    await field.administrator.query("create extension dblink");
  });
  after(() => field?.stop());

  const ask = (query: string, expected: unknown[][] = [[1]], reader?: string): Promise<Measurement> =>
    measureQuery(pool, query, expected, 5_000, reader).catch((error: unknown): Measurement => ({
      result: "error",
      evidence: (error as Error).message,
    }));
  const kept = async (): Promise<number | null> => (await field!.administrator.query("select from app.kept")).rowCount;

  it("SEC-M5 · cannot end its transaction and begin one that writes", async () => {
    const { result, evidence } = await ask("rollback; begin read write; drop table app.kept; commit; select 1");
    assert.equal(result, "error");
    assert.match(evidence, /cannot insert multiple commands/);
    assert.equal(await kept(), 2);
  });

  it("SEC-M5 · is asked as a role that may only read, with the answer that was expected", async () => {
    const query = "select count(*), current_user::text, null, '', 'a, \"b\"\\', true, 1.50::numeric from app.kept";
    const expected = [[2, "pg_read_all_data", null, "", 'a, "b"\\', true, 1.5]];
    assert.deepEqual(await ask(query, expected), { result: "passed", evidence: JSON.stringify(expected) });
  });

  const file = "select pg_read_file('PG_VERSION')";
  const asAdministrator = (work: string): string =>
    `select set_config('role', 'none', true), query_to_xml($$${work}$$, true, true, '')::text`;
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ["read a file of the server", file, /permission denied for function pg_read_file/],
    ["list its folders", "select pg_ls_dir('.')", /permission denied for function pg_ls_dir/],
    ["become the administrator first", asAdministrator(file), /cannot set parameter "role"/],
    [
      "become it by the session",
      `select set_config('session_authorization', 'postgres', true), query_to_xml($$${file}$$, true, true, '')::text`,
      /cannot set parameter "session_authorization"/,
    ],
    [
      "set its transaction to writing",
      "select set_config('transaction_read_only', 'off', true)",
      /read-only|read-write/,
    ],
    [
      "write by a part of a query",
      "with w as (delete from app.kept returning id) select 1 from w",
      /permission|read-only/,
    ],
    ["count a sequence up", "select nextval('app.numbers')", /permission denied|read-only/],
    ["copy to a program", "copy (select 1) to program 'true'", /returns no columns/],
    ["run a block", "do $$ begin perform 1; end $$", /returns no columns/],
    ["export a large object", "select lo_export(0, '/tmp/x')", /permission denied for function lo_export/],
    [
      "signal the administrator's sessions",
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()",
      /must be|permission/,
    ],
    ["reload the server's configuration", "select pg_reload_conf()", /permission denied for function pg_reload_conf/],
  ];
  for (const [what, query, reason] of refused) {
    it(`SEC-M5 · cannot ${what}`, async () => {
      const { result, evidence } = await ask(query);
      assert.equal(result, "error", evidence);
      assert.match(evidence, reason);
      assert.equal(await kept(), 2);
    });
  }

  it("SEC-M5 · cannot go around by a connection from the server to itself", async () => {
    const connection = `host=127.0.0.1 port=${field!.port} user=postgres dbname=postgres`;
    const query = `select t.id from dblink('${connection}', 'drop table app.kept; select 1') as t(id int)`;
    const { result, evidence } = await ask(query);
    assert.equal(result, "error", evidence);
    assert.match(evidence, /password/);
    assert.equal(await kept(), 2);
  });

  it("SEC-M5 · runs the code of a view that the application made as nobody who could do harm", async () => {
    const app = await field!.as(attacker);
    const trace = field!.trace("program");
    await app.query(`create function app.trap() returns int language plpgsql as $f$ begin
      execute format('copy (select 1) to program %L', 'touch ${trace.path}'); return 1; end $f$`);
    await app.query("create view app.watched as select app.trap() as value");
    try {
      const { result, evidence } = await ask("select value from app.watched");
      assert.equal(result, "error", evidence);
      assert.equal(trace.exists(), false, "a program ran on the server");
    } finally {
      if (trace.exists()) rmSync(trace.path);
    }
  });

  it("SEC-M5 · is not asked as a superuser or a role that reaches beyond the database, and the message says so", async () => {
    await field!.administrator.query("create role porter in role pg_execute_server_program");
    for (const [reader, reason] of [
      [
        "postgres",
        "cannot ask as postgres, which is a superuser; environment.database.reader names a role that may only read",
      ],
      [
        "porter",
        "cannot ask as porter, which has pg_execute_server_program; environment.database.reader names a role that may only read",
      ],
      [
        "nobody",
        "cannot ask as nobody: there is no such role; environment.database.reader names a role that may only read",
      ],
    ] as const) {
      assert.deepEqual(await ask("select 1", [[1]], reader), { result: "error", evidence: reason });
    }
  });

  it("SEC-M5 · ends an answer that would fill the memory", async () => {
    const rows = await ask("select generate_series(1, 2000000000)");
    assert.deepEqual(rows, { result: "error", evidence: "more than 1000 rows" });
    const long = await ask("select repeat('a', 300000) from generate_series(1, 100)");
    assert.deepEqual(long, { result: "error", evidence: "more than 1048576 characters" });
  });

  it("SEC-M5 · leaves no lock, setting or function behind for who is served by the connection next", async () => {
    await ask("select pg_advisory_lock(7), set_config('search_path', 'app', false)");
    const { rows } = await pool.query(
      `select (select count(*)::int from pg_locks where locktype = 'advisory') as locks, current_setting('search_path') as path,
         to_regproc('pg_temp.rewind_answers') as function, current_user::text as role`,
    );
    assert.deepEqual(rows, [{ locks: 0, path: "public", function: null, role: "postgres" }]);
  });

  it("SEC-M5 · fails loudly where row-level security would hide rows from the reader", async () => {
    await field!.administrator.query(`create table app.secret (id int); insert into app.secret values (1);
      alter table app.secret enable row level security; create role auditor bypassrls;
      grant usage on schema app to auditor; grant select on app.secret to auditor`);
    const { result, evidence } = await ask("select count(*) from app.secret");
    assert.equal(result, "error");
    assert.match(
      evidence,
      /row-level security policy for table "secret"; .*environment\.database\.reader names a role with BYPASSRLS/,
    );
    assert.equal((await ask("select count(*) from app.secret", [[1]], "auditor")).result, "passed");
  });

  it("SEC-M5 · cannot take the administrator's rights in a check of visibility either", async () => {
    for (const query of [asAdministrator(file), `reset role; ${file}`, "select pg_read_file('PG_VERSION')"]) {
      const viewers = [{ as: { role: attacker }, sees: { count: 1 } }];
      const { result, evidence } = await measureVisibility(pool, { kind: "visibility", query, viewers }, 5_000);
      assert.notEqual(result, "passed", query);
      assert.doesNotMatch(evidence, /changed who asks/, "it ran, and was found out afterwards");
    }
  });
});
