import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { openFileLog, type Draft } from "../../records/log";

const digest = `sha256:${"a".repeat(64)}` as const;
const pin = fc.record({
  release: fc.constantFrom("v1", "v2"),
  digest: fc.constant(digest),
  pins: fc.constant({}),
  surroundings: fc.constant(digest),
});
const draft: fc.Arbitrary<Draft> = fc.oneof(
  fc.record({
    kind: fc.constant("intent" as const),
    to: pin,
    snapshot: fc.record({ rows: fc.constant({}), policies: fc.dictionary(fc.string(), fc.constant(digest)) }),
  }),
  fc.record({
    kind: fc.constant("outcome" as const),
    of: fc.string(),
    result: fc.constantFrom("passed" as const, "failed" as const),
    checks: fc.array(
      fc.record({
        name: fc.string(),
        result: fc.constantFrom("passed" as const, "failed" as const),
        // Whatever a component answers, our own lines among it.
        evidence: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(',"checks":[', '],"milliseconds":1}', "\\")),
        milliseconds: fc.nat(),
        attempts: fc.nat(),
      }),
      { maxLength: 3 },
    ),
    milliseconds: fc.nat(),
  }),
  fc.record({
    kind: fc.constantFrom("hold" as const, "unhold" as const),
    release: fc.constant("v1"),
    // Whatever a person types: quotes, braces, lines, other alphabets.
    reason: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("}", "\n", "(torn)", "\u2028", '{"a":1}')),
  }),
);
/** What whoever reads it as JSON gets. */
const asJson = (entries: readonly object[]): unknown => JSON.parse(JSON.stringify(entries));
const hold = (reason: string): Draft => ({ kind: "hold", release: "v1", reason });

describe("the deployment log", () => {
  let folder = "";
  let path = "";
  const open = () => openFileLog(path, "staging", () => new Date("2025-09-17T19:54:16.536Z"));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-log-"));
    path = join(folder, "records", "staging.jsonl");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("is empty before the first entry, and reading it makes no file", () => {
    assert.deepEqual(open().entries(), []);
    assert.throws(() => statSync(path));
  });

  it("makes its folder, and is readable by its owner alone", () => {
    open().append(hold("broken"));
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, "utf8").split("\n").length, 2);
  });

  it("adds to an entry who, when and where", () => {
    const entry = open().append(hold("broken"));
    assert.equal(entry.version, 2);
    assert.equal(entry.at, "2025-09-17T19:54:16.536Z");
    assert.equal(entry.stack, "staging");
    assert.match(entry.by, /.@./);
    assert.match(entry.id, /^20250917T195416Z-[0-9a-f]{8}$/);
    assert.deepEqual(open().entries(), [entry]);
  });

  it("gives out ids that sort by time and differ within a second", () => {
    const at = (time: string) => openFileLog(path, "staging", () => new Date(time)).nextId();
    assert.ok(at("2025-09-17T19:54:16Z") < at("2025-09-17T19:54:17Z"));
    assert.notEqual(open().nextId(), open().nextId());
  });

  it("keeps an id that was given out before", () => {
    const log = open();
    const id = log.nextId();
    assert.equal(log.append({ ...hold("broken"), id }).id, id);
  });

  it("gives back whatever was appended, in order", () => {
    fc.assert(
      fc.property(fc.array(draft, { maxLength: 6 }), (drafts) => {
        rmSync(path, { force: true });
        const log = open();
        const appended = drafts.map((each) => log.append(each));
        // A log that another process opens says the same.
        assert.deepEqual(open().entries(), asJson(appended));
        assert.deepEqual(asJson(open().skim()), asJson(appended));
        assert.deepEqual(
          appended.map(({ kind }) => kind),
          drafts.map(({ kind }) => kind),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("survives a crash at any byte of an append: nothing acknowledged is lost, nothing is unreadable", () => {
    const log = open();
    const first = log.append(hold('says {"kind":"outcome"} and }'));
    const whole = statSync(path).size;
    const check = {
      name: "health",
      result: "failed",
      evidence: "GET /health → 500",
      milliseconds: 7,
      attempts: 1,
    } as const;
    log.append({ kind: "outcome", of: first.id, result: "failed", checks: [check], milliseconds: 7 });
    const bytes = readFileSync(path);
    for (let size = whole; size < bytes.length; size += 1) {
      writeFileSync(path, bytes);
      truncateSync(path, size);
      const before = open().entries();
      assert.deepEqual(before[0], first, `torn at ${size}`);
      assert.deepEqual(asJson(open().skim()), before, `torn at ${size}`);
      const next = open().append(hold("after the crash"));
      assert.deepEqual(open().entries(), [...before, next], `torn at ${size}`);
      assert.deepEqual(asJson(open().skim()), [...before, next], `torn at ${size}`);
    }
  });

  it("never rewrites what stands there, not even a torn line", () => {
    open().append(hold("first"));
    appendFileSync(path, '{"version":1,"kind":"outc');
    const before = readFileSync(path, "utf8");
    open().append(hold("second"));
    assert.ok(readFileSync(path, "utf8").startsWith(before));
  });

  it("refuses a line in the middle that is no entry, and names it", () => {
    open().append(hold("first"));
    appendFileSync(path, "edited by hand\n");
    open().append(hold("second"));
    for (const read of [() => open().entries(), () => open().skim()]) {
      assert.throws(read, /staging\.jsonl:2: not an entry of the deployment log$/);
    }
  });

  it("skimmed, names a line that is broken within its checks when they are read", () => {
    const check = { name: "health", result: "passed", evidence: "200", milliseconds: 7, attempts: 1 } as const;
    const { id } = open().append({ kind: "outcome", of: "x", result: "passed", checks: [check], milliseconds: 7 });
    writeFileSync(path, readFileSync(path, "utf8").replace('"name"', "name"));
    open().append(hold("second"));
    const [outcome] = open().skim();
    assert.ok(outcome?.kind === "outcome");
    assert.deepEqual([outcome.id, outcome.result], [id, "passed"]);
    for (const read of [() => outcome.checks, () => open().entries()]) {
      assert.throws(read, /staging\.jsonl:1: not an entry of the deployment log$/);
    }
  });

  it("skimmed, reads an outcome that somebody else wrote in another order", () => {
    const rest = '"version":2,"id":"a","at":"x","stack":"s","by":"b"';
    const check = '{"name":"n","result":"passed","evidence":"e","attempts":1,"seen":[1],"milliseconds":2}';
    mkdirSync(join(folder, "records"));
    const lines = [
      `{"kind":"outcome","checks":[${check}],"milliseconds":1,"of":"x","result":"passed",${rest}}`,
      `{"kind":"outcome","milliseconds":1,"checks":[${check}],"of":"x","result":"passed",${rest}}`,
      `{ "kind": "outcome", "checks": [${check}], "milliseconds": 1, "of": "x", "result": "passed", ${rest} }`,
    ];
    writeFileSync(path, `${lines.join("\n")}\n`);
    assert.deepEqual(asJson(open().skim()), open().entries());
  });

  it("refuses an entry of a newer version and leaves every byte as it is", () => {
    open().append(hold("first"));
    appendFileSync(path, '{"version":3,"kind":"novelty","id":"x"}\n');
    const before = readFileSync(path);
    for (const read of [() => open().entries(), () => open().skim()]) {
      assert.throws(read, /staging\.jsonl:2: an entry of version 3; this Rewind reads versions 1 and 2$/);
    }
    assert.deepEqual(readFileSync(path), before);
  });

  it("still reads an entry of its first version", () => {
    mkdirSync(join(folder, "records"));
    appendFileSync(path, '{"version":1,"kind":"hold","id":"x","release":"v1","reason":"broken"}\n');
    open().append(hold("second"));
    assert.deepEqual(
      open()
        .entries()
        .map(({ version }) => version),
      [1, 2],
    );
  });

  it("says where it cannot be read or written", () => {
    const log = openFileLog(folder, "staging");
    assert.throws(() => log.entries(), /EISDIR/);
    assert.throws(() => log.append(hold("x")), /EISDIR/);
  });
});
