import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backUp } from "../../cli/backup";
import { verifyBackup, type VerifyOptions } from "../../cli/backup-verify";
import { open } from "../../cli/stack";
import { connected, type Server } from "../../recovery/server";
import { startServer, type OwnServer } from "../checks/own-server";
import { lockedEngineIn } from "../cli/process";
import { freshStacks, refusalOf } from "./backup-stack";

const debian = "/usr/lib/postgresql";
const newest = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))[0] : undefined;
const filler = "x".repeat(200);

describe("a backup with the dump of a real database", function () {
  this.timeout(60_000);
  const stack = freshStacks();
  let running: OwnServer | undefined;
  let server: Server;
  const asked = (sql: string, database = "scoring"): Promise<unknown[]> =>
    connected({ ...server, database }, async (client) => (await client.query(sql)).rows as unknown[]);
  before(async function () {
    running = await startServer();
    if (running === undefined) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error("no PostgreSQL is installed");
      return this.skip();
    }
    const { port } = running;
    server = { host: "127.0.0.1", port, user: "postgres", password: "", database: "postgres", sslmode: "disable" };
  });
  after(() => running?.stop());
  beforeEach(async () => {
    await asked("create database scoring template template0", "postgres");
    await asked(
      `create table public.t (n int); insert into t values (1), (2); comment on table public.t is '${filler}'`,
    );
    const text = stack()
      .text()
      .replace("host: scoring-db.staging.example.com", "host: 127.0.0.1")
      .replace("port: 5432", `port: ${running?.port ?? 0}`)
      .replace("sslmode: verify-full", "sslmode: disable")
      .replace("administrator: { user: rewind,", "administrator: { user: postgres,")
      .replace("extra: [data]", `extra: [data], programs: ${join(debian, newest ?? "", "bin")}`);
    writeFileSync(stack().file, text);
    lockedEngineIn(stack().folder);
  });
  afterEach(async () => {
    await asked("drop role if exists mallory", "postgres");
    for (const { datname } of (await asked(
      "select datname from pg_database where datname ~ '^(scoring|rewind)'",
      "postgres",
    )) as { datname: string }[]) {
      await asked(`drop database "${datname}" with (force)`, "postgres");
    }
  });

  const make = async (): Promise<{ id: string; dump: string }> => {
    const { id, place } = await backUp(await open(stack().where), {
      occasion: "request",
      now: new Date(),
      parts: ["stack", "state", "database"],
    });
    return { id, dump: join(place, "database", "scoring.dump") };
  };
  const verify = (id: string, more: Partial<VerifyOptions> = {}) =>
    verifyBackup(stack().where, {
      id,
      level: "comprehensive",
      identity: undefined,
      unproven: false,
      now: new Date(),
      ...more,
    });
  const spoil = (dump: string): void => {
    const said = `COMMENT ON TABLE public.t IS '${filler}';`;
    const bytes = readFileSync(dump);
    const at = bytes.indexOf(said);
    assert.ok(at > 0);
    bytes.write("create role mallory superuser login;".padEnd(said.length), at);
    writeFileSync(dump, bytes);
  };
  const mallory = () => asked("select from pg_roles where rolname = 'mallory'", "postgres");
  const scratch = () =>
    asked(
      "select rolname from pg_roles where rolname ~ 'scratch' union select datname from pg_database where datname ~ 'scratch'",
      "postgres",
    );

  it("is verified by restoring it, and comes back with what it had", async () => {
    const { id } = await make();
    const { code, text } = await verify(id);
    assert.equal(code, 0, text);
    assert.match(text, /restored and counted: 2 rows of 1 tables/);
    await asked("delete from t");
    const { json } = await stack().restore({ id, parts: ["database"] });
    assert.equal(json.outcome, "restored");
    assert.deepEqual(await asked("select n from t order by n"), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(await scratch(), []);
  });

  it("SEC-H2 · is not opened where its sums fail, and nothing of it is run", async () => {
    const { id, dump } = await make();
    spoil(dump);
    for (const unproven of [false, true]) {
      const { code, text, json } = await verify(id, { unproven });
      assert.equal(code, 17, text);
      assert.deepEqual(
        json.checks.map(({ name, result }) => `${name} ${result}`),
        ["checksums failed", "provenance passed", "clock passed", "contents inconclusive"],
      );
      const refusal = await refusalOf(() => stack().restore({ id, parts: ["database"], unproven }));
      assert.equal(refusal.kind, "tampered");
      assert.deepEqual(await mallory(), []);
    }
  });

  it("SEC-H2 · is not opened where nothing proves who made it, and as a role of its own with --unproven", async () => {
    const { dump } = await make();
    spoil(dump);
    const bytes = readFileSync(dump);
    const id = await stack().forge({}, { bytes: { "database/scoring.dump": bytes }, at: new Date().toISOString() });
    const { code, text } = await verify(id);
    assert.equal(code, 11, text);
    assert.match(text, /contents.*not opened/);
    assert.deepEqual(await mallory(), []);
    const tried = await verify(id, { unproven: true });
    assert.notEqual(tried.code, 0);
    assert.match(tried.text, /must be superuser to create superusers|permission denied to create role/);
    const refusal = await refusalOf(() => stack().restore({ id, parts: ["database"], unproven: true }));
    assert.match(refusal.message, /nothing was touched/);
    assert.deepEqual([await mallory(), await scratch()], [[], []]);
  });
});
