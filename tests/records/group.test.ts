import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepReport, type RollbackReport } from "../../cli/rollback-report";
import { makeFolder } from "../../records/atomic-file";
import { openLogAt } from "../../records/open-log";
import { author } from "../../records/log";
import { placeIn } from "../../records/place";
import { keepRowFile, writeInlineRows } from "../../records/row-files";
import { openStore } from "../../records/stores";
import { rowsDigest, rowsPath } from "../../release/rows";
import { umaskNow } from "./umask";

const group = 54_321;
const [anna, ben] = [12_345, 12_346];

describe("a checkout that two people of a group share", function () {
  let folder = "";
  const umask = umaskNow();
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
    // It is asked once per process, and is that of the process.
    author();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-group-"));
    chownSync(folder, anna, group);
    // Files in it belong to the group, and the umask of a group leaves them to it.
    chmodSync(folder, 0o2775);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Does something as another person, who is in the group. */
  const as = async <T>(uid: number, act: () => T): Promise<Awaited<T>> => {
    const groups = process.getgroups?.() ?? [];
    process.umask(0o002);
    process.setgroups?.([group]);
    process.setegid?.(group);
    process.seteuid?.(uid);
    try {
      return await act();
    } finally {
      process.seteuid?.(0);
      process.setegid?.(0);
      process.setgroups?.(groups);
      process.umask(umask);
    }
  };
  const log = () => openLogAt(placeIn(undefined, folder), "staging", (text) => text);
  const hold = (release: string) => log().append({ kind: "hold", release, reason: "leaks" });

  it("has one log, in which either writes", async () => {
    await as(anna, () => hold("v1.0.0"));
    await as(ben, () => hold("v1.1.0"));
    await as(anna, () => hold("v1.2.0"));
    assert.equal(log().entries().length, 3);
    const { uid, gid, mode } = statSync(log().location);
    assert.deepEqual([uid, gid, mode & 0o777], [anna, group, 0o664]);
  });

  it("has locks that the other clears away, where their holder is dead", async () => {
    await as(anna, () => hold("v1.0.0"));
    const lock = `${log().location}.2.lock`;
    const dead = JSON.stringify({ pid: 2 ** 22 + 1, host: "gone" });
    await as(anna, () => {
      symlinkSync(dead, lock);
    });
    await as(ben, () => hold("v1.1.0"));
    assert.deepEqual(
      readdirSync(join(log().location, "..")).filter((name) => name.endsWith(".lock")),
      [],
    );
  }).timeout(20_000);

  it("has records that either changes", async () => {
    const write = (key: string) => {
      const store = openStore(placeIn(undefined, folder));
      return store.collection("known").write(new Map([[key, { by: key }]]));
    };
    await as(anna, () => write("anna"));
    await as(ben, () => write("ben"));
    await as(anna, () => write("again"));
    const kept = [];
    for await (const [key] of openStore(placeIn(undefined, folder)).collection("known").entries()) kept.push(key);
    assert.deepEqual(kept, ["again", "anna", "ben"]);
  });

  it("has rows that the other reads, whatever file they were taken from", async () => {
    const records = ".rewind/records";
    const inline = await as(anna, () => writeInlineRows(folder, records, [{ key: "a" }]));
    const own = join(folder, "own.jsonl");
    const { digest } = rowsDigest({ rows: [{ key: "b" }] });
    await as(anna, () => {
      writeFileSync(own, '{"key":"b"}\n', { mode: 0o600 });
      keepRowFile(folder, records, { path: own, digest });
    });
    for (const path of [inline, rowsPath(records, digest)]) {
      assert.match(await as(ben, () => readFileSync(join(folder, path), "utf8")), /^{"key":"[ab]"}\n$/);
      assert.equal(statSync(join(folder, path)).mode & 0o777, 0o664);
    }
    await assert.rejects(
      as(ben, () => readFileSync(own)),
      /EACCES/,
    );
  });

  it("has backups that are their owner's alone, beside records that are not", async () => {
    await as(anna, () => {
      makeFolder(join(folder, ".rewind", "backups"), 0o700);
    });
    await as(ben, () => hold("v1.0.0"));
    await assert.rejects(
      as(ben, () => readdirSync(join(folder, ".rewind", "backups"))),
      /EACCES/,
    );
  });

  it("has the reports of either's rollbacks", async () => {
    const report = (run: string) => ({ stack: "staging", run }) as RollbackReport;
    const places = join(folder, "reports", "staging");
    const kept = (uid: number, run: string) => as(uid, () => keepReport(report(run), folder));
    await kept(anna, "one");
    await kept(ben, "two");
    assert.deepEqual(
      readdirSync(places).filter((name) => name.endsWith(".json")),
      ["one.json", "two.json"],
    );
    assert.match(await as(ben, () => readFileSync(join(places, "one.json"), "utf8")), /"run": "one"/);
  });

  it("has folders that a umask of 077 keeps to oneself", () => {
    process.umask(0o077);
    try {
      mkdirSync(join(folder, "private"));
      makeFolder(join(folder, "private", "records"));
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(join(folder, "private", "records")).mode & 0o777, 0o700);
  });
});
