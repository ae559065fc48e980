import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  BadCheckpoint,
  readCheckpoint,
  signCheckpoint,
  verifyAgainst,
  type Checkpoint,
} from "../../records/checkpoint";
import { openFileLog } from "../../records/log";
import { verifyLog, type Finding } from "../../records/verify";
import { linesOf, writeSixteen } from "./sixteen";

const key = generateKeyPairSync("ed25519");
const at = "2025-09-17T20:00:00.000Z";
const byHand = '{"version":2,"id":"h","at":"x","stack":"s","by":"by hand","kind":"start","reason":"over"}\n';

describe("the verification of a deployment log", () => {
  let folder = "";
  /** Sixteen entries, as they were written, and another sixteen of the same words. */
  let log: Buffer;
  let rewritten: Buffer;
  let lines: readonly string[] = [];
  let ids: readonly string[] = [];
  let checkpoint: Checkpoint;
  const signed = (bytes: Buffer): Checkpoint =>
    signCheckpoint(bytes, verifyLog(bytes, "log").lines, { stack: "s", at, key: key.privateKey }) ?? assert.fail();
  const textOf = (all: readonly string[]): Buffer => Buffer.from(all.join(""));
  const found = (bytes: Buffer): readonly Finding[] => verifyLog(bytes, "log").findings;
  const flaws = (bytes: Buffer, against?: Checkpoint) =>
    verifyAgainst(bytes, "log", against).findings.map(({ flaw, line, id }) => [flaw, line, id]);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-verify-"));
    log = writeSixteen(join(folder, "log"));
    rewritten = writeSixteen(join(folder, "again"));
    ({ lines, ids } = linesOf(log));
    checkpoint = signed(log);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("finds nothing wrong with a log as it was written, nor with an empty one", () => {
    const { lines: read, ...verified } = verifyLog(log, "log");
    assert.equal(read.length, 16);
    assert.deepEqual(verified, { result: "sound", entries: 16, chained: 16, findings: [], notes: [] });
    assert.equal(verifyAgainst(log, "log", checkpoint).result, "sound");
    assert.equal(verifyLog(Buffer.alloc(0), "log").result, "sound");
  });

  it("finds a bit that is flipped in any byte, in the line where it stands", () => {
    for (let byte = 0, line = 1; byte < log.length; byte += 1) {
      const damaged = Buffer.from(log);
      damaged[byte] = log[byte]! ^ (1 << (byte % 8));
      assert.ok(
        found(damaged).some((each) => each.line === line),
        `byte ${byte} in line ${line}`,
      );
      if (log[byte] === 0x0a) line += 1;
    }
  });

  it("names the entry that was changed, whatever was changed of it", () => {
    for (const [from, to] of [
      ['"reason":"7"', '"reason":"8"'],
      ['"version":3', '"version":2'],
      ['"version":3', '"version":4'],
      ['"token":8', '"token":9'],
      ['"previous":"sha256:', '"previous":"sha255:'],
    ] as const) {
      const changed = lines.map((line, index) => (index === 7 ? line.replace(from, to) : line));
      assert.deepEqual(flaws(textOf(changed)), [["changed", 8, ids[7]]], to);
    }
  });

  it("finds every entry that is deleted, by the one that followed it; the last only by a checkpoint", () => {
    for (const [index] of lines.entries()) {
      const rest = textOf(lines.toSpliced(index, 1));
      assert.deepEqual(flaws(rest), index === 15 ? [] : [["missing", index + 1, ids[index + 1]]]);
      assert.ok(flaws(rest, checkpoint).some(([flaw, , id]) => flaw === "cut" && id === ids[15]));
    }
  });

  it("finds any two entries that are swapped, and names both", () => {
    const place = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(place, place, (a, b) => {
        fc.pre(a !== b);
        const swapped = lines.with(a, lines[b]!).with(b, lines[a]!);
        const named = flaws(textOf(swapped));
        for (const index of [a, b]) assert.ok(named.some(([flaw, , id]) => flaw === "moved" && id === ids[index]));
      }),
    );
  });

  it("finds any entry that is doubled, wherever it stands again, and no other", () => {
    const place = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(place, place, (index, after) => {
        fc.pre(after >= index);
        const doubled = textOf(lines.toSpliced(after + 1, 0, lines[index]!));
        assert.deepEqual(flaws(doubled), [["doubled", after + 2, ids[index]]]);
      }),
    );
  });

  it("finds a log that was cut at any byte, and says so of the last line where it is not whole", () => {
    for (let size = 0; size < log.length; size += 1) {
      const cut = log.subarray(0, size);
      const whole = size === 0 || cut[size - 1] === 0x0a;
      const line = cut.toString().split("\n").length;
      assert.equal(verifyLog(cut, "log").result, whole ? "sound" : "unfinished", `cut at ${size}`);
      assert.deepEqual(
        found(cut).map((each) => each.line),
        whole ? [] : [line],
      );
      const against = verifyAgainst(cut, "log", checkpoint);
      assert.equal(against.result, "tampered", `cut at ${size}`);
      assert.deepEqual([against.findings.at(-1)?.flaw, against.findings.at(-1)?.id], ["cut", ids[15]]);
    }
  });

  it("finds by a checkpoint that the whole was written anew, or cut and gone on with; no chain shows that", () => {
    const short = join(folder, "short");
    appendFileSync(short, textOf(lines.slice(0, 15)));
    openFileLog(short, "s", String).append({ kind: "hold", release: "v1", reason: "x".repeat(1_000) });
    for (const other of [rewritten, readFileSync(short)]) {
      assert.deepEqual(flaws(other), []);
      assert.deepEqual(flaws(other, checkpoint), [["rewritten", 16, ids[15]]]);
    }
  });

  it("holds a log that went on since against an earlier checkpoint", () => {
    const half = signed(textOf(lines.slice(0, 8)));
    assert.deepEqual([half.entries, half.last], [8, ids[7]]);
    assert.deepEqual(flaws(log, half), []);
    assert.deepEqual(flaws(rewritten, half), [["rewritten", 16, ids[7]]]);
  });

  it("signs an older log, and a line by hand, with all that stands there", () => {
    const v2 = readFileSync(join(__dirname, "..", "fixtures", "logs", "v2.jsonl"));
    for (const bytes of [v2, Buffer.concat([log, Buffer.from(byHand)])]) {
      const against = signed(bytes);
      assert.equal(verifyAgainst(bytes, "log", against).result, "sound");
      const changed = Buffer.from(bytes.toString().replace(/"reason":"(?:over|corrupt data)"/, '"reason":"xxxx"'));
      assert.equal(verifyAgainst(changed, "log", against).result, "tampered");
    }
  });

  it("notes the end of a stop that was written by hand, and refuses any other line that nothing binds", () => {
    const hand = textOf([...lines, byHand]);
    assert.deepEqual(
      verifyLog(hand, "log").notes.map(({ flaw, line, id }) => [flaw, line, id]),
      [["by hand", 17, "h"]],
    );
    assert.equal(verifyLog(hand, "log").result, "sound");
    const forged = byHand.replace('"kind":"start"', '"kind":"unhold","release":"v1"');
    assert.deepEqual(flaws(textOf([...lines, forged])), [["unchained", 17, "h"]]);
  });

  it("finds a line by hand that was put in, changed or taken out once another entry stands behind it", () => {
    const path = join(folder, "hand");
    appendFileSync(path, textOf([...lines, byHand]));
    const { id } = openFileLog(path, "s", String).append({ kind: "hold", release: "v1", reason: "later" });
    const all = readFileSync(path, "utf8").split(/(?<=\n)/);
    assert.deepEqual(flaws(textOf(all)), []);
    assert.deepEqual(flaws(textOf(all.with(16, byHand.replace("over", "what else")))), [["changed", 18, id]]);
    assert.deepEqual(flaws(textOf(all.toSpliced(16, 1))), [["missing", 17, id]]);
    assert.deepEqual(
      flaws(textOf(all.toSpliced(4, 0, byHand))).map(([flaw, line]) => [flaw, line]),
      [["unchained", 5]],
    );
    assert.deepEqual(flaws(textOf(all.toSpliced(4, 0, "\n"))), [["changed", 6, ids[4]]]);
  });

  it("takes no checkpoint of another stack, another key, another version, or with another word in it", () => {
    const text = JSON.stringify(checkpoint);
    const other = generateKeyPairSync("ed25519").publicKey;
    assert.deepEqual(readCheckpoint(text, "s", key.publicKey), checkpoint);
    assert.deepEqual(readCheckpoint(text, "s", key.privateKey), checkpoint);
    for (const [changed, stack, trusted, reason] of [
      [text, "prod", key.publicKey, /of the stack s$/],
      [text, "s", other, /^it was signed with the key sha256:/],
      [text.replace('"entries":16', '"entries":15'), "s", key.publicKey, /signature is not true/],
      [text.replace('"signature":"', '"signature":"AAAA'), "s", key.publicKey, /signature is not true/],
      [text.replace('"version":1', '"version":2'), "s", key.publicKey, /it has version 2; this Rewind reads version 1/],
      [text.replace(/"signature":"[^"]*"/, '"signature":1'), "s", key.publicKey, /no signature/],
      ["{}", "s", key.publicKey, /no checkpoint/],
      ["null", "s", key.publicKey, /no checkpoint/],
      [text.slice(1), "s", key.publicKey, /no JSON/],
    ] as const) {
      assert.throws(
        () => readCheckpoint(changed, stack, trusted),
        (error) => error instanceof BadCheckpoint && reason.test(error.message),
      );
    }
  });
});
