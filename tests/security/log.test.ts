import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { refuseUnapproved } from "../../cli/approval";
import { textsOf } from "../../cli/plan-texts";
import { obstaclesTo, planRollback, type Planning } from "../../cli/planning";
import { Refusal } from "../../cli/result";
import { planningOfFile } from "../../cli/rollback-plan";
import { readStack } from "../../cli/stack-file";
import { chainedLine, DamagedLog, highestToken, linkOf, tornMark } from "../../records/line";
import { openFileLog, readBytes, readFileLog } from "../../records/log";
import { stopped } from "../../records/state";
import { verifyLog } from "../../records/verify";
import { digestOfPlan } from "../../release/plan";
import type { Settings } from "../../release/parse";
import type { Pinned } from "../../release/pinned";
import { contentOf } from "../../release/records";
import { deploy } from "../cli/deployed";
import { freshCopies } from "../cli/project";

describe("a log that somebody else can write", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-hostile-log-"));
    path = join(folder, "prod.jsonl");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const log = () => openFileLog(path, "prod", String);

  it("SEC-L2 · cannot have a whole entry taken for one that a crash tore", () => {
    log().append({ kind: "hold", release: "v1", reason: "leaks" });
    log().append({ kind: "stop", reason: "data is lost" });
    writeFileSync(path, `${readFileSync(path, "utf8").trimEnd()}${tornMark}\n`);
    assert.throws(() => readFileLog(path), DamagedLog);
    const { findings } = verifyLog(readBytes(path), path);
    assert.deepEqual(
      findings.map(({ flaw, line }) => [flaw, line]),
      [["changed", 2]],
    );
    // Not after more entries either.
    log().append({ kind: "hold", release: "v2", reason: "x" });
    assert.throws(() => log().entries(), DamagedLog);
    assert.equal(verifyLog(readBytes(path), path).findings[0]?.flaw, "changed");
  });

  it("SEC-L2 · still has what a crash did tear passed over, wherever it was torn", () => {
    log().append({ kind: "stop", reason: "data is lost" });
    const whole = readBytes(path);
    log().append({ kind: "hold", release: "v1", reason: "leaks" });
    const second = readBytes(path).subarray(whole.length);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: second.length - 2 }), (length) => {
        writeFileSync(path, Buffer.concat([whole, second.subarray(0, length)]));
        log().append({ kind: "hold", release: "v2", reason: "later" });
        const entries = readFileLog(path);
        assert.equal(entries.length, 2);
        assert.equal(stopped(entries)?.reason, "data is lost");
        assert.deepEqual(
          verifyLog(readBytes(path), path).findings.filter(({ flaw }) => flaw !== "torn"),
          [],
        );
      }),
      { numRuns: 60 },
    );
  });

  it("SEC-L3 · cannot be stopped for ever by a number that no writer has: the line that has it is named", () => {
    const first = log().append({ kind: "hold", release: "v1", reason: "leaks" });
    const previous = linkOf(readBytes(path).subarray(0, -1))!.digest;
    const forged = chainedLine({ ...first, id: "20261130T000000Z-00000000" }, { previous, token: 1 });
    for (const token of ["999999999999999", "9999999999999", "99999999999999999999"]) {
      const whole = readBytes(path);
      appendFileSync(path, `${forged.replace('"token":1', `"token":${token}`)}\n`);
      assert.throws(() => readFileLog(path), new RegExp(`${path}:2: not an entry`));
      writeFileSync(path, whole);
    }
    assert.throws(() => chainedLine(first, { previous, token: highestToken + 1 }), DamagedLog);
  });
});

describe("a release that is on hold", () => {
  const copy = freshCopies();
  const planning = (): Planning => planningOfFile(readStack(copy().where));

  it("SEC-L15 · is on hold under another name, too, until the hold is lifted", () => {
    deploy(copy(), "v1.1.0");
    deploy(copy(), "v1.2.1");
    const { log, settings } = readStack(copy().where);
    const content = contentOf(settings.releases.get("v1.2.0")!);
    log.append({ kind: "hold", release: "v1.2.0", reason: "leaks", content });
    const text = copy().text();
    const renamed = text.replace(/^( {4})v1\.2\.0:/m, "$1v1.2.9:");
    assert.notEqual(renamed, text);
    writeFileSync(copy().file, renamed);
    assert.deepEqual(obstaclesTo(planning(), "v1.2.9"), [
      { reason: "v1.2.9 is the same as v1.2.0, which is on hold: leaks", next: 'rewind unhold v1.2.0 --reason "…"' },
    ]);
    // With other words about it, it is still the same.
    const other = renamed.replace(/(^ {4}v1\.2\.9:\n +description: ).*$/m, "$1quite another");
    assert.notEqual(other, renamed);
    writeFileSync(copy().file, other);
    assert.equal(obstaclesTo(planning(), "v1.2.9").length, 1);
    log.append({ kind: "unhold", release: "v1.2.0", reason: "mended" });
    assert.deepEqual(obstaclesTo(planning(), "v1.2.9"), []);
  });

  it("SEC-L15 · does not hold one that passed here under its own name", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    const { log, settings } = readStack(copy().where);
    log.append({
      kind: "hold",
      release: "v1.2.9",
      reason: "flaky",
      content: contentOf(settings.releases.get("v1.2.0")!),
    });
    assert.deepEqual(obstaclesTo(planning(), "v1.2.0"), []);
  });
});

describe("an approval", () => {
  const copy = freshCopies();

  it("SEC-L11 · from the future is none, but for as much as two clocks differ", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    const filed = readStack(copy().where);
    const { name, settings, log } = filed;
    const { plan } = planRollback(planningOfFile(filed), undefined, "full");
    const asked = { ...settings, approval: { validFor: "30m" } } as typeof settings;
    const stack = { log, settings: asked, engine: { name } as never };
    const now = new Date("2026-11-30T12:00:00Z");
    const given = (at: string) => ({ ...log, entries: () => [{ ...approval, at } as never] });
    const approval = {
      version: 3,
      id: "x",
      stack: name,
      by: "somebody@else",
      kind: "approval",
      plan: digestOfPlan(plan),
    };
    const ask = (at: string) => () => {
      refuseUnapproved({ ...stack, log: given(at) }, plan, "rewind rollback", now);
    };
    assert.doesNotThrow(ask("2026-11-30T11:45:00Z"));
    assert.doesNotThrow(ask("2026-11-30T12:00:30Z"));
    assert.throws(ask("2026-11-30T12:29:00Z"), /is from the future: a clock is wrong/);
    assert.throws(ask("2027-11-30T12:00:00Z"), Refusal);
    assert.throws(ask("2026-11-30T11:00:00Z"), /is older than 30m/);
  });

  it("SEC-L11 · is of the text of the migrations that the plan runs, and of the functions whose bodies are files", () => {
    const folder = mkdtempSync(join(tmpdir(), "rewind-texts-"));
    const write = (file: string, text: string): void => {
      writeFileSync(join(folder, file), text);
    };
    const at = (migration: string | undefined) => ({ facets: { schema: { migration } } }) as unknown as Pinned;
    const functions = { a: { body: { file: "a.sql" } }, b: { body: "select 1" }, c: { body: { file: "none.sql" } } };
    const database = { migrations: { folder: "migrations" }, functions };
    const target = (migration: string | undefined) =>
      ({ pinned: at(migration), environment: { database } }) as unknown as Settings;
    try {
      mkdirSync(join(folder, "migrations"));
      for (const n of [1, 2, 3, 4])
        write(`migrations/000${n}_m.sql`, `-- Up Migration\nselect ${n};\n-- Down Migration\nselect -${n};\n`);
      write("a.sql", "select 2");
      const texts = textsOf(folder, at("0003_m"), target("0001_m"));
      assert.deepEqual(Object.keys(texts), ["0002_m", "0003_m", "a.sql"]);
      assert.deepEqual(textsOf(folder, at("0001_m"), target("0003_m")), texts);
      assert.deepEqual(Object.keys(textsOf(folder, at(undefined), target("0001_m"))), ["0001_m", "a.sql"]);
      assert.deepEqual(Object.keys(textsOf(folder, at("0003_m"), target("0003_m"))), ["a.sql"]);
      write("migrations/0004_m.sql", "-- Up Migration\nselect 5;\n");
      assert.deepEqual(textsOf(folder, at("0003_m"), target("0001_m")), texts);
      for (const file of ["migrations/0002_m.sql", "migrations/0003_m.sql", "a.sql"]) {
        const before = readFileSync(join(folder, file), "utf8");
        write(file, `${before}drop table customers;\n`);
        assert.notDeepEqual(textsOf(folder, at("0003_m"), target("0001_m")), texts, file);
        write(file, before);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
