import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Client } from "pg";
import type { Measurement } from "../../checks/probe";
import { project } from "../release/stack-files";
import { startServer, type OwnServer } from "./own-server";

const run = promisify(execFile);
const zones = ["Asia/Tokyo", "America/New_York", "UTC"];

/** What is asked, and what is told of it in every zone. */
const values: readonly (readonly [string, unknown])[] = [
  ["date '2025-09-17'", "2025-09-17"],
  ["date 'infinity'", "infinity"],
  ["timestamp '2025-03-30 02:30:00'", "2025-03-30 02:30:00"],
  ["timestamptz '2025-09-17 08:30:00.123456+00'", "2025-09-17 08:30:00.123456+00"],
  ["timestamptz '2025-09-17 20:00:00'", "2025-09-17 20:00:00+00"],
  ["(timestamptz '2025-09-17 20:00:00+00')::date", "2025-09-17"],
  ["(timestamptz '2025-09-17 20:00:00+00')::text", "2025-09-17 20:00:00+00"],
  ["extract(hour from timestamptz '2025-09-17 20:00:00+00')::int", 20],
  ["interval '1 mon 2 days 03:04:05'", "1 mon 2 days 03:04:05"],
  ["array[date '2025-09-17', null]", ["2025-09-17", null]],
  ["array[[date '2025-09-17'], [date '2025-09-18']]", [["2025-09-17"], ["2025-09-18"]]],
  ["array[timestamp '2025-09-17 08:30:00']", ["2025-09-17 08:30:00"]],
  ["array[timestamptz '2025-09-17 08:30:00+00']", ["2025-09-17 08:30:00+00"]],
  ["array[interval '90 min']", ["01:30:00"]],
  ["daterange('2025-09-17', '2025-09-18')", "[2025-09-17,2025-09-18)"],
  ["row(date '2025-09-17', timestamptz '2025-09-17 08:30:00+00')", '(2025-09-17,"2025-09-17 08:30:00+00")'],
  ["to_json(timestamptz '2025-09-17 08:30:00+00')", "2025-09-17T08:30:00+00:00"],
];

describe("an SQL check on a server whose role has settings of its own", function () {
  this.timeout(60_000);
  let server: OwnServer | undefined;
  before(async function () {
    server = await startServer();
    if (server === undefined) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error("no PostgreSQL is installed");
      this.skip();
    }
    const client = new Client({ host: "127.0.0.1", port: server.port, user: "postgres" });
    await client.connect();
    await client.query("create role teller login; grant pg_read_all_data to teller");
    for (const setting of ["timezone = 'Asia/Tokyo'", "datestyle = 'German'", "intervalstyle = 'iso_8601'"]) {
      await client.query(`alter role teller set ${setting}`);
    }
    await client.end();
  });
  after(() => server?.stop());

  /** What a process in a zone is told, by both pools. */
  async function askedIn(TZ: string, query: string, expected: unknown): Promise<Measurement[]> {
    const command = ["--require", join(project, "typescript.js"), join(__dirname, "sql-asker.ts")];
    const given = [String(server!.port), query, JSON.stringify(expected)];
    const { stdout } = await run(process.execPath, [...command, ...given], {
      cwd: project,
      env: { ...process.env, TZ },
    });
    return JSON.parse(stdout) as Measurement[];
  }

  it("is the same evidence in Tokyo and New York, for dates, times and arrays of them", async () => {
    const query = `select ${values.map(([value]) => value).join(", ")}`;
    const expected = [values.map(([, told]) => told)];
    for (const zone of zones) {
      for (const { result, evidence } of await askedIn(zone, query, expected)) {
        assert.equal(result, "passed", `${zone}: ${evidence}`);
        assert.equal(evidence, `${JSON.stringify(expected).slice(0, 299)}…`, zone);
      }
    }
  });

  it("fails with the same evidence everywhere where a day is another", async () => {
    const query = "select date '2025-09-17', array[timestamptz '2025-09-17 00:00:00+09']";
    const told = '[["2025-09-17",["2025-09-16 15:00:00+00"]]], expected [["2025-09-16",["2025-09-17 00:00:00+09"]]]';
    for (const zone of zones) {
      const measured = await askedIn(zone, query, [["2025-09-16", ["2025-09-17 00:00:00+09"]]]);
      for (const each of measured) assert.deepEqual(each, { result: "failed", evidence: told }, zone);
    }
  });
});
