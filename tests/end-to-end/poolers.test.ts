import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { digestsIn, readMigrations } from "../../checks/migration-folder";
import { measurePooler } from "../../cli/pooler-check";
import { thisMachine } from "../../local/machine";
import { SharedSessions } from "../../rows/pooler";
import type { MigrationsInputs } from "../../stacks/migrations";
import { migrate } from "../../stacks/migrations.provider";
import { fixtureFor, type Fixture } from "./fixture";
import { openRows, settings, type RowFixture } from "./row-fixture";
import { freePort } from "../free-port";

/** PgBouncer does not run as root. */
const nobody = 65_534;

interface Pooler {
  readonly port: number;
  close(): void;
}

describe("PgBouncer in front of a real PostgreSQL", function () {
  let stack: Fixture;
  let rows: RowFixture;
  let project: string;
  let program: string;
  const poolers: Pooler[] = [];
  let close = (): Promise<void> => Promise.resolve();
  before(async function () {
    const found = thisMachine(() => undefined).find("pgbouncer");
    if (found === undefined) {
      const reason = "no pgbouncer is on the PATH";
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(reason);
      if (this.test !== undefined) this.test.title += ` (skipped: ${reason})`;
      return this.skip();
    }
    program = found;
    stack = await fixtureFor(this);
    rows = await openRows(stack);
    close = async () => {
      await rows.close();
      rmSync(project, { recursive: true });
    };
    project = mkdtempSync(join(tmpdir(), "rewind-pooler-"));
    mkdirSync(join(project, "migrations"));
    writeFileSync(
      join(project, "migrations", "0001_t.sql"),
      "-- Up Migration\ncreate table rows.people (at text);\ninsert into rows.people select current_setting('timezone');\n",
    );
  });
  after(async () => {
    for (const pooler of poolers) pooler.close();
    await close();
  });

  /** PgBouncer as its package configures it, but for the mode. */
  const start = async (mode: string, more = ""): Promise<Pooler> => {
    const { host, port, user, password } = stack.environment.postgres;
    const folder = mkdtempSync(join(tmpdir(), "rewind-pgbouncer-"));
    const own = await freePort();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const users = file("users", `"${user}" "${password}"\n`);
    const configuration = file(
      "pgbouncer.ini",
      `[databases]\n* = host=${host} port=${port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${own}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = ${users}\npool_mode = ${mode}\n${more}`,
    );
    const root = process.getuid?.() === 0;
    if (root) for (const each of [folder, users, configuration]) chownSync(each, nobody, nobody);
    const child = spawn(program, ["-q", configuration], {
      stdio: "ignore",
      ...(root ? { uid: nobody, gid: nobody } : {}),
    });
    const pooler = {
      port: own,
      close: () => {
        child.kill();
        rmSync(folder, { recursive: true, force: true });
      },
    };
    poolers.push(pooler);
    await answers(own, child);
    return pooler;
  };
  const through = <T extends { readonly connection: object }>(inputs: T, { port }: Pooler): T => ({
    ...inputs,
    connection: { ...inputs.connection, port },
  });
  const migrations = (): MigrationsInputs => {
    const { host, port, user, password } = stack.environment.postgres;
    return {
      connection: { host, port, user, database: "postgres", sslmode: "disable" },
      password,
      direction: "up",
      target: "0001_t",
      folder: "migrations",
      schema: "rows",
      tables: { schema: "rows", table: "pgmigrations" },
      files: digestsIn(readMigrations(project, "migrations")),
    };
  };

  it("moves rows and migrations through its session mode, with the settings of a session of their own", async () => {
    const pooler = await start("session");
    await rows.client.query("create table rows.pooled (key text primary key, value jsonb, updated_at timestamptz)");
    const pin = (value: number) =>
      through(
        rows.pin({
          pooled: rows.table(
            [
              { key: "a", value },
              { key: "b", value: 2 },
            ],
            settings,
          ),
        }),
        pooler,
      );
    const first = await rows.apply(pin(1));
    await rows.apply(pin(3), first);
    assert.deepEqual(
      (await rows.rows("pooled")).map(({ key, value }) => [key, value]),
      [
        ["a", 3],
        ["b", 2],
      ],
    );
    await migrate(through(migrations(), pooler), project);
    assert.deepEqual(await rows.rows("people"), [{ at: "UTC" }]);
  });

  for (const mode of ["transaction", "statement"]) {
    it(`touches nothing through its ${mode} mode, and leaves no setting there`, async () => {
      const pooler = await start(mode);
      await rows.client.query(
        "drop table if exists rows.pooled, rows.people, rows.pgmigrations, rows.rewind_migrations",
      );
      await rows.client.query("create table rows.pooled (key text primary key, value jsonb, updated_at timestamptz)");
      const inputs = rows.pin({ pooled: rows.table([{ key: "a", value: 1 }], settings) });
      await assert.rejects(rows.apply(through(inputs, pooler)), SharedSessions);
      await assert.rejects(migrate(through(migrations(), pooler), project), SharedSessions);
      assert.deepEqual(await rows.rows("pooled"), []);
      const { host, user, password } = stack.environment.postgres;
      const client = new Client({ host, port: pooler.port, user, password, database: "postgres" });
      await client.connect();
      // Those that PgBouncer keeps track of, such as the time zone, it sets again for each client.
      const { rows: left } = await client.query(
        `select name from pg_settings where source = 'session'
           and name in ('extra_float_digits', 'bytea_output', 'xmloption', 'default_transaction_read_only', 'temp_buffers')`,
      );
      await client.end();
      assert.deepEqual(left, []);
    });
  }

  it("is named by the doctor, which has no password", async () => {
    const pooler = await start("session");
    const { host, port, user } = stack.environment.postgres;
    const database = {
      host,
      port,
      name: "postgres",
      sslmode: "disable",
      administrator: { user, password: "p" },
    } as Parameters<typeof measurePooler>[0];
    assert.equal((await measurePooler(database)).result, "passed");
    const seen = await measurePooler({ ...database, port: pooler.port });
    assert.deepEqual(
      [seen.result, seen.evidence],
      ["inconclusive", `${host}:${pooler.port} is a pooler; Rewind works with it in session mode only`],
    );
  });
});

/** Waits until a port lets somebody in. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100 && child.exitCode === null; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = dial(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => {
        resolve(false);
      });
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`pgbouncer does not answer; it ended with ${child.exitCode}`);
}
