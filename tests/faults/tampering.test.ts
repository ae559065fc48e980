import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signCheckpoint, verifyAgainst, type Checkpoint } from "../../records/checkpoint";
import { verifyLog, type Finding } from "../../records/verify";
import { linesOf, writeSixteen } from "../records/sixteen";

const key = generateKeyPairSync("ed25519").privateKey;
const at = "2025-09-17T20:00:00.000Z";
const size = 16;

describe("a log of sixteen entries that somebody laid hands on, in every way there is", () => {
  let folder = "";
  let log: Buffer;
  let rewritten: Buffer;
  let lines: readonly string[] = [];
  let ids: readonly string[] = [];
  let checkpoint: Checkpoint;
  const places = Array.from({ length: size }, (_, place) => place);
  const found = (all: readonly string[], against?: Checkpoint): readonly Finding[] =>
    verifyAgainst(Buffer.from(all.join("")), "log", against).findings;
  const names = (findings: readonly Finding[], index: number): boolean => findings.some(({ id }) => id === ids[index]);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-tampering-"));
    log = writeSixteen(join(folder, "log"));
    rewritten = writeSixteen(join(folder, "again"));
    ({ lines, ids } = linesOf(log));
    const signed = signCheckpoint(log, verifyLog(log, "log").lines, { stack: "s", at, key });
    checkpoint = signed ?? assert.fail();
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("is found with any bit of it flipped, in the line where it stands", () => {
    for (let byte = 0, line = 1; byte < log.length; byte += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const damaged = Buffer.from(log);
        damaged[byte] = log[byte]! ^ (1 << bit);
        const { findings } = verifyLog(damaged, "log");
        assert.ok(
          findings.some((each) => each.line === line),
          `bit ${bit} of byte ${byte} in line ${line}`,
        );
      }
      if (log[byte] === 0x0a) line += 1;
    }
  });

  it("is found with any byte of it made zero, in that line or, for it looks like a crash, in the next", () => {
    for (let byte = 0, line = 1; byte < log.length; byte += 1) {
      const damaged = Buffer.from(log);
      damaged[byte] = 0;
      const { findings, notes } = verifyLog(damaged, "log");
      assert.ok(
        [...findings, ...notes].some((each) => each.line === line),
        `byte ${byte} in line ${line}`,
      );
      assert.ok(findings.length > 0 || line === size, `byte ${byte} in line ${line}`);
      assert.equal(verifyAgainst(damaged, "log", checkpoint).result, "tampered");
      if (log[byte] === 0x0a) line += 1;
    }
  });

  it("is found with any run of entries taken out, by the one that followed; with the last ones, by a checkpoint", () => {
    for (const first of places) {
      for (let count = 1; count <= size - first; count += 1) {
        const rest = lines.toSpliced(first, count);
        const isEnd = first + count === size;
        const named = found(rest).map(({ flaw, line, id }) => [flaw, line, id]);
        assert.deepEqual(named, isEnd ? [] : [["missing", first + 1, ids[first + count]]]);
        assert.ok(found(rest, checkpoint).some(({ flaw, id }) => flaw === "cut" && id === ids.at(-1)));
      }
    }
  });

  it("is found with any two entries swapped, and both are named", () => {
    for (const a of places) {
      for (const b of places.slice(a + 1)) {
        const findings = found(lines.with(a, lines[b]!).with(b, lines[a]!));
        assert.ok(names(findings, a) && names(findings, b), `${a} and ${b}`);
      }
    }
  });

  it("is found with any entry moved to any other place, and it is named", () => {
    for (const from of places) {
      for (const to of places.filter((place) => place !== from)) {
        const findings = found(lines.toSpliced(from, 1).toSpliced(to, 0, lines[from]!));
        assert.ok(names(findings, from), `${from} to ${to}`);
      }
    }
  });

  it("is found with any entry doubled at any place behind it, and only it is named", () => {
    for (const index of places) {
      for (const after of places.slice(index)) {
        const findings = found(lines.toSpliced(after + 1, 0, lines[index]!));
        assert.deepEqual(
          findings.map(({ flaw, line, id }) => [flaw, line, id]),
          [["doubled", after + 2, ids[index]]],
        );
      }
    }
  });

  it("is found cut at any byte: within a line by the chain, at the end of one by a checkpoint", () => {
    for (let length = 0; length < log.length; length += 1) {
      const cut = log.subarray(0, length);
      const whole = length === 0 || cut[length - 1] === 0x0a;
      assert.equal(verifyLog(cut, "log").result, whole ? "sound" : "unfinished", `cut at ${length}`);
      const { result, findings } = verifyAgainst(cut, "log", checkpoint);
      assert.deepEqual([result, findings.at(-1)?.flaw, findings.at(-1)?.id], ["tampered", "cut", ids.at(-1)]);
    }
  });

  it("is found rewritten from any entry on, by a checkpoint", () => {
    const others = rewritten.toString().split(/(?<=\n)/);
    for (const from of places) {
      const mixed = [...lines.slice(0, from), ...others.slice(from)];
      assert.equal(found(mixed).length > 0, from > 0, "a chain of its own from the beginning shows nothing");
      assert.ok(found(mixed, checkpoint).some(({ flaw, id }) => flaw === "rewritten" && id === ids.at(-1)));
    }
  });
});
