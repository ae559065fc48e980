import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { proveNewestBackup } from "../../cli/backup-proof";
import { freshCopies } from "./project";

describe("the newest backup of a stack", () => {
  const copy = freshCopies();
  const now = new Date("2026-11-21T15:00:00Z");
  const proof = () => proveNewestBackup(copy().folder, "staging", now);
  const place = (name: string): string => join(copy().folder, ".rewind", "backups", "staging", name);
  const written = (name: string, files: Record<string, string>): void => {
    mkdirSync(place(name), { recursive: true });
    const sums = Object.entries(files).map(([path, text]) => {
      writeFileSync(join(place(name), path), text);
      return `${createHash("sha256").update(text).digest("hex")}  ${path}\n`;
    });
    writeFileSync(join(place(name), "SHA256SUMS"), sums.join(""));
  };

  it("is inconclusive while there is none, and one that was half made is none", () => {
    assert.deepEqual(proof(), { result: "inconclusive", evidence: "none yet; a rollback makes one first" });
    written("20261121T140000Z.partial", { "state.json": "{}" });
    assert.equal(proof().result, "inconclusive");
  });

  it("is hashed again, file by file, and its age is told; an older one does not matter", () => {
    written("20261120T120000Z", { "state.json": "{}" });
    writeFileSync(join(place("20261120T120000Z"), "state.json"), "changed");
    written("20261121T120000Z", { "state.json": "{}", "Pulumi.staging.yaml": "config: {}" });
    const { result, evidence } = proof();
    assert.equal(result, "passed", evidence);
    assert.match(evidence, /20261121T120000Z: 2 files are whole, 3 h old/);
  });

  it("that was changed, lost a file, or proves nothing has failed, with the next command", () => {
    const name = "20261121T120000Z";
    const spoilt = (spoil: () => void, said: RegExp): void => {
      written(name, { "state.json": "{}", "policies.json": "{}" });
      spoil();
      const { result, evidence, next } = proof();
      assert.equal(result, "failed", evidence);
      assert.match(evidence, said);
      assert.match(next ?? "", /^mv \.rewind\/backups\/staging\/20261121T120000Z /);
    };
    const write = (file: string, text: string) => () => {
      writeFileSync(join(place(name), file), text);
    };
    spoilt(write("state.json", "{ }"), /corrupt: state\.json is not what was written$/);
    spoilt(() => {
      rmSync(join(place(name), "policies.json"));
    }, /policies\.json is missing/);
    spoilt(write("SHA256SUMS", ""), /SHA256SUMS names no file/);
    spoilt(write("SHA256SUMS", `${"a".repeat(64)}  ../../../../Pulumi.staging.yaml\n`), /a line that is none/);
    spoilt(() => {
      rmSync(join(place(name), "SHA256SUMS"));
    }, /no BACKUP_MANIFEST\.json and no SHA256SUMS/);
  });
});
