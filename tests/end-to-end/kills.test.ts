import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCodes } from "../../cli/exit-codes";
import type { BackupListJson } from "../../cli/json/backup";
import { readEngineState } from "../../cli/pending-operations";
import { openLogAt } from "../../records/open-log";
import { deployments, lastVerified, unfinishedRollback } from "../../records/state";
import { randomFor, report } from "../faults/random";
import { fixtureFor, scratch, stack as name, type Fixture, type Ran } from "./fixture";
import { checkout } from "./local-home";
import { killSession } from "./process-tree";
import { configOf, edit, keepTheDatabase } from "./stack-edits";

/** Of the kills, how many are here for each kind of command; the others are those of tests/faults. */
const shares = { backups: 0.15, conversions: 0.15, rollbacks: 0.1 } as const;
const killsOf = (kind: keyof typeof shares): number =>
  Math.round(Number(process.env.REWIND_KILLS ?? 30) * shares[kind]);

/** What a killed update left behind: operations that the engine remembers, and containers that it does not. */
async function leftBehind(stack: Fixture): Promise<{ pending: unknown[]; unknown: string[] }> {
  const { pending, ids } = readEngineState((await stack.pulumi(["stack", "export"])).stdout);
  const filters = { label: [`rewind.stack=local-${stack.environment.id}`] };
  const containers = await stack.docker.listContainers({ all: true, filters });
  return { pending: [...pending], unknown: containers.map(({ Id }) => Id).filter((id) => !ids.has(id)) };
}

describe("commands that are killed at any moment, on the real engine", function () {
  let stack: Fixture;
  let original = "";
  const records = `${scratch}/kills-records`;
  const backups = join(checkout, ".rewind", "backups", name);
  const forget = (): void => {
    for (const folder of [join(checkout, records), backups]) rmSync(folder, { recursive: true, force: true });
  };
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    forget();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    edit(stack, ["rewind:environment/records", records]);
    stack.pin("v1.2.0");
    await stack.up();
    stack.pin("v1.2.1");
    await stack.up();
  });
  after(async () => {
    writeFileSync(stack.stackFile, original);
    await stack.empty();
    forget();
  });

  const storeNow = (): "json" | "leveldb" =>
    typeof configOf(stack)["rewind:environment"]?.records === "string" ? "json" : "leveldb";
  const logIn = (store: "json" | "leveldb") => openLogAt({ store, folder: join(checkout, records) }, name, String);
  const log = () => logIn(storeNow());
  const wholeLines = (): Buffer => {
    const bytes = log().bytes();
    return bytes.subarray(0, bytes.lastIndexOf("\n") + 1);
  };
  const done = async (...args: string[]): Promise<Ran> => {
    const ran = await stack.rewind(...args);
    assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.output}`);
    return ran;
  };
  const told = async <T>(...args: string[]): Promise<T> => JSON.parse((await done(...args, "--json")).stdout) as T;

  /** The ids of what `write` wrote: of its kind nothing else may be in the log. */
  const acknowledged: string[] = [];
  /** Writes to the log, and returns how long it waited until it could, in milliseconds. */
  const write = (): number => {
    const began = performance.now();
    const reason = "to see whether it can be written";
    acknowledged.push(log().append({ kind: "hold", release: "v1.2.2", reason }).id);
    return performance.now() - began;
  };

  /** How many rollbacks were begun or resumed here, killed or not. */
  let rollbacksAsked = 0;
  /** Whatever the log has was asked for here, has one beginning, and at most one end. */
  const nothingInvented = (): void => {
    const entries = log().entries();
    const idsOf = (kind: string) => entries.flatMap((entry) => (entry.kind === kind ? [entry.id] : []));
    const endsOf = (kind: "outcome" | "rollback-end") =>
      entries.flatMap((entry) => (entry.kind === kind ? [entry.of] : []));
    assert.deepEqual(idsOf("hold"), acknowledged);
    assert.ok(idsOf("rollback").length <= rollbacksAsked, "a rollback that nobody asked for");
    for (const [begun, ends] of [
      [idsOf("intent"), endsOf("outcome")],
      [idsOf("rollback"), endsOf("rollback-end")],
    ] as const) {
      assert.equal(new Set(begun).size, begun.length, "an entry twice");
      assert.equal(new Set(ends).size, ends.length, "two ends of one");
      assert.ok(
        ends.every((of) => begun.includes(of)),
        "an end of what did not begin",
      );
    }
    for (const { intent } of deployments(entries)) {
      assert.ok(intent.rollback === undefined || idsOf("rollback").includes(intent.rollback), "of no rollback");
    }
  };

  const started = (args: readonly string[]): ChildProcess =>
    spawn(process.execPath, [join(checkout, "cli", "rewind.js"), ...args, "--stack", name], {
      cwd: checkout,
      env: { ...process.env, ...stack.variables },
      stdio: "ignore",
      detached: true,
    });

  const idOf = ({ pid }: ChildProcess): number => pid ?? assert.fail("it did not start");

  /** Kills a command, by itself or with all that it started. Returns what the log held; undefined when it ended before. */
  const killed = async (victim: ChildProcess, moment: number, alone: boolean): Promise<Buffer | undefined> => {
    const closed = once(victim, "close");
    await sleep(moment);
    const before = wholeLines();
    if (victim.exitCode !== null) return undefined;
    if (alone) victim.kill("SIGKILL");
    else killSession(idOf(victim));
    const [code] = (await closed) as [number | null];
    return code === null ? before : undefined;
  };

  /** A command that is killed, and how it is gone on with. */
  interface Trade {
    readonly kind: keyof typeof shares;
    /** What is asked for next. */
    readonly args: () => readonly string[];
    /** Runs it to its end, undisturbed or after a kill, and checks what it left. */
    readonly finish: (args: readonly string[]) => Promise<void>;
  }

  /** Kills it as often as its share is, and says how long the first write after a kill had to wait. */
  const killAgainAndAgain = async ({ kind, args, finish }: Trade): Promise<void> => {
    const [began, random, waits] = [performance.now(), randomFor(kind), [] as number[]];
    const whole = args();
    const start = performance.now();
    await once(started(whole), "close");
    const length = performance.now() - start;
    await finish(whole);
    let afterTheirEnd = 0;
    while (waits.length < killsOf(kind)) {
      const wanted = args();
      const [moment, alone] = [random() * length, random() < 0.5];
      const victim = started(wanted);
      const before = await killed(victim, moment, alone);
      const waited = write();
      if (before === undefined) afterTheirEnd += 1;
      else waits.push(waited);
      const where = `${wanted.join(" ")}, killed ${alone ? "alone" : "with all it started"} after ${Math.round(moment)} ms`;
      try {
        await finish(wanted);
        const bytes = log().bytes();
        if (before !== undefined) assert.ok(bytes.subarray(0, before.length).equals(before), "an entry is lost");
        nothingInvented();
        await done("log", "verify");
        // A plugin may outlive its engine, in nobody's way.
        killSession(idOf(victim));
      } catch (error) {
        throw new Error(`${where} (kill ${waits.length}): ${String(error)}`, { cause: error });
      }
    }
    const p99 = waits.sort((a, b) => a - b)[Math.ceil(waits.length * 0.99) - 1] ?? 0;
    const late = afterTheirEnd === 0 ? "" : ` (${afterTheirEnd} came too late)`;
    const what = `${waits.length} kills of ${kind} that take ${Math.round(length)} ms${late}`;
    report(`${what}, written to again within ${Math.round(p99)} ms (p99)`, began);
  };

  const seen = new Set<string>();
  /** Every backup that is listed is whole, and none is missing that was there. */
  const backupsAreWhole = async (): Promise<void> => {
    const ids = (await told<BackupListJson>("backup", "list")).backups.map(({ id }) => id);
    for (const id of seen) assert.ok(ids.includes(id), `${id} is lost`);
    for (const id of ids) {
      if (!seen.has(id)) await done("backup", "verify", id);
      seen.add(id);
    }
  };

  it("L8 · a backup that is killed is none or whole, and the next is made", async () => {
    await killAgainAndAgain({
      kind: "backups",
      args: () => ["backup", "create"],
      finish: async (args) => {
        await done(...args);
        await backupsAreWhole();
      },
    });
  });

  it("L5 · records whose conversion is killed are in the old store or the new, whole, and the next run ends it", async () => {
    const other = { json: "leveldb", leveldb: "json" } as const;
    await killAgainAndAgain({
      kind: "conversions",
      args: () => ["records", "convert", "--to", other[storeNow()]],
      finish: async (args) => {
        const wanted = args.at(-1) as keyof typeof other;
        if (storeNow() !== wanted) await done(...args);
        assert.equal(storeNow(), wanted);
        const old = logIn(other[wanted]).bytes();
        assert.ok(old.length > 0 && old.equals(log().bytes().subarray(0, old.length)), "the old one is kept");
      },
    });
    if (storeNow() !== "json") await done("records", "convert", "--to", "json");
  });

  it("L4 · a rollback that is killed comes to its verified end without repair", async () => {
    const runs = async (): Promise<unknown> =>
      (await stack.query<{ value: unknown }>("select value from app.scoring_config where key = 'results_version'"))[0]
        ?.value;
    const verified = (): string | undefined => lastVerified(log().entries())?.intent.to.release;
    await killAgainAndAgain({
      kind: "rollbacks",
      args: () => {
        rollbacksAsked += 1;
        return ["rollback", verified() === "v1.2.0" ? "v1.2.1" : "v1.2.0", "--yes"];
      },
      finish: async (args) => {
        const [, wanted] = args;
        for (;;) {
          const open = unfinishedRollback(log().entries());
          if (open === undefined && verified() === wanted) break;
          rollbacksAsked += 1;
          const ran = await stack.rewind(...(open === undefined ? args : ["resume", "--yes"]));
          // The engine outlives a `rewind` that is killed alone, until it has something to tell it.
          if (ran.code === exitCodes.locked) await sleep(200);
          else assert.equal(ran.code, 0, ran.output);
        }
        assert.deepEqual([configOf(stack)["rewind:release"], await runs()], [wanted, wanted]);
        assert.deepEqual(await leftBehind(stack), { pending: [], unknown: [] });
      },
    });
    await backupsAreWhole();
    await done("verify");
  });
});
