import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { linkOf } from "../../records/line";
import { patience, Queue } from "../../records/lock";
import { openFileLog, readFileLog } from "../../records/log";
import { verifyLog } from "../../records/verify";
import { report } from "./random";

const processes = 64;
const turnsEach = Math.ceil(Number(process.env.REWIND_TURNS ?? 2_000) / processes);
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

describe("the turns of a log's writers, fought for by real processes", () => {
  let folder = "";
  let path = "";
  const before = { ...patience };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-turns-"));
    path = join(folder, "staging.jsonl");
  });
  afterEach(() => {
    Object.assign(patience, before);
    rmSync(folder, { recursive: true });
  });
  const fighting = (name: string, turns: number, end?: "dies" | "stops"): ChildProcess => {
    const loader = join(__dirname, "..", "..", "typescript.js");
    const args = ["--require", loader, join(__dirname, "fighter.ts"), path, name, `${turns}`, ...(end ? [end] : [])];
    return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  };
  const ended = async (child: ChildProcess): Promise<unknown> =>
    ((await once(child, "close")) as unknown[]).find(Boolean);
  const ids = (): string[] => readFileLog(path).map(({ id }) => id);
  const tokens = (): number[] =>
    readFileSync(path, "latin1")
      .split("\n")
      .flatMap((line) => linkOf(Buffer.from(line, "latin1"))?.token ?? []);
  const isSound = (): void => {
    assert.equal(verifyLog(readFileSync(path), path).result, "sound");
    const all = tokens();
    assert.ok(
      all.every((token, at) => at === 0 || token > all[at - 1]!),
      "a token does not rise",
    );
  };
  const append = (): void => {
    openFileLog(path, "s", String).append({ kind: "hold", release: "v1", reason: "after" });
  };

  it(`are had by one of ${processes} at a time, also when every eighth dies in one of its own`, async () => {
    const began = performance.now();
    const dies = (at: number): boolean => at % 8 === 0;
    const children = range(processes).map((at) => fighting(`p${at}`, turnsEach, dies(at) ? "dies" : undefined));
    const ends = await Promise.all(children.map(ended));
    assert.deepEqual(
      ends,
      range(processes).map((at) => (dies(at) ? "SIGKILL" : undefined)),
    );
    append();
    const written = ids();
    for (const at of range(processes)) {
      const own = written.filter((id) => id.startsWith(`p${at}-`));
      assert.deepEqual(
        own,
        range(dies(at) ? turnsEach - 1 : turnsEach).map((turn) => `p${at}-${turn}`),
      );
    }
    isSound();
    assert.deepEqual(readdirSync(folder), ["staging.jsonl"], "no lock is left, and nobody within a turn");
    report(`${processes * turnsEach} turns`, began);
  });

  it("go to the next at once when a holder died in its own", async () => {
    const waits: number[] = [];
    for (const at of range(10)) {
      await ended(fighting(`d${at}`, 1, "dies"));
      const began = performance.now();
      const turn = new Queue(path).next(tokens().at(-1) ?? 0);
      assert.ok(turn?.afterDead, "the first who asks has it");
      turn.release(false);
      append();
      waits.push(performance.now() - began);
    }
    isSound();
    console.log(`      the longest wait for a dead holder: ${Math.round(Math.max(...waits))} ms`);
  });

  it("are refused to one that stood still so long that another had it; it lines up anew", async () => {
    Object.assign(patience, { unknown: 20 });
    append();
    const sleeper = fighting("s", 1, "stops");
    while (!readdirSync(folder).some((name) => name.endsWith(".2.lock"))) await sleep(5);
    append();
    assert.deepEqual(tokens(), [1, 3]);
    // It stops in every turn that it has, also in the one that nobody takes from it.
    const waking = setInterval(() => sleeper.kill("SIGCONT"), 20);
    assert.equal(await ended(sleeper), undefined);
    clearInterval(waking);
    assert.deepEqual([tokens(), ids().at(-1)], [[1, 3, 4], "s-1"]);
    isSound();
  });
});
