import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs, {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { LogHeld, patience, Queue, type Turn } from "../../records/lock";
import { openFileLog } from "../../records/log";
import { thisRunner } from "../../records/runner";
import { verifyLog } from "../../records/verify";
import { failWith } from "../failing";
import { tokensIn } from "./tokens";
import { umaskNow } from "./umask";

const loader = join(__dirname, "..", "..", "typescript.js");

describe("the turns of a log's writers", () => {
  let folder = "";
  let path = "";
  const open = () => openFileLog(path, "staging", String);
  const reasons = (): string[] =>
    open()
      .entries()
      .flatMap((entry) => (entry.kind === "hold" ? [entry.reason] : []));
  const verified = () => verifyLog(readFileSync(path), path);
  const lockOf = (token: number): string => `${path}.${token}.lock`;
  const hold = (reason: string) => open().append({ kind: "hold", release: "v1", reason });
  const taken = (queue: Queue, last: number): Turn => queue.next(last) ?? assert.fail("not its turn");
  const writing = (name: string, count: number) => {
    const args = ["--require", loader, join(__dirname, "writer.ts"), path, name, `${count}`];
    return spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  };
  /** The number of a process that is gone. */
  const gone = async (): Promise<number> => {
    const child = spawn("true");
    await once(child, "close");
    return child.pid ?? assert.fail();
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-lock-"));
    path = join(folder, "staging.jsonl");
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it("let a living holder have its time, counted from when it was first met, however often it is asked", async () => {
    const child = spawn("sleep", ["60"]);
    symlinkSync(JSON.stringify({ ...thisRunner(), pid: child.pid, began: undefined }), lockOf(1));
    let clock = 5_000;
    mock.method(performance, "now", () => clock);
    const queue = new Queue(path, { alive: 3_000, unknown: 1_000 });
    for (const at of [5_000, 6_500, 8_000]) {
      clock = at;
      assert.equal(queue.next(0), undefined);
    }
    clock = 8_001;
    assert.throws(
      () => queue.next(0),
      (error) => error instanceof LogHeld && error.message === `${path}: process ${child.pid ?? 0} has held it for 3 s`,
    );
    child.kill("SIGKILL");
    await once(child, "close");
  });

  it("let one that nobody can ask have less, and leave it its turn until then", () => {
    symlinkSync('{"host":"elsewhere","pid":1}', lockOf(1));
    let clock = 5_000;
    mock.method(performance, "now", () => clock);
    const queue = new Queue(path, { alive: 3_000, unknown: 1_000 });
    for (const at of [5_000, 6_000]) {
      clock = at;
      assert.equal(queue.next(0), undefined);
    }
    clock = 6_001;
    assert.equal(queue.next(0)?.token, 2);
  });

  it("allow a holder ten seconds, and one that nobody can ask three, unless said", () => {
    symlinkSync("nobody", lockOf(1));
    let clock = 0;
    mock.method(performance, "now", () => clock);
    const queue = new Queue(path);
    assert.equal(queue.next(0), undefined);
    clock = 3_000;
    assert.equal(queue.next(0), undefined);
    clock = 3_001;
    assert.equal(queue.next(0)?.token, 2);
    assert.equal(patience.alive, 10_000);
  });

  it("wait a little while before they are asked for again, each another one, and not where there is nobody", async () => {
    const waits = mock.method(Atomics, "wait", () => "timed-out");
    assert.equal(taken(new Queue(path), 0).token, 1);
    assert.equal(waits.mock.callCount(), 0);
    const child = spawn("sleep", ["60"]);
    const holder = JSON.stringify({ ...thisRunner(), pid: child.pid, began: undefined });
    for (const [token, last] of [
      [7, 6],
      [7, 7],
    ] as const) {
      symlinkSync(holder, lockOf(token));
      const queue = new Queue(path);
      for (let round = 0; round < 20; round += 1) assert.equal(queue.next(last), undefined);
      unlinkSync(lockOf(token));
    }
    const times = waits.mock.calls.map(({ arguments: [, , , time] }) => time ?? 0);
    assert.equal(times.length, 40);
    assert.ok(times.every((time) => time >= 1 && time <= 5));
    assert.ok(new Set(times).size > 30);
    child.kill("SIGKILL");
    await once(child, "close");
  });

  it("are missed where somebody made the lock first and gave it back since: the end is to be read anew", () => {
    mock.method(fs, "symlinkSync", failWith("EEXIST"));
    assert.equal(new Queue(path).next(0), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("are made with a file that says whose they are, readable as the umask has it, where there are no links", () => {
    mock.method(fs, "symlinkSync", failWith("EPERM"));
    const turn = taken(new Queue(path), 0);
    assert.deepEqual(JSON.parse(readFileSync(lockOf(1), "utf8")), thisRunner());
    assert.equal(statSync(lockOf(1)).mode & 0o777, 0o666 & ~umaskNow());
    assert.ok(turn.isMine());
    writeFileSync(lockOf(2), "another's");
    assert.equal(new Queue(path).next(1), undefined, "its file is not written over");
    assert.equal(readFileSync(lockOf(2), "utf8"), "another's");
    assert.ok(!turn.isMine());
  });

  it("fail with the word of the system where a lock can neither be made, read nor removed", () => {
    const turn = taken(new Queue(path), 0);
    const unlink = mock.method(fs, "unlinkSync", failWith("EACCES"));
    assert.throws(() => {
      turn.release(true);
    }, /EACCES/);
    unlink.mock.restore();
    mock.method(fs, "readlinkSync", failWith("EIO"));
    assert.throws(() => turn.isMine(), /EIO/);
    for (const made of ["symlinkSync", "writeFileSync"] as const) mock.method(fs, made, failWith("EROFS"));
    assert.throws(() => new Queue(path).next(5), /EROFS/);
  });

  it("are given back though somebody removed the lock, and read as free where it goes while it is read", () => {
    const turn = taken(new Queue(path), 0);
    unlinkSync(lockOf(1));
    turn.release(true);
    taken(new Queue(path), 0);
    mock.method(fs, "readlinkSync", failWith("ENOENT"));
    assert.equal(taken(new Queue(path), 1).token, 2);
  });

  it("pass over whatever a lock says that names no process, once it was let have its time", () => {
    for (const said of ["null", "1", '"pid"', "{}", "[", "{}[]"]) {
      symlinkSync(said, lockOf(1));
      const queue = new Queue(path, { alive: 10_000, unknown: -1 });
      const turn = taken(queue, 0);
      assert.equal(turn.token, 2, said);
      assert.ok(turn.afterDead);
      turn.release(true);
      assert.deepEqual(readdirSync(folder), []);
    }
  });

  it("say whether somebody before may have left what is not on the disk", async () => {
    assert.equal(taken(new Queue(path), 0).afterDead, false);
    const holder = JSON.stringify({ ...thisRunner(), pid: await gone() });
    symlinkSync(holder, lockOf(7));
    assert.equal(taken(new Queue(path), 7).afterDead, true, "the one that wrote last");
    symlinkSync(holder, lockOf(11));
    assert.equal(taken(new Queue(path), 10).afterDead, true, "one that did not write");
  });

  it("pass over a turn that nobody can have, for a later one is taken", async () => {
    symlinkSync(JSON.stringify({ ...thisRunner(), pid: await gone() }), lockOf(2));
    const turn = taken(new Queue(path), 0);
    assert.equal(turn.token, 3);
    turn.release(true);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("let eight processes append fifty entries each: all are there, each writer's in order, in one chain", async () => {
    const names = Array.from({ length: 8 }, (_, at) => `w${at}`);
    const ended = names.map(async (name) => {
      const child = writing(name, 50);
      return (await once(child, "close")) as [number];
    });
    assert.deepEqual(
      (await Promise.all(ended)).map(([code]) => code),
      names.map(() => 0),
    );
    const written = reasons();
    assert.equal(written.length, 400);
    for (const name of names) {
      const own = written.filter((reason) => reason.startsWith(`${name}-`));
      assert.deepEqual(
        own,
        Array.from({ length: 50 }, (_, at) => `${name}-${at}`),
      );
    }
    assert.deepEqual([verified().result, verified().chained], ["sound", 400]);
    assert.deepEqual(readdirSync(folder), ["staging.jsonl"], "no lock is left");
  }).timeout(60_000);

  it("go on after writers that were killed in the middle of it, and each wrote in order until then", async () => {
    const names = Array.from({ length: 6 }, (_, at) => `k${at}`);
    const killed = names.map(async (name) => {
      const child = writing(name, 100_000);
      while (!(existsSync(path) && readFileSync(path, "utf8").includes(`"${name}-3"`))) await sleep(5);
      await sleep(Math.random() * 50);
      child.kill("SIGKILL");
      await once(child, "close");
    });
    await Promise.all(killed);
    hold("after");
    const written = reasons();
    for (const name of names) {
      const own = written.filter((reason) => reason.startsWith(`${name}-`));
      assert.ok(own.length > 3);
      assert.deepEqual(
        own,
        Array.from(own, (_, at) => `${name}-${at}`),
      );
    }
    assert.equal(written.at(-1), "after");
    assert.equal(verified().result, "sound");
  }).timeout(60_000);

  it("pass over a holder that is dead, whose number then is another's, too", async () => {
    hold("first");
    for (const [token, runner] of [
      [2, { ...thisRunner(), pid: await gone() }],
      [3, { ...thisRunner(), pid: process.ppid, began: "1" }],
    ] as const) {
      symlinkSync(JSON.stringify(runner), lockOf(token));
    }
    hold("second");
    assert.deepEqual(
      [reasons(), tokensIn(path)],
      [
        ["first", "second"],
        [1, 4],
      ],
    );
    assert.equal(verified().result, "sound");
    assert.deepEqual(readdirSync(folder), ["staging.jsonl"]);
  });

  it("wait for a living holder, also for one that wrote and waits for the disk", async () => {
    hold("first");
    const child = spawn("sleep", ["60"]);
    const holder = JSON.stringify({ ...thisRunner(), pid: child.pid, began: undefined });
    const queue = new Queue(path, { alive: 50, unknown: 50 });
    for (const token of [1, 2]) {
      symlinkSync(holder, lockOf(token));
      assert.equal(queue.next(1), undefined, "not its turn yet");
      assert.throws(
        () => {
          for (;;) queue.next(1);
        },
        (error) => error instanceof LogHeld && error.message.includes(`process ${child.pid ?? 0} has held it`),
      );
      unlinkSync(lockOf(token));
    }
    assert.equal(taken(queue, 1).token, 2);
    child.kill("SIGKILL");
    await once(child, "close");
  });

  it("pass over a holder that nobody can ask, of another machine or without a name, when it does not let go", () => {
    const elsewhere = '{"host":"elsewhere","pid":1}';
    for (const lock of [
      () => {
        symlinkSync(elsewhere, lockOf(1));
      },
      () => {
        symlinkSync("nobody", lockOf(1));
      },
      () => {
        writeFileSync(lockOf(1), elsewhere);
      },
    ]) {
      lock();
      const queue = new Queue(path, { alive: 10_000, unknown: 50 });
      assert.equal(queue.next(0), undefined, "it may be about to write");
      let turn = queue.next(0);
      while (turn === undefined) turn = queue.next(0);
      assert.equal(turn.token, 2);
      turn.release(true);
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it("know a holder by a file, too, where nobody can make links", async () => {
    writeFileSync(lockOf(1), JSON.stringify({ ...thisRunner(), pid: await gone() }));
    assert.equal(taken(new Queue(path), 0).token, 2);
  });

  it("refuse the stale token of one that was overtaken, which has to line up anew", () => {
    const paused = taken(new Queue(path), 0);
    assert.ok(paused.isMine());
    // Nobody has the number of the process that asks, so its own lock is that of one that is gone.
    const overtaking = taken(new Queue(path), 0);
    assert.deepEqual([paused.token, overtaking.token], [1, 2]);
    assert.deepEqual([paused.isMine(), overtaking.isMine()], [false, true]);
    overtaking.release(true);
    assert.ok(!paused.isMine(), "nor when the other is done");
    paused.release(false);
  });

  it("leave the name of a dead holder taken until an entry with a higher token stands there", async () => {
    symlinkSync(JSON.stringify({ ...thisRunner(), pid: await gone() }), lockOf(1));
    taken(new Queue(path), 0).release(false);
    assert.deepEqual(readdirSync(folder), ["staging.jsonl.1.lock"]);
    taken(new Queue(path), 0).release(true);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("in any order of writers, crashes and lines by hand there is one chain, and nothing is lost", () => {
    const byHand = '{"version":2,"id":"h","at":"x","stack":"staging","by":"by hand","kind":"start","reason":"r"}\n';
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ writer: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ torn: fc.integer({ min: 1, max: 40 }) }) },
      { weight: 1, arbitrary: fc.constant({ byHand }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        rmSync(path, { force: true });
        const writers = [open(), open(), open()];
        const expected: string[] = [];
        let ended = true;
        for (const [at, each] of steps.entries()) {
          if ("writer" in each) {
            writers[each.writer]?.append({ kind: "hold", release: "v1", reason: `${at}` });
            expected.push(`${at}`);
            ended = true;
          } else if ("torn" in each && ended) {
            appendFileSync(path, byHand.slice(0, each.torn));
            ended = false;
          } else if ("byHand" in each && ended) appendFileSync(path, byHand);
        }
        if (expected.length === 0) return;
        assert.deepEqual(reasons(), expected);
        assert.equal(verified().result, ended ? "sound" : "unfinished");
        assert.deepEqual(
          tokensIn(path),
          tokensIn(path).toSorted((a, b) => a - b),
        );
      }),
      { numRuns: 40 },
    );
  });
});
