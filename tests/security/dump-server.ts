import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoreBeside } from "../../recovery/backups/beside";
import { dumpDatabase, type Held } from "../../recovery/backups/dump";
import { dropDatabase } from "../../recovery/backups/swap";
import { connected, type Server } from "../../recovery/server";
import { startServer, type OwnServer } from "../checks/own-server";

/** The folder of the newest programs, which may be others than those of the PATH. */
const debian = "/usr/lib/postgresql";
const newest = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))[0] : undefined;
export const programs = newest === undefined ? undefined : join(debian, newest, "bin");

/**
 * A server with an administrator `boss`, an application `app` that may make objects, and a `reader`; before every test of
 * the block that calls it a fresh database `scoring`.
 */
export function scoringDatabases() {
  let running: OwnServer | undefined;
  let server: Server;
  let folder: string;
  const all = <T>(sql: string, of: Server = server): Promise<T[]> =>
    connected(of, async (client) => (await client.query(sql)).rows as T[]);
  const asPostgres = (sql: string) => all(sql, { ...server, database: "postgres" });

  before(async function () {
    running = await startServer();
    if (running === undefined) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error("no PostgreSQL is installed");
      return this.skip();
    }
    server = {
      host: "127.0.0.1",
      port: running.port,
      user: "postgres",
      password: "",
      database: "scoring",
      sslmode: "disable",
    };
    await asPostgres("create role boss login createrole; create role app login; create role reader login");
  });
  after(() => running?.stop());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rewind-dumps-"));
    await asPostgres("create database scoring owner boss template template0");
    await all(
      "create schema app authorization boss; grant create, usage on schema app to app; grant usage on schema app to reader",
    );
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    if (running === undefined) return;
    await asPostgres("alter role app nosuperuser; revoke boss from app; alter role all reset all");
    await asPostgres("drop database if exists victim");
    for (const { datname } of await all<{ datname: string }>(
      "select datname from pg_database where datname ~ '^(scoring|rewind)'",
      { ...server, database: "postgres" },
    )) {
      await dropDatabase(server, datname);
    }
    await asPostgres("drop role if exists mallory");
  });

  const dumped = async (): Promise<{ file: string; held: Held }> => {
    const file = join(folder, "of.dump");
    const held = await dumpDatabase({ server, programs }, async (dump) => {
      const chunks: Buffer[] = [];
      for await (const chunk of dump) chunks.push(chunk);
      writeFileSync(file, Buffer.concat(chunks));
    });
    return { file, held };
  };
  const restored = (file: string, held: Held | undefined, proven = true) =>
    restoreBeside({ server, programs }, file, { held, proven });
  const schemaOf = (): string =>
    execFileSync(
      join(programs ?? "", "pg_dump"),
      ["--schema-only", "-h", server.host, "-p", String(server.port), "-U", "postgres", server.database],
      {
        encoding: "utf8",
      },
    ).replace(/^\\(?:un)?restrict .*$/gm, "");
  /** Nothing is left of what a restore made, and nobody has got a right. */
  const nothingGained = async (): Promise<void> => {
    const roles = await asPostgres(
      "select rolname, rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname !~ '^pg_' order by 1",
    );
    const none = { rolsuper: false, rolcreatedb: false };
    assert.deepEqual(roles, [
      { rolname: "app", ...none, rolcreaterole: false },
      { rolname: "boss", ...none, rolcreaterole: true },
      { rolname: "postgres", rolsuper: true, rolcreatedb: true, rolcreaterole: true },
      { rolname: "reader", ...none, rolcreaterole: false },
    ]);
    const grants = await asPostgres("select from pg_auth_members where roleid >= 16384");
    assert.equal(grants.length, 0);
  };
  return { ours: () => server, all, asPostgres, dumped, restored, schemaOf, nothingGained };
}
