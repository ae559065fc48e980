import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../../records/store";
import { openStore } from "../../records/stores";
import { saidOf } from "./every-step";
import { randomFor, report } from "./random";
import { trades } from "./trades";

/** How many of the points are tried. */
const most = Number(process.env.REWIND_LEVELDB_POINTS ?? 80);
const writing = "a store in LevelDB written to";
/** So often that there is a table too many for LevelDB, and it puts them together. */
const numbers = ["1", "2", "3"];
const next = 4;
const loader = join(__dirname, "..", "..", "typescript.js");
/** What LevelDB asks of the disk. A file that did not close would stay locked, as no disk makes it. */
const calls = "openat,mkdir,read,pread64,write,pwrite64,writev,fsync,fdatasync,ftruncate,rename,unlink,fcntl";
const traced = ["-e", `trace=${calls}`];
const needsNoRoom = new Set(["read", "pread64", "unlink", "fcntl"]);

/** The nth call of its name on a file of the database, by its path from the database's folder, and what comes instead. */
interface Point {
  readonly call: string;
  readonly file: string;
  readonly nth: number;
  readonly how: "EIO" | "ENOSPC" | "killed";
}

interface Run {
  readonly said: readonly string[];
  readonly trace: readonly string[];
}

/** Lets somebody write under strace. */
function run(
  folder: string,
  options: readonly string[],
  writes: readonly string[] = [writing, folder, ...numbers],
): Run {
  const [trace, said] = [join(folder, "trace"), join(folder, "said")];
  const writer = [process.execPath, "--require", loader, join(__dirname, "level-writer.ts"), ...writes];
  const { stderr } = spawnSync("strace", ["-f", "-y", "-s", "0", "-o", trace, ...options, ...writer], {
    // With one thread for all of it the calls come in the same order every time.
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  return { said: readFileSync(said, "utf8").split("\n"), trace: readFileSync(trace, "utf8").split("\n") };
}

const dataIn = (folder: string): string => join(folder, "records", "leveldb", "data");

/** Every call on a file of the database, with each way to fail it. */
function pointsIn({ trace }: Run, data: string): Point[] {
  const counts = new Map<string, number>();
  return trace.flatMap((line) => {
    const [, thread = "", call = "", operands = ""] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    const at = operands.indexOf(data);
    if (at < 0) return [];
    const [file = ""] = operands.slice(at + data.length).split(/[">]/, 1);
    // strace counts the calls of each thread by themselves.
    const key = `${thread} ${call} ${file}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    const ways = (["EIO", "killed", "ENOSPC"] as const).slice(0, needsNoRoom.has(call) ? 2 : 3);
    return ways.map((how) => ({ call, file, nth, how }));
  });
}

/** Lets one call fail. Returns what the writer said, and whether the call came. */
function fail(
  folder: string,
  { call, file, nth, how }: Point,
): { readonly said: readonly string[]; readonly came: boolean } {
  const instead = how === "killed" ? "signal=KILL" : `error=${how}`;
  const only = ["-P", dataIn(folder) + file, "-e", `trace=${call}`];
  const { said, trace } = run(folder, [...only, "-e", `inject=${call}:${instead}:when=${nth}`]);
  return { said, came: trace.some((line) => /\(INJECTED\)|killed by SIGKILL/.test(line)) };
}

/** What was acknowledged is there, what was not begun is not, a change is there as a whole or not at all, and the next works. */
async function check(folder: string, said: readonly string[]): Promise<void> {
  const [begun, written] = [saidOf(said, "begun"), saidOf(said, "written")];
  for (const reason of saidOf(said, "failed")) assert.match(reason, /^StoreUnavailable: /);
  const store = openStore({ store: "leveldb", folder: join(folder, "records") });
  const contracts = store.collection("contracts");
  const numberOf = (record: Json | undefined) => (record as { number: number } | undefined)?.number.toString();
  const [a, b] = (await Promise.all(["a", "b"].map((key) => contracts.get(key)))).map(numberOf);
  assert.equal(a, b, "a mix of two writes");
  const last = written.at(-1);
  const possible = last === undefined ? [undefined, ...begun] : begun.slice(begun.indexOf(last));
  assert.ok(possible.includes(a), `of ${String(a)}, and not of one from ${String(last)} on`);
  const linesNow = async () => (await store.journal("staging").read()).toString().split("\n").slice(0, -1);
  const lines = await linesNow();
  const known = begun.filter((number) => lines.includes(number));
  assert.deepEqual(lines, known, "a line that nobody wrote, or not in its place");
  const lost = written.filter((number) => !lines.includes(number));
  assert.deepEqual(lost, [], "a line that was acknowledged is lost");
  await trades[writing].write(folder, next);
  assert.deepEqual([numberOf(await contracts.get("a")), await linesNow()], [`${next}`, [...lines, `${next}`]]);
}

/** Skips a test by name where no process may look at what another asks of the system; fails under CI. */
function straceOrSkip(test: Mocha.Context): void {
  if (spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0) return;
  const reason = "strace is not here, or may not trace";
  if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(reason);
  if (test.test !== undefined) test.test.title += ` (skipped: ${reason})`;
  test.skip();
}

/** How often LevelDB was closed when its folder had been synced after the last time that its manifest was named in it. */
function sureWrites({ trace }: Run, data: string): number {
  let [writes, isSure] = [0, false];
  for (const line of trace.filter((each) => each.includes(data))) {
    if (line.includes(" rename(") && line.includes("/CURRENT")) isSure = false;
    else if (line.includes(" fsync(") && line.includes(`<${data}>`)) isSure = true;
    else if (line.includes("F_UNLCK")) [writes, isSure] = [isSure ? writes + 1 : writes, false];
  }
  return writes;
}

describe("LevelDB, where its own calls to the system fail in turn", () => {
  let room = "";
  const folder = (): string => mkdtempSync(join(room, "try-"));
  before(() => {
    // strace knows a file by the path that the system has for it.
    room = realpathSync(mkdtempSync(join(tmpdir(), "rewind-leveldb-")));
  });
  after(() => {
    rmSync(room, { recursive: true });
  });

  it("L5 · holds all of a change or nothing, loses none that was acknowledged and goes on", async function () {
    straceOrSkip(this);
    const [began, random] = [performance.now(), randomFor("LevelDB")];
    const first = folder();
    const all = pointsIn(run(first, traced), dataIn(first));
    const order = all.map((point) => ({ point, by: random() })).sort((a, b) => a.by - b.by);
    let failed = 0;
    for (const { point } of order.slice(0, most)) {
      const place = folder();
      const { said, came } = fail(place, point);
      if (came) failed += 1;
      await check(place, said).catch((error: unknown) => {
        throw new Error(`${JSON.stringify(point)}: ${String(error)}; ${said.join(", ")}`, { cause: error });
      });
      rmSync(place, { recursive: true });
    }
    assert.ok(failed > 0);
    report(`${failed} of ${all.length} points`, began);
  });

  it("L5 · names what it acknowledges for good, also of a copy that has nothing left to write", function () {
    straceOrSkip(this);
    const [written, copied] = [folder(), folder()];
    // A write of records, and one of a line; with more of them LevelDB would come to put tables together.
    assert.equal(sureWrites(run(written, traced, [writing, written, "1"]), dataIn(written)), 2);
    const twice = run(copied, traced, ["a store copied into LevelDB", copied, "1", "1"]);
    assert.deepEqual(saidOf(twice.said, "written"), ["1", "1"]);
    assert.equal(sureWrites(twice, dataIn(join(copied, "1"))), 4);
  });
});
