import assert from "node:assert/strict";
import fs, {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { appendInTurn } from "../../records/append";
import { NewerLog } from "../../records/line";
import { LogHeld, patience } from "../../records/lock";
import { openFileLog } from "../../records/log";
import { thisRunner } from "../../records/runner";
import { verifyLog } from "../../records/verify";
import { Disk, type Fault } from "../faults/disk";
import { tokensIn } from "./tokens";
import { umaskNow } from "./umask";

/** A process whose number another has got since. */
const dead = JSON.stringify({ ...thisRunner(), began: "1" });

describe("an append to a log", () => {
  let folder = "";
  let path = "";
  const hold = (reason = "x") => openFileLog(path, "staging", String).append({ kind: "hold", release: "v1", reason });
  const reasons = () =>
    openFileLog(path, "staging", String)
      .entries()
      .map((entry) => (entry.kind === "hold" ? entry.reason : entry.kind));
  const text = () => readFileSync(path, "utf8");
  const onDisk = async (act: () => void, fault?: Fault): Promise<Disk> => {
    const disk = new Disk(folder, fault);
    await disk.during(act);
    return disk;
  };
  const kindsOf = ({ steps }: Disk): string => steps.map(({ kind }) => kind).join(" ");
  /** The steps that a failing append is made of, and what it said. */
  const failing = async (fault: Fault): Promise<string> => {
    const disk = new Disk(folder, fault);
    let said = "";
    await disk.during(() => {
      try {
        hold("lost");
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        said = `${code ?? ""} ${message}`;
      }
    });
    return said;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-append-"));
    path = join(folder, "staging.jsonl");
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it("waits for the disk before it lets go of its turn, and the first one of all for the log's name, too", async () => {
    assert.equal(kindsOf(await onDisk(() => hold())), "make make sync write sync unname");
    assert.equal(kindsOf(await onDisk(() => hold())), "make write sync unname");
  });

  it("makes sure of the names of all the folders that it made", async () => {
    path = join(folder, "a", "b", "staging.jsonl");
    const disk = await onDisk(() => hold());
    assert.equal(kindsOf(disk), "make sync make make make sync sync write sync unname");
    const synced = disk.steps.flatMap((step) => (step.kind === "sync" ? [step.node] : []));
    // The folder, `b`, `a`, the log.
    assert.deepEqual(synced, [0, 2, 1, 3]);
    assert.equal(statSync(path).mode & 0o777, 0o666 & ~umaskNow());
  });

  it("makes sure first of what a dead writer left, which may not be on the disk yet", async () => {
    hold();
    symlinkSync(dead, `${path}.2.lock`);
    assert.equal(kindsOf(await onDisk(() => hold())), "make sync write sync unname unname");
  });

  it("has a torn line closed on the disk before anything is bound to it", async () => {
    hold("first");
    appendFileSync(path, '{"version":3');
    assert.equal(kindsOf(await onDisk(() => hold("second"))), "make write sync write sync unname");
    assert.deepEqual(reasons(), ["first", "second"]);
    assert.equal(verifyLog(readFileSync(path), path).result, "sound");
  });

  it("that fails leaves the log as it was, says where and why, and lets go of its turn", async () => {
    hold("first");
    const before = text();
    for (const fault of [
      { at: 2, how: "ENOSPC", part: 40 },
      { at: 3, how: "EIO" },
    ] as const) {
      const said = await failing(fault);
      assert.match(said, new RegExp(`^${fault.how} cannot write .*staging\\.jsonl: ${fault.how}`));
      assert.equal(text(), before);
      assert.deepEqual(readdirSync(folder), ["staging.jsonl"]);
    }
    hold("second");
    assert.deepEqual(reasons(), ["first", "second"]);
  });

  it("makes sure that what it cut off is gone from the disk, too", async () => {
    hold("first");
    const disk = new Disk(folder, { at: 3, how: "EIO" });
    await disk.during(() => {
      assert.throws(() => hold("lost"), /EIO/);
    });
    assert.equal(kindsOf(disk), "make write sync cut sync unname");
  });

  it("that fails behind a torn line leaves it closed", async () => {
    hold("first");
    appendFileSync(path, '{"version":3');
    const closed = `${text()} (torn)\n`;
    assert.match(await failing({ at: 4, how: "EIO" }), /^EIO/);
    assert.equal(text(), closed);
    hold("second");
    assert.equal(verifyLog(readFileSync(path), path).result, "sound");
  });

  it("that fails cuts nothing off once somebody has taken its writer for dead and may have written", () => {
    hold("first");
    const theirs = '{"kind":"hold"}\n';
    mock.method(fs, "fsyncSync", () => {
      symlinkSync(dead, `${path}.3.lock`);
      appendFileSync(path, theirs);
      throw Object.assign(new Error("EIO: made to fail"), { code: "EIO" });
    });
    assert.throws(() => hold("overtaken"), /EIO/);
    assert.ok(text().endsWith(theirs));
  });

  it("looks at the end anew when somebody wrote between its look and its turn", () => {
    const sizes: number[] = [];
    const written = appendInTurn(path, ({ size }) => {
      sizes.push(size);
      if (sizes.length === 1) appendFileSync(path, "another\n");
      return { bytes: "own\n" };
    });
    assert.equal(written, true);
    assert.deepEqual(sizes, [0, 8]);
    assert.equal(text(), "another\nown\n");
  });

  it("lines up anew when somebody takes it for dead before it writes", () => {
    let looks = 0;
    appendInTurn(path, (_, token) => {
      looks += 1;
      if (looks === 1) symlinkSync(dead, `${path}.${token + 1}.lock`);
      return { bytes: `${token}\n` };
    });
    assert.equal(looks, 2);
    assert.equal(text(), "3\n");
    // The first of the three locks was its own, which it gave back without having written.
    assert.deepEqual(readdirSync(folder), ["staging.jsonl"]);
  });

  it("says that it wrote nothing where there is nothing to write, and leaves no lock", () => {
    assert.equal(
      appendInTurn(path, () => undefined),
      false,
    );
    assert.equal(text(), "");
    assert.deepEqual(readdirSync(folder), ["staging.jsonl"]);
  });

  it("leaves the locks of the dead where they are when it wrote nothing", () => {
    symlinkSync(dead, `${path}.1.lock`);
    assert.equal(
      appendInTurn(path, () => undefined),
      false,
    );
    assert.deepEqual(readdirSync(folder).sort(), ["staging.jsonl", "staging.jsonl.1.lock"]);
  });

  it("refuses a path that it cannot open, with the word of the system, and makes no folder for it", () => {
    for (const [at, code] of [
      [folder, "EISDIR"],
      [join(folder, "file", "staging.jsonl"), "ENOTDIR"],
    ] as const) {
      if (!existsSync(join(folder, "file"))) writeFileSync(join(folder, "file"), "");
      assert.throws(
        () => appendInTurn(at, () => undefined),
        (error: NodeJS.ErrnoException) =>
          error.code === code && error.message.startsWith(`cannot write ${at}: ${code}`),
      );
    }
    assert.deepEqual(readdirSync(folder), ["file"]);
  });

  it("says as they are that somebody does not let go, or that the log is newer", () => {
    hold();
    const before = { ...patience };
    Object.assign(patience, { alive: 20 });
    symlinkSync(JSON.stringify({ ...thisRunner(), pid: process.ppid, began: undefined }), `${path}.2.lock`);
    try {
      assert.throws(() => hold(), LogHeld);
    } finally {
      Object.assign(patience, before);
    }
    rmSync(`${path}.2.lock`);
    appendFileSync(path, '{"version":4,"kind":"novelty"}\n');
    assert.throws(() => hold(), NewerLog);
  });

  it("closes what it opened, however it ends", () => {
    mkdirSync(join(folder, "other"));
    const [opened, closed] = [mock.method(fs, "openSync"), mock.method(fs, "closeSync")];
    hold();
    appendFileSync(path, '{"version":4,"kind":"novelty"}\n');
    assert.throws(() => hold(), NewerLog);
    assert.deepEqual(tokensIn(path), [1]);
    const files = opened.mock.calls.filter(({ arguments: [at] }) => at === path);
    const ends = closed.mock.calls.map(({ arguments: [file] }) => file);
    assert.equal(files.length, 2);
    for (const { result } of files) assert.ok(ends.includes(result!));
  });
});
