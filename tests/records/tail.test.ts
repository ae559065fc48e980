import assert from "node:assert/strict";
import fs, { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import fc from "fast-check";
import type { Hold } from "../../records/entry";
import { chainedLine, NewerLog, sha256 } from "../../records/line";
import type { Journal } from "../../records/store";
import { lastChained, readJournalTail, readTail } from "../../records/tail";

const entry = (reason: string): Hold => ({
  ...{ version: 3, id: "a", at: "2025-09-17T20:00:00.000Z", stack: "s", by: "b@c" },
  ...{ kind: "hold", release: "v1", reason },
});
const line = (token: number, reason = ""): string => `${chainedLine(entry(reason), { previous: sha256(""), token })}\n`;
const old = '{"version":2,"kind":"hold"}\n';

describe("the end of a log", () => {
  let folder = "";
  const of = (text: string, length?: number) => {
    const path = join(folder, "log");
    writeFileSync(path, text);
    const file = openSync(path, "r");
    try {
      return readTail(file, path, length);
    } finally {
      closeSync(file);
    }
  };
  const journal = (text: string): Journal => ({
    size: () => Promise.resolve(Buffer.byteLength(text)),
    read: (from = 0) => Promise.resolve(Buffer.from(text).subarray(from)),
    append: () => Promise.resolve(false),
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-tail-"));
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });

  it("of an empty one binds to nothing", () => {
    assert.deepEqual(of(""), { size: 0, token: 0, previous: sha256(""), closing: "" });
  });

  it("binds the next entry to all since the beginning of the last bound line", () => {
    const last = line(2);
    assert.deepEqual(of(line(1) + last), {
      ...{ size: line(1).length + last.length, token: 2 },
      ...{ previous: sha256(last), closing: "" },
    });
    assert.equal(of(`${line(1)}${old}\n`).previous, sha256(`${line(1)}${old}\n`));
    assert.deepEqual([of(old).previous, of(old).token], [sha256(old), 0]);
  });

  it("is closed by a line feed where the last line is whole, and by the mark of a torn one where it is not", () => {
    assert.equal(of(line(1).trimEnd()).closing, "\n");
    assert.equal(of(`${old}${line(1).trimEnd()}`).closing, "\n");
    assert.equal(of(`${line(1)}{"version":3`).closing, " (torn)\n");
    assert.equal(of("x").closing, " (torn)\n");
    assert.equal(of(`${line(1)}edited\n`).closing, "");
    const closed = `${line(1)}{"version":3`;
    assert.equal(of(closed).previous, sha256(`${closed} (torn)\n`), "what closes it is bound, too");
  });

  it("that is of a newer version is refused by its path, whole or not, and an older line before it is not", () => {
    const newer = '{"version":4,"kind":"novelty"}';
    for (const text of [newer, `${newer}\n`, `${line(1)}${newer}`, `${line(1)}${newer}\n`]) {
      assert.throws(
        () => of(text),
        (error) => error instanceof NewerLog && /^the last line of .*log: an entry of version 4/.test(error.message),
      );
    }
    assert.equal(of(`${newer}\n${line(1)}`).token, 1);
  });

  it("is the same however little of it is looked at first, in a file and in any other store", async () => {
    const whole = fc.constantFrom(line(1), line(2, "x".repeat(40)), old, "\n", "torn (torn)\n");
    const end = fc.constantFrom("", '{"version', line(3).trimEnd());
    await fc.assert(
      fc.asyncProperty(
        fc.array(whole, { maxLength: 6 }),
        end,
        fc.integer({ min: 1, max: 600 }),
        async (all, last, first) => {
          const text = all.join("") + last;
          const expected = of(text, 1_000_000);
          assert.deepEqual(of(text, first), expected);
          assert.deepEqual(await readJournalTail(journal(text), "log", first), expected);
          assert.deepEqual(await readJournalTail(journal(text), "log"), expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is looked for in 16 KiB first, then in eight times as much", async () => {
    const asked: number[] = [];
    const counting = (text: string): Journal => {
      const real = journal(text);
      return { ...real, read: (from) => real.read(asked[asked.push(from ?? 0) - 1]) };
    };
    const long = line(1, "x".repeat(200_000));
    assert.equal((await readJournalTail(counting(long), "log")).token, 1);
    assert.deepEqual(asked.splice(0), [long.length - 16_384, long.length - 131_072, 0]);
    const many = line(1).repeat(100);
    assert.equal((await readJournalTail(counting(many), "log")).token, 1);
    assert.deepEqual(asked.splice(0), [many.length - 16_384], "no further than to the last bound line");
    const unbound = old.repeat(1_000);
    assert.equal((await readJournalTail(counting(unbound), "log")).token, 0);
    assert.deepEqual(asked, [unbound.length - 16_384, 0], "as a whole where there is none");
  });

  it("is of what is there by then where somebody appends to a journal between the question and the answer", async () => {
    const text = line(1) + line(2);
    const growing: Journal = { ...journal(text), size: () => Promise.resolve(line(1).length) };
    assert.deepEqual(await readJournalTail(growing, "log"), of(text));
  });

  it("is read on where the system gives less than was asked, and not for ever where the file became shorter", () => {
    const { readSync } = fs;
    const reading = mock.method(fs, "readSync", (...args: [number, Buffer, number, number, number]) =>
      readSync(...(args.with(3, Math.min(7, args[3])) as typeof args)),
    );
    const inPieces = of(line(1) + line(2));
    reading.mock.restore();
    assert.deepEqual(inPieces, of(line(1) + line(2)));
    mock.method(fs, "readSync", () => 0);
    assert.throws(() => of(line(1)), /^Error: it became shorter while it was read$/);
  });

  it("knows where the last bound line begins, and of none where there is none", () => {
    assert.equal(lastChained(Buffer.from("")), undefined);
    for (const text of ["\n", "\n\n", "x", "\nx\n", old]) assert.equal(lastChained(Buffer.from(text)), undefined);
    for (const behind of ["", "\n", "\n\n", "x", `x\n${old}`]) {
      const text = `${old}${line(4)}${behind}`;
      assert.deepEqual(lastChained(Buffer.from(text)), { start: old.length, token: 4 }, behind);
    }
    assert.deepEqual(lastChained(Buffer.from(`\n${line(5).trimEnd()}`)), { start: 1, token: 5 });
  });
});
