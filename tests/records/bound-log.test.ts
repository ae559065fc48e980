import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { lastLine, whyAnotherLog } from "../../records/bound-log";
import { openFileLog, readBytes } from "../../records/log";

const digest = `sha256:${"a".repeat(64)}` as const;

describe("the log that a stack was verified with", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-bound-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const open = (name: string) => openFileLog(join(folder, name), "prod", String);
  const deploy = (name: string, release: string): string => {
    const log = open(name);
    const to = { release, digest, pins: {}, surroundings: digest };
    const { id } = log.append({ kind: "intent", to, snapshot: { policies: {} } });
    log.append({ kind: "outcome", of: id, result: "passed", checks: [], milliseconds: 1 });
    return id;
  };
  const why = (name: string, remembered: Parameters<typeof whyAnotherLog>[0]) =>
    whyAnotherLog(remembered, open(name).entries(), readBytes(join(folder, name)));

  it("SEC-M4 · is no other, no shorter one and no empty one", () => {
    deploy("a", "v1");
    const line = lastLine(readBytes(join(folder, "a")));
    assert.ok(line);
    const entry = deploy("a", "v2");
    assert.equal(why("a", { entry, line }), undefined);
    deploy("a", "v3");
    assert.equal(why("a", { entry, line }), undefined);
    assert.equal(why("empty", { entry, line }), `it is empty and lacks ${entry}, which was verified last`);
    const other = deploy("b", "v1");
    assert.match(why("b", { entry, line }) ?? "", new RegExp(`^it ends with .* and lacks ${entry}`));
    assert.match(why("a", { entry: other, line }) ?? "", /and lacks/);
  });

  it("SEC-M4 · is not one that has the entry and another past", () => {
    deploy("a", "v1");
    const line = lastLine(readBytes(join(folder, "a")))!;
    const entry = deploy("a", "v2");
    assert.match(why("a", { entry, line: { ...line, digest } }) ?? "", /^it has .*, and what stood before it is not/);
    assert.match(why("a", { entry, line: { ...line, token: line.token + 1 } }) ?? "", /what stood before/);
    assert.equal(why("a", { entry }), undefined, "the first deployment had nothing before it");
  });

  it("has as its last line the one that was written last, whatever it says", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (reasons) => {
        rmSync(join(folder, "c"), { force: true });
        const log = open("c");
        for (const reason of reasons) log.append({ kind: "stop", reason });
        const line = lastLine(readBytes(join(folder, "c")));
        assert.ok(
          readBytes(join(folder, "c"))
            .toString()
            .endsWith(`"digest":"${line?.digest ?? ""}"}\n`),
        );
        assert.equal(line?.token, reasons.length);
      }),
      { numRuns: 20 },
    );
    assert.equal(lastLine(Buffer.alloc(0)), undefined);
  });
});
