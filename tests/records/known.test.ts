import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knownFromLog } from "../../records/known";
import { openFileLog, readFileLog } from "../../records/log";
import type { Settings } from "../../release/parse";

describe("what the deployment log knows before a change", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-known-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const environment = (rehearsal?: string) =>
    ({
      environment: { database: { migrations: { folder: "migrations", rehearsal } } },
      releases: new Map(),
    }) as unknown as Settings;
  const digest = `sha256:${"a".repeat(64)}`;

  it("is the holds, the states since the last verification, and what was rehearsed, found from the project's folder", () => {
    const step = { name: "0002_names", direction: "down", digest } as const;
    for (const [path, migrations] of [
      ["own.jsonl", []],
      ["rehearsal.jsonl", [step]],
    ] as const) {
      const log = openFileLog(join(folder, path), path, String);
      const to = { release: "v1.2.0", digest, pins: {}, surroundings: digest };
      const { id } = log.append({ kind: "intent", to, snapshot: { policies: {} }, migrations });
      log.append({ kind: "outcome", of: id, result: "passed", checks: [], milliseconds: 1 });
      log.append({ kind: "hold", release: "v1.2.2", reason: "wrong stamps" });
    }
    const entries = readFileLog(join(folder, "own.jsonl"));
    const known = knownFromLog(entries, environment("rehearsal.jsonl"), folder);
    const hold = { reason: "on hold: wrong stamps", next: 'rewind unhold v1.2.2 --reason "…"' };
    assert.deepEqual([known.holdOn("v1.2.2"), known.holdOn("v1.2.0")], [hold, undefined]);
    assert.deepEqual(known.states, [{ policies: {} }]);
    assert.deepEqual(known.rehearsed, [step]);
    assert.deepEqual(knownFromLog(entries, environment(), folder).rehearsed, []);
  });
});
