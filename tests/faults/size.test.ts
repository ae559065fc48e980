import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chainedLine, sha256, writtenVersion } from "../../records/line";
import { openFileLog } from "../../records/log";
import { openStore } from "../../records/stores";
import { verifyLog } from "../../records/verify";
import { report } from "./random";

const size = Number(process.env.REWIND_ENTRIES ?? 100_000);
const batch = 50_000;

describe(`${size} entries`, () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-size-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("are a store in LevelDB that opens and answers, and takes another", async () => {
    const began = performance.now();
    const place = { store: "leveldb", folder } as const;
    const key = (at: number): string => `0x${at.toString(16).padStart(40, "0")}`;
    const store = openStore(place);
    for (let start = 0; start < size; start += batch) {
      const records = Array.from({ length: batch }, (_, at) => [key(start + at), { at: start + at }] as const);
      await store.collection("contracts").write(new Map(records));
    }
    await store.close();
    const again = openStore(place).collection("contracts");
    for (const at of [0, Math.floor(size / 3), size - 1]) assert.deepEqual(await again.get(key(at)), { at });
    assert.equal(await again.get(key(size)), undefined);
    await again.write(new Map([[key(size), { at: size }]]));
    assert.deepEqual(await again.get(key(size)), { at: size });
    report(`${size} records`, began);
  });

  it("are a log that opens and answers, takes another, and is verified", () => {
    const began = performance.now();
    const path = join(folder, "staging.jsonl");
    let previous = sha256("");
    for (let token = 1, lines: string[] = []; token <= size; token += 1) {
      const id = `${token}`;
      const written = { version: writtenVersion, id, at: "", stack: "s", by: "b" } as const;
      const line = `${chainedLine({ ...written, kind: "hold", release: "v1", reason: id }, { previous, token })}\n`;
      previous = sha256(line);
      if (lines.push(line) < batch) continue;
      appendFileSync(path, lines.join(""));
      lines = [];
    }
    const log = openFileLog(path, "s", String);
    const appended = log.append({ kind: "hold", release: "v1", reason: "one more" });
    const entries = log.skim();
    assert.deepEqual([entries.length, entries.at(-1)], [size + 1, appended]);
    const { result, chained } = verifyLog(readFileSync(path), path);
    assert.deepEqual([result, chained], ["sound", size + 1]);
    report(`${size} entries`, began);
  });
});
