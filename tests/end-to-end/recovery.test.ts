import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { deployments } from "../../records/state";
import { nextSegment } from "../../recovery/catalogue";
import { recover, type RecoveryOptions } from "../../recovery/recover";
import { checkout } from "./local-home";
import { fixtureFor, type Fixture } from "./fixture";
import { keepTheDatabase } from "./stack-edits";

interface Said {
  outcome: string;
  pid: number;
  port: number;
  checks: { name: string; result: string }[];
}

describe("W5 · point-in-time recovery of a real PostgreSQL", function () {
  let stack: Fixture;
  let place: { archive: string; baseBackups: string; programs: string };
  /** Where the copies go: a folder that the server's user can reach. */
  const scratch = join("/var/tmp", `rewind-recovery-${process.pid}`);
  const servers: number[] = [];
  let original: string | undefined;
  before(async function () {
    stack = await fixtureFor(this);
    const { recovery } = stack.environment.postgres;
    // Where PostgreSQL comes from an npm package there are no tools, and the verb says so.
    if (recovery === undefined) return this.skip();
    place = recovery;
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { mode: 0o755 });
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
  });
  afterEach(async () => {
    for (const pid of servers.splice(0)) {
      try {
        process.kill(pid, "SIGQUIT");
        while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 50));
      } catch {
        // It is gone already.
      }
    }
  });
  after(() => {
    if (original !== undefined) writeFileSync(stack.stackFile, original);
    rmSync(scratch, { recursive: true, force: true });
  });

  const port = 25_000 + (process.pid % 5_000);
  const copyRows = async (sql: string): Promise<unknown[]> => {
    const { user, password } = stack.environment.postgres;
    const client = new Client({ host: "127.0.0.1", port, user, password, database: "scoring" });
    await client.connect();
    try {
      return (await client.query<unknown[]>({ text: sql, rowMode: "array" })).rows;
    } finally {
      await client.end();
    }
  };
  const tasks = "select title from app.tasks where title like 'customer %' order by 1";
  const last = () => deployments(stack.log()).at(-1)!.intent;
  const options = (into: string, more: Partial<RecoveryOptions> = {}): RecoveryOptions => {
    const { user, password } = stack.environment.postgres;
    const intent = last();
    return {
      before: intent.at,
      target: { name: intent.restorePoint ?? "" },
      ...place,
      into: join(scratch, into),
      port,
      as: { user, password, database: "scoring" },
      tell: () => undefined,
      signal: new AbortController().signal,
      ...more,
    };
  };

  it("recovers a copy to just before an entry, with exactly the rows of then, and leaves the running server alone", async () => {
    await stack.up();
    const early = await stack.rewind("database", "recover", "--before", last().id, "--into", join(scratch, "early"));
    assert.equal(early.code, 10, early.output);
    assert.match(early.output, /no base backup in .*base-backups/);
    assert.match(early.output, /Next: rewind database backup/);

    const backup = await stack.rewind("database", "backup");
    assert.equal(backup.code, 0, backup.output);
    assert.match(backup.stdout, /base-\d{8}T\d{6}Z: \d+ bytes, verified against its manifest/);

    // The application makes its tables by itself, and says that it lives before that.
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const [found] = await stack.query<{ there: boolean }>("select to_regclass('app.tasks') is not null as there");
      if (found?.there === true) break;
      await sleep(200);
    }
    await stack.query("insert into app.tasks (title) values ('customer before')");
    stack.pin("v1.2.0");
    await stack.up();
    const intent = last();
    assert.equal(intent.restorePoint, `rewind-${intent.id}`);
    await stack.query("insert into app.tasks (title) values ('customer after')");
    await stack.query("delete from app.tasks where title = 'customer before'");

    const into = join(scratch, "copy");
    const ran = await stack.rewind(
      "database",
      "recover",
      "--before",
      intent.id,
      "--into",
      into,
      "--port",
      String(port),
      "--json",
    );
    assert.equal(ran.code, 0, ran.output);
    const said = JSON.parse(ran.stdout) as Said;
    servers.push(said.pid);
    assert.equal(said.outcome, "RECOVERED");
    assert.deepEqual(
      said.checks.map(({ name, result }) => `${name} ${result}`),
      ["rows scoring_config passed", "migrations passed"],
    );
    assert.deepEqual(await copyRows(tasks), [["customer before"]]);
    assert.deepEqual(await copyRows("select value from app.scoring_config where key = 'results_version'"), [
      ["v1.2.1"],
    ]);
    assert.deepEqual(await copyRows("select max(name) from rewind.pgmigrations"), [["0002_add_locale"]]);
    // The copy takes writes, and archives nothing of them.
    assert.deepEqual(await copyRows("insert into app.tasks (title) values ('copy') returning title"), [["copy"]]);
    assert.deepEqual(await copyRows("show archive_mode"), [["off"]]);

    const running = await stack.query<{ title: string }>(tasks);
    assert.deepEqual(
      running.map(({ title }) => title),
      ["customer after"],
    );
    assert.equal(
      (await stack.query<{ value: string }>("select value from app.scoring_config where key = 'results_version'"))[0]
        ?.value,
      "v1.2.0",
    );
    for (const value of await stack.secrets()) assert.ok(!ran.output.includes(value));
  });

  it("goes by the entry's time where it has no restore point", async () => {
    const intent = last();
    // The commits after the entry tell that its time has been reached; they have to be in the archive.
    const [switched] = await stack.query<{ name: string }>("select pg_walfile_name(pg_switch_wal()) as name");
    for (let waited = 0; waited < 300 && !existsSync(join(place.archive, switched?.name ?? "")); waited += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const recovered = await recover(options("by-time", { target: { time: intent.at } }));
    servers.push(recovered.pid);
    assert.deepEqual(await copyRows(tasks), [["customer before"]]);
  });

  it("refuses a folder that is in use, a port that is taken, and an entry that is not there", async () => {
    const into = join(scratch, "used");
    mkdirSync(into);
    writeFileSync(join(into, "precious"), "");
    await assert.rejects(recover(options("used")), /is there already and is not empty/);
    assert.deepEqual(readdirSync(into), ["precious"]);
    await assert.rejects(recover(options("taken", { port: stack.environment.postgres.port })), /something listens/);
    await assert.rejects(recover(options("x", { into: join(place.archive, "x") })), /lie in each other/);
    await assert.rejects(
      recover(options("old", { before: "2000-01-01T00:00:00Z" })),
      /ended before 2000-01-01T00:00:00Z; the oldest ended/,
    );
    const ran = await stack.rewind("database", "recover", "--before", "nonsense'", "--into", join(scratch, "none"));
    assert.equal(ran.code, 10, ran.output);
    assert.match(ran.output, /no entry "nonsense'" in .*\.jsonl; the newest are /);
    assert.ok(!existsSync(join(scratch, "none")));
  });

  it("says that a target was not reached, and leaves nothing behind", async () => {
    await assert.rejects(
      recover(options("nowhere", { target: { name: "rewind-never" } })),
      (error: Error & { next: string }) => {
        assert.match(error.message, /the archive ends before the target was reached/);
        assert.match(error.next, /pg_switch_wal/);
        return true;
      },
    );
    assert.ok(!existsSync(join(scratch, "nowhere")));
  });

  it("names the segment that the archive lacks", async () => {
    const names = readdirSync(place.archive)
      .filter((name) => /^[0-9A-F]{24}$/.test(name))
      .sort();
    const [backup = ""] = readdirSync(place.baseBackups).filter((name) => name.endsWith(".json"));
    const label = readFileSync(join(place.baseBackups, backup.slice(0, -5), "backup_label"), "utf8");
    const first = /file ([0-9A-F]{24})/.exec(label)![1]!;
    // The base backup carries its own first segments; what is taken out comes after them.
    const own = readdirSync(join(place.baseBackups, backup.slice(0, -5), "pg_wal"));
    let missing = first;
    while (own.includes(missing)) missing = nextSegment(missing, 1024 * 1024);
    assert.ok(names.includes(missing), `${missing} of ${names.join()}`);
    const aside = join(scratch, missing);
    renameSync(join(place.archive, missing), aside);
    try {
      await assert.rejects(recover(options("gap")), new RegExp(`the archive lacks the segment ${missing}`));
    } finally {
      renameSync(aside, join(place.archive, missing));
    }
  });

  it("finds a base backup that is not what it was", async () => {
    const [backup = ""] = readdirSync(place.baseBackups).filter((name) => name.endsWith(".json"));
    const file = join(place.baseBackups, backup.slice(0, -5), "PG_VERSION");
    const before = readFileSync(file);
    writeFileSync(file, "16\n");
    try {
      await assert.rejects(recover(options("damaged")), /is not what it was: pg_verifybackup ended with/);
    } finally {
      writeFileSync(file, before);
    }
    assert.ok(!existsSync(join(scratch, "damaged")));
  });

  it("never shows the server's password among the arguments of a process", () => {
    const source = readFileSync(join(checkout, "recovery", "base-backup.ts"), "utf8");
    assert.doesNotMatch(source, /--password|password=\$/);
  });
});
