import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { baseBackupsIn, gapAfter, newestBefore, nextSegment, type BaseBackup } from "../../recovery/catalogue";
import { programsIn } from "../../recovery/programs";
import { recover } from "../../recovery/recover";

const backup = (id: string, ended: string): BaseBackup => ({
  ...{ id, started: ended, ended, system: "7", major: 15, bytes: 1 },
});

describe("base backups", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-recovery-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("count only with their record and their folder, oldest first", () => {
    for (const record of [backup("b", "2026-02-01T00:00:00Z"), backup("a", "2026-01-01T00:00:00Z")]) {
      mkdirSync(join(folder, record.id));
      writeFileSync(join(folder, `${record.id}.json`), JSON.stringify(record));
    }
    writeFileSync(join(folder, "torn.json"), '{"id":"to');
    writeFileSync(join(folder, "gone.json"), JSON.stringify(backup("gone", "2026-01-01T00:00:00Z")));
    writeFileSync(join(folder, "other.json"), JSON.stringify(backup("../a", "2026-01-01T00:00:00Z")));
    mkdirSync(join(folder, "half.partial"));
    assert.deepEqual(
      baseBackupsIn(folder).map(({ id }) => id),
      ["a", "b"],
    );
  });

  it("W5 · serve a moment when they ended before it, the newest of them first", () => {
    const all = [backup("a", "2026-01-01T00:00:00Z"), backup("b", "2026-02-01T00:00:00Z")];
    assert.equal(newestBefore(all, "2026-03-01T00:00:00Z")?.id, "b");
    assert.equal(newestBefore(all, "2026-01-15T00:00:00Z")?.id, "a");
    assert.equal(newestBefore(all, "2026-01-01T00:00:00Z"), undefined);
  });

  const options = (more: object) => ({
    before: "2026-03-01T00:00:00Z",
    target: { name: "rewind-x" },
    archive: join(folder, "archive"),
    baseBackups: join(folder, "base"),
    into: join(folder, "into"),
    port: 1,
    as: { user: "u", password: "p", database: "d" },
    tell: () => undefined,
    signal: new AbortController().signal,
    ...more,
  });

  it("are taken with the server's own tools or not at all", async () => {
    await assert.rejects(
      recover(options({ programs: folder })),
      /^RecoveryFailed: no pg_basebackup, pg_verifybackup, postgres in .*database\.recovery\.programs$/,
    );
    assert.throws(
      () => programsIn(undefined, undefined, ""),
      /no pg_basebackup, pg_verifybackup, postgres in the PATH/,
    );
  });
});

describe("the archive of a server's log", () => {
  const megabyte = 1024 * 1024;

  it("goes on from a log to the next one after its last segment", () => {
    assert.equal(nextSegment("000000010000000000000001", 16 * megabyte), "000000010000000000000002");
    assert.equal(nextSegment("0000000100000000000000FF", 16 * megabyte), "000000010000000100000000");
    assert.equal(nextSegment("0000000100000000000000FF", megabyte), "000000010000000000000100");
    assert.equal(nextSegment("000000010000000000000FFF", megabyte), "000000010000000100000000");
  });

  it("names the first segment that it lacks", () => {
    const names = [
      "000000010000000000000002",
      "000000010000000000000004",
      "000000010000000000000002.partial",
      "00000002.history",
    ];
    assert.equal(gapAfter(names, "000000010000000000000002", megabyte), "000000010000000000000003");
    assert.equal(gapAfter(names, "000000010000000000000001", megabyte), "000000010000000000000001");
    assert.equal(gapAfter(names, "000000010000000000000004", megabyte), undefined);
  });

  it("has no gap where every segment lies, whatever their number, and one wherever one was taken out", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 60 }), fc.nat(1_000), (count, pick) => {
        const names = ["0000000100000000000000F0"];
        while (names.length < count) names.push(nextSegment(names.at(-1)!, 16 * megabyte));
        assert.equal(gapAfter(names, names[0]!, 16 * megabyte), undefined);
        const taken = 1 + (pick % (count - 2));
        const missing = names[taken]!;
        assert.equal(gapAfter(names.toSpliced(taken, 1), names[0]!, 16 * megabyte), missing);
      }),
    );
  });
});
