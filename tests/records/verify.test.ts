import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  BadCheckpoint,
  keyId,
  readCheckpoint,
  signCheckpoint,
  verifyAgainst,
  type Checkpoint,
} from "../../records/checkpoint";
import { chainedLine, sha256 } from "../../records/line";
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
    assert.deepEqual(verifyLog(textOf([...lines, forged]), "log").notes, []);
    const unnamed = byHand.replace('"by":"by hand"', '"by":"somebody"');
    assert.deepEqual(flaws(textOf([...lines, unnamed])), [["unchained", 17, "h"]]);
    assert.equal(verifyLog(hand, "log").notes[0]?.reason, "nothing tells who wrote it");
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

  const reasonsOf = (bytes: Buffer, against?: Checkpoint) =>
    verifyAgainst(bytes, "log", against).findings.map(({ line, reason }) => `${line}: ${reason}`);

  it("says in words what is wrong with a line, and names what stands around it", () => {
    const named = (index: number): string => `line ${index + 1} (${ids[index]})`;
    const changed = lines[7]!.replace('"reason":"7"', '"reason":"8"');
    const old = '{"version":2,"id":"o","at":"x","stack":"s","by":"b","kind":"hold","release":"v1","reason":"r"}\n';
    const others = linesOf(rewritten);
    const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
      [lines.with(7, changed), ["8: its bytes are not what was written"]],
      [[...lines, "edited\n"], ["17: not an entry of the deployment log"]],
      [lines.toSpliced(7, 1), [`8: between ${named(6)} and it an entry is missing`]],
      [lines.slice(1), ["1: between the beginning and it an entry is missing"]],
      [lines.toSpliced(3, 0, "\n"), ["5: empty lines were put before it"]],
      [lines.toSpliced(0, 0, "\n"), ["2: empty lines were put before it"]],
      [
        lines.toSpliced(3, 0, old),
        [`4: nothing binds it to what stands before it`, `4: it was put between ${named(2)} and line 5 afterwards`],
      ],
      [lines.toSpliced(0, 0, old), ["1: it was put between the beginning and line 2 afterwards"]],
      [[...lines, old], ["17: nothing binds it to what stands before it"]],
      [lines.toSpliced(9, 0, lines[2]!), ["10: it stands before, too"]],
      [
        lines.with(2, lines[9]!).with(9, lines[2]!),
        [
          `3: it was written behind line 9 (${ids[8]})`,
          `4: it was written behind line 10 (${ids[2]})`,
          `10: it was written behind line 2 (${ids[1]})`,
          `11: it was written behind line 3 (${ids[9]})`,
        ],
      ],
      [
        [...lines.slice(1, 3), lines[0]!],
        [`1: it was written behind line 3 (${ids[0]})`, "3: it was written behind nothing"],
      ],
      [
        lines.with(2, others.lines[2]!),
        [
          `3: between ${named(1)} and it an entry is missing`,
          `4: between line 3 (${others.ids[2]}) and it an entry is missing`,
        ],
      ],
    ];
    for (const [all, expected] of cases) assert.deepEqual(reasonsOf(textOf(all)), expected);
  });

  it("says of the last line whether it lacks its end alone, or was cut off", () => {
    const last = lines[15]!;
    const cut = (length: number) => verifyLog(textOf([...lines.slice(0, 15), last.slice(0, length)]), "log");
    assert.deepEqual(
      cut(-1).findings.map(({ flaw, reason }) => [flaw, reason]),
      [["unfinished", "the end of its line is missing"]],
    );
    assert.deepEqual([cut(-1).entries, cut(-1).chained], [16, 16]);
    assert.deepEqual(
      cut(-2).findings.map(({ flaw, reason }) => [flaw, reason]),
      [["unfinished", "it was cut off, or torn by a crash"]],
    );
    assert.deepEqual([cut(-2).entries, cut(-2).chained], [15, 15]);
    const old = verifyLog(Buffer.from(byHand.trimEnd()), "log");
    assert.deepEqual(
      [old.result, old.entries, old.findings[0]?.reason],
      ["unfinished", 1, "the end of its line is missing"],
    );
  });

  it("says in words what a checkpoint signed and is not there any more", () => {
    assert.deepEqual(reasonsOf(textOf(lines.slice(0, 15)), checkpoint), [
      `15: the log ends before entry 16, which a checkpoint of ${at} signed`,
    ]);
    assert.deepEqual(reasonsOf(Buffer.alloc(0), checkpoint), [
      `0: the log ends before entry 16, which a checkpoint of ${at} signed`,
    ]);
    assert.deepEqual(reasonsOf(rewritten, signed(textOf(lines.slice(0, 8)))), [
      `16: what stands up to entry 8 is not what a checkpoint of ${at} signed`,
    ]);
    const both = verifyAgainst(
      textOf(lines.with(7, lines[7]!.replace('"reason":"7"', '"reason":"8"')).slice(0, 15)),
      "log",
      checkpoint,
    );
    assert.deepEqual(
      both.findings.map(({ flaw }) => flaw),
      ["changed", "cut"],
    );
    assert.deepEqual([both.result, both.entries, both.chained], ["tampered", 15, 15]);
  });

  it("notes a line that a crash tore and the next writer closed, and counts it for no entry", () => {
    const path = join(folder, "closed");
    appendFileSync(path, textOf([...lines, '{"version":3,"id":"half']));
    openFileLog(path, "s", String).append({ kind: "hold", release: "v1", reason: "later" });
    const verified = verifyLog(readFileSync(path), path);
    assert.deepEqual([verified.result, verified.entries, verified.chained, verified.findings], ["sound", 17, 17, []]);
    assert.deepEqual(
      verified.notes.map(({ line, flaw, reason }) => [line, flaw, reason]),
      [[17, "torn", "a crash tore it"]],
    );
  });

  it("finds zeros over a part of an entry that another follows, and takes them for a crash where none does", () => {
    const hole = (index: number): readonly string[] => {
      const line = lines[index]!;
      return lines.with(index, `${line.slice(0, 20)}\0\0\0${line.slice(23)}`);
    };
    assert.deepEqual(reasonsOf(textOf(hole(7))), ["8: its bytes are not what was written"]);
    const last = verifyLog(textOf(hole(15)), "log");
    assert.deepEqual([last.result, last.entries, last.notes.map(({ flaw }) => flaw)], ["sound", 15, ["torn"]]);
  });

  it("finds a token that does not rise, though all else fits", () => {
    const entry = { version: 3, id: "t", at, stack: "s", by: "b", kind: "hold", release: "v1", reason: "r" } as const;
    const behind = (token: number): Buffer => {
      const line = chainedLine(entry, { previous: sha256(lines[15]!), token });
      return textOf([...lines, `${line}\n`]);
    };
    assert.deepEqual(reasonsOf(behind(17)), []);
    for (const token of [16, 3]) assert.deepEqual(reasonsOf(behind(token)), ["17: its token does not rise over 16"]);
  });

  it("names a line by its id however much of it is broken, and by its number alone where it has none", () => {
    const nameOf = (line: string) => found(textOf([...lines, line, "\n"])).map(({ id }) => id);
    assert.deepEqual(nameOf('{"version":3,"id":"abc","at'), ["abc"]);
    assert.deepEqual(nameOf('{"kind":"x","id":"abc" broken'), ["abc"]);
    assert.deepEqual(nameOf(`{"note":"${"x".repeat(300)}","id":"abc" broken`), ["abc"]);
    assert.deepEqual(nameOf('{"version":3,"id":"own","of":{"id":"other"} broken'), ["own"]);
    assert.deepEqual(nameOf(`{"version":3,"id":"${"x".repeat(101)}" broken`), [undefined]);
    assert.deepEqual(nameOf('{"version":3,"id":"" broken'), [undefined]);
    const nameless = lines.with(4, lines[4]!.replace(/"id":"[^"]*"/, '"ID":1')).toSpliced(5, 1);
    assert.ok(!reasonsOf(textOf(nameless)).some((reason) => reason.includes("undefined")));
    const own = chainedLine({ kind: "start", by: "b" } as never, { previous: sha256(""), token: 1 });
    const next = chainedLine({ kind: "start", id: "n", by: "b" } as never, { previous: sha256("other"), token: 2 });
    assert.deepEqual(reasonsOf(Buffer.from(`${own}\n${next}\n`)), ["2: between line 1 and it an entry is missing"]);
  });

  it("says how many lines before an entry are not what stood there, one or several", () => {
    const path = join(folder, "several");
    const second = byHand.replace('"id":"h"', '"id":"i"');
    for (const behind of [byHand, byHand + second]) {
      rmSync(path, { force: true });
      appendFileSync(path, textOf([...lines, behind]));
      openFileLog(path, "s", String).append({ kind: "hold", release: "v1", reason: "later" });
      const changed = Buffer.from(readFileSync(path, "utf8").replace('"reason":"over"', '"reason":"xxxx"'));
      const range = behind === byHand ? "line 17 is" : "lines 17 to 18 are";
      assert.deepEqual(reasonsOf(changed), [
        `${behind === byHand ? 18 : 19}: ${range} not what stood before it when it was written`,
      ]);
    }
  });

  it("signs nothing of a log without an entry, and of another no more than its whole lines", () => {
    const sign = (bytes: Buffer) =>
      signCheckpoint(bytes, verifyLog(bytes, "log").lines, { stack: "s", at, key: key.privateKey });
    for (const text of ["", "\n", lines[0]!.trimEnd()]) assert.equal(sign(Buffer.from(text)), undefined);
    const torn = sign(textOf([...lines.slice(0, 3), lines[3]!.slice(0, -1)]));
    assert.deepEqual([torn?.entries, torn?.last, torn?.bytes], [3, ids[2], textOf(lines.slice(0, 3)).length]);
    assert.deepEqual(
      [checkpoint.format, checkpoint.version, checkpoint.stack, checkpoint.at],
      ["rewind-checkpoint", 1, "s", at],
    );
    assert.equal(checkpoint.head, sha256(lines[15]!));
    assert.equal(checkpoint.key, sha256(key.publicKey.export({ type: "spki", format: "der" })));
    assert.equal(keyId(key.privateKey), keyId(key.publicKey));
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
