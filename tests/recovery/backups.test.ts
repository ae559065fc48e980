import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { ClassicLevel } from "classic-level";
import fc from "fast-check";
import { pack, type Header } from "tar-stream";
import { unpack, Unopened } from "../../recovery/backups/archive";
import { openJson, openLevels, openLogs } from "../../recovery/backups/contents";
import { addFolder, addRecords } from "../../recovery/backups/folders";
import { withOpened } from "../../recovery/backups/opened";
import { intoPlace } from "../../recovery/backups/place";
import { backupsIn, isReadable, readBackup } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup, type Fill } from "../../recovery/backups/write";
import { facts, holding, readable } from "./made-backup";

describe("backups on the disk", () => {
  let folder: string;
  let all: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-backups-"));
    all = join(folder, "backups");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const made = async (contents: Readonly<Record<string, string>>, recipients: readonly string[] = []) => {
    const { place } = await writeBackup(all, facts, holding(contents), recipients);
    return readable(place);
  };
  const few = { "stack/Pulumi.staging.yaml": "config: {}\n", "rows/limits.jsonl": '{"id":1}\n', "extra/a b/é.txt": "" };

  it("L8 · are whole for us and for the real sha256sum, readable by their owner alone, and named by their time", async () => {
    const backup = await made(few);
    assert.equal(backup.id, "20261121T150000Z");
    assert.deepEqual(backup.parts, ["stack", "rows", "extra"]);
    assert.deepEqual(problemsOf(backup), []);
    execFileSync("sha256sum", ["--quiet", "--strict", "-c", "checksums/SHA256SUMS"], { cwd: backup.place });
    assert.deepEqual(readdirSync(all), [backup.id]);
    assert.equal((await made(few)).id, "20261121T150001Z");
  });

  it("that were interrupted, or could not be made, are none", async () => {
    const broken: Fill = async (staging) => {
      await staging.add("stack/x", "half");
      throw new Error("no more");
    };
    await assert.rejects(writeBackup(all, facts, broken), /no more/);
    assert.deepEqual(readdirSync(all), []);
    for (const name of ["making.partial-abc", "20261121T150000Z.partial-removed", "20261121T150000Z.tmp", "x"]) {
      mkdirSync(join(all, name));
    }
    assert.deepEqual(backupsIn(all), []);
    mkdirSync(join(all, "20261121T150000Z"));
    assert.ok(backupsIn(all).every((backup) => !isReadable(backup)));
  });

  it("L8 · any file that is changed, cut, missing, added, renamed or swapped is flagged, by name", async () => {
    const contents = { "stack/a": "one", "rows/b": "two", "extra/c/d": randomBytes(300).toString("hex") };
    const backup = await made(contents);
    const files = [...backup.files.map(({ stored }) => stored), "BACKUP_MANIFEST.json", "checksums/SHA256SUMS"];
    const whole = new Map(files.map((path) => [path, readFileSync(join(backup.place, path))] as const));
    const put = (path: string, bytes: Buffer): void => {
      writeFileSync(join(backup.place, path), bytes);
    };
    const flagged = (path: string): void => {
      const read = readBackup(backup.place);
      const problems = isReadable(read) ? problemsOf(read) : [read.reason];
      assert.ok(
        problems.some((problem) => problem.includes(path)),
        `${path}: ${problems.join("; ")}`,
      );
    };
    for (const [path, bytes] of whole) {
      for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 40)) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        put(path, changed);
        const read = readBackup(backup.place);
        assert.ok(!isReadable(read) || problemsOf(read).length > 0, `${path} changed at ${at}`);
        put(path, bytes.subarray(0, at));
        const cut = readBackup(backup.place);
        assert.ok(!isReadable(cut) || problemsOf(cut).length > 0, `${path} cut at ${at}`);
      }
      rmSync(join(backup.place, path));
      if (path !== "BACKUP_MANIFEST.json") flagged(path);
      else assert.ok(!isReadable(readBackup(backup.place)));
      put(path, bytes);
    }
    put("rows/new", Buffer.alloc(0));
    flagged("rows/new was added");
    rmSync(join(backup.place, "rows/new"));
    put("stack/a", Buffer.from("two"));
    put("rows/b", Buffer.from("one"));
    flagged("stack/a");
    put("stack/a", Buffer.from("one"));
    rmSync(join(backup.place, "rows/b"));
    symlinkSync("../stack/a", join(backup.place, "rows/b"));
    flagged("rows/b is no regular file");
  });

  it("of the first form stay readable", () => {
    const place = join(all, "20250917T195416Z");
    mkdirSync(place, { recursive: true });
    const files = {
      "Pulumi.staging.yaml": "x",
      "state.json": "{}",
      "rows-limits.jsonl": "{}\n",
      "policies.json": "{}",
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text);
    const sums = execFileSync("sha256sum", Object.keys(files), { cwd: place });
    writeFileSync(join(place, "SHA256SUMS"), sums);
    const backup = readable(place);
    assert.deepEqual(problemsOf(backup), []);
    assert.deepEqual(
      backup.files.map(({ path }) => path),
      ["stack/Pulumi.staging.yaml", "state/state.json", "rows/limits.jsonl", "policies/policies.json"],
    );
    assert.equal(backup.at, "2025-09-17T19:54:16.000Z");
    writeFileSync(join(place, "state.json"), "{ }");
    assert.deepEqual(problemsOf(backup), ["state.json is not what was written"]);
  });

  it("that are encrypted never stand on the disk in clear, and come back byte for byte", async () => {
    const identity = await generateIdentity();
    const key = join(folder, "key");
    writeFileSync(key, `# a comment\n${identity}\n`);
    const marker = "the words that nobody may read";
    const contents = { "stack/a": marker, "extra/big": randomBytes(700_000).toString("hex"), "rows/empty": "" };
    const seen: string[] = [];
    const watching: Fill = async (staging) => {
      for (const [path, text] of Object.entries(contents)) {
        await staging.add(path, text);
        seen.push(readFileSync(join(staging.folder, path), "latin1"));
      }
      return undefined;
    };
    const { place } = await writeBackup(all, facts, watching, [await identityToRecipient(identity)]);
    assert.ok(seen.every((text) => !text.includes(marker)));
    const backup = readable(place);
    assert.deepEqual(problemsOf(backup), []);
    assert.deepEqual(backup.parts, ["stack", "rows", "extra"]);
    await withOpened(backup, key, (plain) => {
      assert.deepEqual(problemsOf(plain), []);
      for (const [path, text] of Object.entries(contents))
        assert.equal(readFileSync(join(plain.place, path), "utf8"), text);
      return Promise.resolve();
    });
    assert.deepEqual(readdirSync(all), [backup.id]);
    await assert.rejects(
      withOpened(backup, undefined, () => assert.fail()),
      Unopened,
    );
    writeFileSync(key, `${await generateIdentity()}\n`);
    await assert.rejects(
      withOpened(backup, key, () => assert.fail()),
      Unopened,
    );
    assert.deepEqual(readdirSync(all), [backup.id]);
  });

  it("that are encrypted are opened by the real age and tar, and proved by sha256sum", async function () {
    if (spawnSync("age", ["--version"]).error !== undefined) {
      this.test!.title += " (skipped: age is not on this machine)";
      return this.skip();
    }
    const identity = await generateIdentity();
    const key = join(folder, "key");
    writeFileSync(key, `${identity}\n`, { mode: 0o600 });
    const contents = { ...few, [`extra/é/${"long".repeat(60)}`]: randomBytes(300_000).toString("hex") };
    const { place } = await made(contents, [await identityToRecipient(identity)]);
    const into = join(folder, "opened");
    mkdirSync(into);
    const archive = execFileSync("age", ["-d", "-i", key, join(place, "backup.tar.age")], { maxBuffer: 1e8 });
    execFileSync("tar", ["x", "-C", into], { input: archive });
    const said = execFileSync("sha256sum", ["-c", "checksums/SHA256SUMS"], { cwd: into, encoding: "utf8" });
    assert.equal(said.trim().split("\n").length, Object.keys(contents).length + 1);
  });

  type Member = Partial<Header> & { readonly name: string; readonly text?: string };
  const archiveOf = async (members: readonly Member[]): Promise<Buffer> => {
    const archive = pack();
    for (const { text = "", ...header } of members) archive.entry(header, text);
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  const unpacked = async (members: readonly Member[], limits = { files: 10, bytes: 1_000 }): Promise<string> => {
    const into = mkdtempSync(join(folder, "into-"));
    const bytes = await archiveOf(members);
    await unpack(
      (async function* () {
        yield await Promise.resolve(bytes);
      })(),
      into,
      limits,
    );
    return into;
  };

  it("L8 · an archive with ../, an absolute path, a link, a device, a file twice, too much or too many is refused", async () => {
    const link = { linkname: "/etc/passwd" };
    const hostile: [Member[], RegExp][] = [
      [[{ name: "../out" }], /leads out of the backup/],
      [[{ name: "stack/../../out" }], /leads out of the backup/],
      [[{ name: "/stack/out" }], /leads out of the backup/],
      [[{ name: "elsewhere/out" }], /no part of one/],
      [[{ name: "stack/x", type: "symlink", ...link }], /a symlink, and a backup has only files/],
      [[{ name: "stack/x", type: "link", ...link }], /a link, and a backup has only files/],
      [[{ name: "stack/x", type: "fifo" }], /a fifo/],
      [[{ name: "stack/x", type: "character-device" }], /a character-device/],
      [[{ name: "stack/x" }, { name: "stack/x" }], /twice/],
      [[{ name: "stack/x", text: "x".repeat(1_001) }], /more than 1000 bytes/],
      [Array.from({ length: 11 }, (_, at) => ({ name: `stack/${at}` })), /more than 10 files/],
    ];
    for (const [members, said] of hostile) await assert.rejects(unpacked(members), said);
    assert.deepEqual(
      readdirSync(folder).filter((name) => !name.startsWith("into-")),
      [],
    );
    const into = await unpacked([
      { name: "stack/", type: "directory" },
      { name: "stack/x", text: "fine" },
    ]);
    assert.equal(readFileSync(join(into, "stack/x"), "utf8"), "fine");
  });

  it("an archive that is cut or changed anywhere never writes outside of its folder, nor hangs", async () => {
    const bytes = await archiveOf([
      { name: "stack/a", text: "one" },
      { name: "rows/b", text: "x".repeat(700) },
    ]);
    const spoiled = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean());
    await fc.assert(
      fc.asyncProperty(spoiled, async ([at, value, cut]) => {
        const changed = Buffer.from(cut ? bytes.subarray(0, at) : bytes);
        if (!cut) changed[at] = value;
        const into = mkdtempSync(join(folder, "into-"));
        await unpack(
          (async function* () {
            yield await Promise.resolve(changed);
          })(),
          into,
          { files: 10, bytes: 5_000 },
        ).catch(() => undefined);
        assert.ok(readdirSync(folder).every((name) => name.startsWith("into-")));
      }),
      { numRuns: 60 },
    );
  });

  it("extra folders with a link in them are refused, and files keep who may run them", async () => {
    mkdirSync(join(folder, "tools"));
    writeFileSync(join(folder, "tools", "run"), "true\n", { mode: 0o755 });
    const fill: Fill = async (staging) => {
      await addFolder(staging, folder, "tools");
      return undefined;
    };
    const { manifest } = await writeBackup(all, facts, fill);
    assert.deepEqual(
      manifest.files.map(({ path, mode }) => [path, mode]),
      [["extra/tools/run", 0o755]],
    );
    symlinkSync("run", join(folder, "tools", "link"));
    await assert.rejects(writeBackup(all, facts, fill), /tools\/link is a link or no file/);
  });

  it("L8 · records are kept with their LevelDB, which is opened from a copy; a spoilt one is found", async () => {
    const records = join(folder, "records");
    const level = new ClassicLevel<string, string>(join(records, "leveldb", "data"));
    await level.open();
    for (let at = 0; at < 200; at += 1) await level.put(`key ${at}`, "x".repeat(100));
    await level.close();
    writeFileSync(join(records, "staging.jsonl"), "");
    writeFileSync(join(records, "other.jsonl"), "");
    writeFileSync(join(records, "staging.jsonl.3.lock"), "");
    const { place } = await writeBackup(all, facts, async (staging) => {
      await addRecords(staging, join(records, "staging.jsonl"), "staging");
      return undefined;
    });
    const backup = readable(place);
    const paths = backup.files.map(({ path }) => path);
    assert.ok(paths.includes("records/staging.jsonl") && paths.includes("records/leveldb/data/CURRENT"));
    assert.ok(!paths.some((path) => /other|lock$/i.test(path)), paths.join());
    assert.deepEqual(await openLevels(backup), { count: 1, problems: [] });
    assert.deepEqual(problemsOf(backup), [], "opening it changed nothing of the backup");
    assert.deepEqual(openLogs(backup), { count: 1, problems: [] });
    writeFileSync(join(place, "records/leveldb/data/CURRENT"), "nonsense");
    assert.match((await openLevels(backup)).problems[0] ?? "", /^records\/leveldb\/data cannot be opened/);
  });

  it("L8 · every JSON of a backup is parsed, and every line of its rows", async () => {
    const backup = await made({ "state/state.json": "{}", "rows/a.jsonl": '{"id":1}\n{"id":\n', "extra/b.json": "{" });
    assert.deepEqual(await openJson(backup), {
      count: 3,
      problems: ["rows/a.jsonl is no JSON in line 2", "extra/b.json is no JSON, or not all of it"],
    });
  });

  it("what is put into its place replaces a file or a folder as a whole, and leaves nothing beside it", () => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    mkdirSync(join(from, "deep"), { recursive: true });
    writeFileSync(join(from, "deep", "a"), "new");
    mkdirSync(to);
    writeFileSync(join(to, "old"), "");
    intoPlace(from, to);
    assert.deepEqual(readdirSync(to), ["deep"]);
    intoPlace(join(from, "deep", "a"), join(to, "deep", "b"));
    assert.equal(readFileSync(join(to, "deep", "b"), "utf8"), "new");
    assert.throws(() => {
      intoPlace(join(folder, "nowhere"), to);
    });
    assert.ok(existsSync(join(to, "deep", "a")));
    assert.deepEqual(readdirSync(folder).sort(), ["from", "to"]);
  });
});
