import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import os, { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import fc from "fast-check";
import { NewerLog } from "../../records/line";
import { author, openFileLog, readFileLog, type Draft } from "../../records/log";
import type * as logModule from "../../records/log";
import { verifyLog } from "../../records/verify";
import { redactor } from "../../release/redact";
import { umaskNow } from "./umask";

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
const fixture = (name: string): string => join(__dirname, "..", "fixtures", "logs", `${name}.jsonl`);
const hold = (reason: string): Draft => ({ kind: "hold", release: "v1", reason });

describe("the deployment log", () => {
  let folder = "";
  let path = "";
  const open = () => openFileLog(path, "staging", String, () => new Date("2025-09-17T19:54:16.536Z"));
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

  it("makes its folder, and is readable as the umask has it", () => {
    open().append(hold("broken"));
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o666 & ~umaskNow());
    assert.equal(readFileSync(path, "utf8").split("\n").length, 2);
  });

  it("adds to an entry who, when and where", () => {
    const entry = open().append(hold("broken"));
    assert.equal(entry.version, 3);
    assert.equal(entry.at, "2025-09-17T19:54:16.536Z");
    assert.equal(entry.stack, "staging");
    assert.match(entry.by, /.@./);
    assert.match(entry.id, /^20250917T195416Z-[0-9a-f]{8}$/);
    assert.deepEqual(open().entries(), [entry]);
  });

  it("gives out ids that sort by time and differ within a second", () => {
    const at = (time: string) => openFileLog(path, "staging", String, () => new Date(time)).nextId();
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
      assert.equal(verifyLog(readFileSync(path), path).result, "sound", `torn at ${size}`);
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

  it("is read by others as it is by its writer, passes over empty lines, and counts them", () => {
    const entries = [open().append(hold("first"))];
    appendFileSync(path, "\n\n");
    entries.push(open().append(hold("second")));
    assert.deepEqual(readFileLog(path), entries);
    assert.deepEqual(open().entries(), entries);
    assert.deepEqual(asJson(open().skim()), entries);
    assert.deepEqual(readFileLog(join(folder, "nowhere")), []);
    appendFileSync(path, "edited by hand\n");
    assert.throws(() => readFileLog(path), /staging\.jsonl:5: not an entry of the deployment log$/);
  });

  it("is read up to a last line that a crash cut off, be it the first, and not past one that is no entry", () => {
    mkdirSync(join(folder, "records"));
    writeFileSync(path, '{"version":3,"kind":"ho');
    for (const read of [() => open().entries(), () => open().skim()]) assert.deepEqual(read(), []);
    rmSync(path);
    const first = open().append(hold("first"));
    appendFileSync(path, '{"version":3,"kind":"ho');
    for (const read of [() => open().entries(), () => open().skim()]) assert.deepEqual(asJson(read()), [first]);
    writeFileSync(path, "\nedited\n");
    assert.throws(() => open().entries(), /staging\.jsonl:2: not an entry/);
  });

  it("says where it is, and gives out what stands there byte for byte", () => {
    const log = open();
    assert.deepEqual([log.location, log.file], [path, path]);
    assert.equal(log.bytes().length, 0);
    log.append(hold("ü"));
    assert.deepEqual(log.bytes(), readFileSync(path));
  });

  it("skimmed, is what it is when read as a whole, checks that were never asked for among it", () => {
    const check = { name: "health", result: "passed", evidence: "ü", milliseconds: 7, attempts: 1 } as const;
    const others = { of: "x", result: "passed", milliseconds: 9 } as const;
    open().append({ kind: "outcome", ...others, checks: [] });
    open().append({ kind: "outcome", ...others, checks: [check, { ...check, evidence: '],"milliseconds":3}' }] });
    open().append(hold(',"checks":[ and ],"milliseconds":'));
    const [first, second, third] = open().skim();
    assert.deepEqual(asJson([first!, second!, third!]), open().entries());
    assert.ok(first?.kind === "outcome" && second?.kind === "outcome");
    assert.deepEqual([first.checks.length, second.checks.length], [0, 2]);
    assert.deepEqual(Object.keys(second), Object.keys(open().entries()[1]!), "and has its keys in their order");
  });

  it("skimmed, names a line whose checks have become those of something else", () => {
    open().append({ kind: "outcome", of: "x", result: "passed", checks: [], milliseconds: 7 });
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, whole.replace('"checks":[]', '"checks":["a","b":1]'));
    const [outcome] = open().skim();
    assert.ok(outcome?.kind === "outcome");
    assert.throws(() => outcome.checks, /staging\.jsonl:1: not an entry of the deployment log$/);
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
    appendFileSync(path, '{"version":4,"kind":"novelty","id":"x"}\n');
    const before = readFileSync(path);
    for (const read of [() => open().entries(), () => open().skim()]) {
      assert.throws(read, /staging\.jsonl:2: an entry of version 4; this Rewind reads versions 1 to 3$/);
    }
    assert.deepEqual(readFileSync(path), before);
  });

  for (const [name, kinds] of [
    ["v1", ["intent", "outcome", "hold"]],
    ["v2", ["intent", "outcome", "hold", "intent", "outcome", "stop"]],
    ["v3", ["start", "unhold", "start", "hold"]],
    ["v3-sealing-v2", ["intent", "outcome", "hold", "intent", "outcome", "stop", "start", "unhold", "start", "hold"]],
  ] as const) {
    it(`opens a log as it was once written, goes on with it, and seals it: ${name}`, () => {
      mkdirSync(join(folder, "records"));
      copyFileSync(fixture(name), path);
      const before = open().entries();
      assert.deepEqual(
        before.map(({ kind }) => kind),
        kinds,
      );
      assert.deepEqual(asJson(open().skim()), before);
      const next = open().append(hold("broken"));
      assert.deepEqual(open().entries(), [...before, next]);
      assert.ok(readFileSync(path, "utf8").startsWith(readFileSync(fixture(name), "utf8")));
      assert.equal(verifyLog(readFileSync(path), path).result, "sound");
      writeFileSync(path, readFileSync(path, "utf8").replace('"v1.2.1"', '"v1.2.0"'));
      assert.equal(verifyLog(readFileSync(path), path).result, "tampered");
    });
  }

  it("neither reads nor goes on with a log that ends in an entry of a newer version", () => {
    mkdirSync(join(folder, "records"));
    copyFileSync(fixture("newer"), path);
    for (const touch of [
      () => open().entries(),
      () => open().append(hold("x")),
      () => verifyLog(readFileSync(path), path),
    ]) {
      assert.throws(touch, (error) => error instanceof NewerLog && error.message.includes("an entry of version 4"));
    }
    assert.deepEqual(readFileSync(path), readFileSync(fixture("newer")));
  });

  it("hands out entries without what binds them, and binds them by the line before as sha256sum sees it", () => {
    const log = open();
    const entries = [log.append(hold("first")), log.append(hold("second"))];
    assert.deepEqual(log.entries(), entries);
    assert.ok(entries.every((entry) => !("previous" in entry || "token" in entry || "digest" in entry)));
    const [first = "", second = ""] = readFileSync(path, "utf8").split("\n");
    const sum = createHash("sha256").update(`${first}\n`).digest("hex");
    assert.ok(second.includes(`,"previous":"sha256:${sum}","token":2,"digest":"sha256:`));
  });

  it("goes on behind a line that is longer than any first look at the end", () => {
    const log = open();
    const reasons = ["short", "x".repeat(20_000), "y".repeat(300_000), "short again"];
    for (const reason of reasons) log.append(hold(reason));
    assert.equal(verifyLog(readFileSync(path), path).result, "sound");
    assert.equal(log.entries().length, reasons.length);
  });

  it("writes no value of a secret, whoever appends it, and leaves names and digests as they are", () => {
    const secret = "hunter22";
    const log = openFileLog(path, secret, redactor({ password: secret }));
    const check = {
      name: "login",
      result: "failed",
      evidence: `401 with ${secret}`,
      milliseconds: 1,
      attempts: 1,
    } as const;
    log.append({ kind: "outcome", of: "x", result: "failed", checks: [check], milliseconds: 1 });
    log.append({ kind: "hold", release: "v1", reason: `leaks ${secret}` });
    log.append({ kind: "escalation", of: "x", trigger: "late", evidence: secret });
    const appended = log.append({ kind: "answer", of: "x", question: secret, yes: true, note: `as ${secret} says` });
    assert.ok(appended.kind === "answer" && appended.note === "as [secret] says" && appended.question === secret);
    const lines = readFileSync(path, "utf8")
      .replaceAll(`"stack":"${secret}"`, "")
      .replace(`"question":"${secret}"`, "");
    assert.ok(!lines.includes(secret), lines);
    assert.equal(lines.split("[secret]").length, 5);
  });

  it("says where it cannot be read or written", () => {
    const log = openFileLog(folder, "staging", String);
    assert.throws(() => log.entries(), /EISDIR/);
    assert.throws(() => log.append(hold("x")), /EISDIR/);
  });
});

describe("who writes an entry", () => {
  const as = (operator: string | undefined): string => {
    const before = process.env.REWIND_OPERATOR;
    if (operator === undefined) delete process.env.REWIND_OPERATOR;
    else process.env.REWIND_OPERATOR = operator;
    try {
      return author();
    } finally {
      if (before === undefined) delete process.env.REWIND_OPERATOR;
      else process.env.REWIND_OPERATOR = before;
    }
  };
  const account = `${userInfo().username}@${hostname()}`;

  it("is the user of the machine, and before it the person whom REWIND_OPERATOR names", () => {
    assert.equal(as(undefined), account);
    assert.equal(as(""), account);
    for (const name of ["ada", "Zoë.K_1+x@example-2.org", "x".repeat(100)])
      assert.equal(as(name), `${name} via ${account}`);
  });

  it("is nobody whom REWIND_OPERATOR cannot name", () => {
    for (const name of [" ", "a b", "a\nb", '"', "x".repeat(101), " ada", "ada ", "a/b"]) {
      assert.throws(() => as(name), {
        message: "REWIND_OPERATOR: expected a name of at most 100 letters, digits and . _ @ + -",
      });
    }
  });

  it("is unknown on a machine that has no name for its user", () => {
    const load = createRequire(__filename);
    const path = load.resolve("../../records/log");
    const known = load.cache[path];
    Reflect.deleteProperty(load.cache, path);
    const asking = mock.method(os, "userInfo", () => {
      throw new Error("ENOENT: no such user");
    });
    try {
      const anew = load(path) as typeof logModule;
      assert.match(anew.author(), new RegExp(`unknown@${hostname()}$`));
      assert.match(anew.author(), /unknown@/);
      assert.equal(asking.mock.callCount(), 1, "it is asked once");
    } finally {
      asking.mock.restore();
      load.cache[path] = known;
    }
  });
});
