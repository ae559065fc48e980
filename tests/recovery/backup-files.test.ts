import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { mock } from "node:test";
import timers from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { ClassicLevel } from "classic-level";
import { pack, type Header } from "tar-stream";
import { openFileLog } from "../../records/log";
import { identitiesIn, unpack, unseal, Unopened } from "../../recovery/backups/archive";
import { openJson, openLevels, openLogs, readCopy, readLevel } from "../../recovery/backups/contents";
import { copyBackup } from "../../recovery/backups/copy";
import { addFile, addFolder, addRecords, isNoLock } from "../../recovery/backups/folders";
import { withOpened } from "../../recovery/backups/opened";
import { intoPlace, settle } from "../../recovery/backups/place";
import { backupsIn, isReadable, nameAt, readBackup, type Backup } from "../../recovery/backups/read";
import { Staging } from "../../recovery/backups/staging";
import { problemsOf, sha256Of } from "../../recovery/backups/verify";
import { writeBackup, type Fill } from "../../recovery/backups/write";
import { failWith } from "../failing";
import { Disk } from "../faults/disk";
import { facts, holding, readable } from "./made-backup";

const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const id = "20261121T150000Z";

describe("the files of a backup", () => {
  let folder: string;
  let all: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-backup-files-"));
    all = join(folder, "backups");
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true, force: true });
  });

  const filled =
    (add: (staging: Staging) => Promise<void>): Fill =>
    async (staging) => {
      await add(staging);
      return undefined;
    };
  const reasonOf = (place: string): string => {
    const backup = readBackup(place);
    return isReadable(backup) ? "readable" : backup.reason;
  };
  const made = async (contents: Readonly<Record<string, string>>) =>
    readable((await writeBackup(all, facts, holding(contents))).place);
  const few = { "stack/a": "one", "rows/b": "two" };

  describe("as they are written", () => {
    it("L8 · are on the disk with their names before the backup has its own, and that is made sure of", async () => {
      mkdirSync(all);
      const disk = new Disk(folder);
      await disk.during(async () => {
        await writeBackup(all, facts, holding({ "stack/a": "one" }));
      });
      assert.equal(
        disk.steps.map(({ kind }) => kind).join(" "),
        "make make make write sync make write sync make make write sync sync sync sync move sync sync",
      );
      assert.deepEqual(
        disk.steps.flatMap((step) => (step.kind === "make" ? [step.name.replace(/-.*/, "")] : [])),
        ["making.partial", "stack", "a", "BACKUP_MANIFEST.json", "checksums", "SHA256SUMS"],
      );
    });

    it("L8 · are readable by their owner alone, and say of themselves what they are", async () => {
      const fill: Fill = async (staging) => {
        await staging.add("database/dump", "rows", 0o640);
        await staging.add("stack/a", "one");
        return { name: "app", rows: { t: 2 } };
      };
      const { id: own, place, manifest } = await writeBackup(join(all, "deep"), { ...facts, name: "n" }, fill);
      assert.deepEqual([own, place], [id, join(all, "deep", id)]);
      assert.deepEqual(manifest, {
        ...{ format: "rewind-backup", version: 1, ...facts, name: "n", parts: ["stack", "database"] },
        files: [
          { path: "database/dump", bytes: 4, sha256: sha256("rows"), mode: 0o640 },
          { path: "stack/a", bytes: 3, sha256: sha256("one") },
        ],
        database: { name: "app", rows: { t: 2 } },
      });
      assert.deepEqual(readable(place).manifest, manifest);
      const modeOf = (path: string): number => statSync(join(place, path)).mode & 0o777;
      assert.deepEqual([modeOf("."), modeOf("stack"), modeOf("stack/a")], [0o700, 0o700, 0o600]);
      assert.equal(statSync(join(all, "deep")).mode & 0o777, 0o700);
      const text = readFileSync(join(place, "BACKUP_MANIFEST.json"), "utf8");
      assert.equal(
        readFileSync(join(place, "checksums/SHA256SUMS"), "utf8"),
        `${sha256("rows")}  database/dump\n${sha256("one")}  stack/a\n${sha256(text)}  BACKUP_MANIFEST.json\n`,
      );
      const other = await writeBackup(all, facts, holding({ "stack/a": "one" }));
      assert.ok(!("database" in other.manifest));
    });

    it("L8 · are named by the next second where there is one of that name, be it made meanwhile", async () => {
      await made(few);
      for (const code of ["ENOTEMPTY", "EEXIST"]) {
        const real = renameSync;
        let calls = 0;
        const renaming = mock.method(fs, "renameSync", (from: string, to: string) => {
          calls += 1;
          if (calls === 1) failWith(code)();
          real(from, to);
        });
        assert.equal(
          (await made(few)).id,
          nameAt(new Date(Date.parse(facts.at) + (code === "EEXIST" ? 3_000 : 2_000))),
        );
        renaming.mock.restore();
      }
      assert.equal(readdirSync(all).length, 3);
    });

    it("are none where they cannot be put into their place, and nothing is left of them", async () => {
      mock.method(fs, "renameSync", failWith("EACCES"));
      await assert.rejects(made(few), /EACCES/);
      assert.deepEqual(readdirSync(all), []);
    });

    it("have no path that a backup may not have, and none twice", async () => {
      await assert.rejects(made({ "../x": "" }), { message: 'a backup cannot hold a file of the name "../x"' });
      await assert.rejects(made({ elsewhere: "" }), /cannot hold a file of the name "elsewhere"/);
      const twice = filled(async (staging) => {
        await staging.add("stack/a", "one");
        await staging.add("stack/a", "two");
      });
      await assert.rejects(writeBackup(all, facts, twice), /EEXIST/);
      assert.deepEqual(readdirSync(all), []);
    });

    it("that are to be encrypted are another stream for every path, and come back as they were added", async () => {
      mkdirSync(all);
      const staging = new Staging(all, true);
      const text = "the same words".repeat(20);
      for (const path of ["stack/a", "stack/b"]) await staging.add(path, text);
      const [a, b] = ["stack/a", "stack/b"].map((path) => readFileSync(join(all, path), "latin1"));
      assert.ok(a !== b && a !== text && a?.length === text.length);
      const chunks: Buffer[] = [];
      for await (const chunk of staging.read("stack/b")) chunks.push(chunk as Buffer);
      assert.equal(Buffer.concat(chunks).toString(), text);
      assert.equal(staging.files[1]?.sha256, sha256(text));
      assert.deepEqual(await staging.addPlain("plain", text), { path: "plain", bytes: 280, sha256: sha256(text) });
      assert.equal(readFileSync(join(all, "plain"), "utf8"), text, "what is added as it is");
      assert.equal(staging.files.length, 2);
    });
  });

  describe("as they are read", () => {
    const place = (): string => join(all, id);
    const put = (files: Readonly<Record<string, string>>): string => {
      rmSync(place(), { recursive: true, force: true });
      mkdirSync(place(), { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(place(), name), text);
      return place();
    };
    const sums = (...names: string[]): string => names.map((name) => `${sha256("")}  ${name}\n`).join("");

    it("L8 · are those of every folder that is named by a time, the newest first", async () => {
      assert.deepEqual(backupsIn(all), []);
      for (const name of ["20250101T000000Z", "20240101T000000Z", "20260101T000000Z", `x${id}`, `${id}.x`, "2026Z"]) {
        mkdirSync(join(all, name), { recursive: true });
      }
      await made(few);
      assert.deepEqual(
        backupsIn(all).map((backup) => [backup.id, isReadable(backup)]),
        [
          [id, true],
          ["20260101T000000Z", false],
          ["20250101T000000Z", false],
          ["20240101T000000Z", false],
        ],
      );
    });

    it("say where each lies and what it must be", async () => {
      const { place: at, manifest, ...backup } = await made(few);
      assert.deepEqual(backup, {
        ...{ id, at: facts.at, occasion: "request", parts: ["stack", "rows"] },
        files: [
          { path: "stack/a", stored: "stack/a", bytes: 3, sha256: sha256("one") },
          { path: "rows/b", stored: "rows/b", bytes: 3, sha256: sha256("two") },
        ],
      });
      assert.deepEqual([at, manifest?.stack], [place(), "staging"]);
    });

    it("are none without a manifest that can be read, and it is said why", () => {
      assert.equal(reasonOf(put({})), "no BACKUP_MANIFEST.json and no SHA256SUMS");
      assert.equal(
        reasonOf(put({ "BACKUP_MANIFEST.json": "{" })),
        "BACKUP_MANIFEST.json is damaged: no JSON, or not all of it",
      );
      mkdirSync(join(put({}), "BACKUP_MANIFEST.json"));
      assert.match(reasonOf(place()), /^EISDIR/);
      truncateSync(join(put({ "BACKUP_MANIFEST.json": "" }), "BACKUP_MANIFEST.json"), 256 * 1024 * 1024 + 1);
      assert.equal(reasonOf(place()), "BACKUP_MANIFEST.json has 268435457 bytes");
      const unreadable = readBackup(place());
      assert.deepEqual([unreadable.id, unreadable.place], [id, place()]);
    });

    it("of the first form are none where the sums are none, name nothing, or lead out of it", () => {
      assert.equal(reasonOf(put({ SHA256SUMS: "" })), "SHA256SUMS names no file");
      for (const text of ["nonsense\n", sums("a", "../b"), sums("a/b"), sums("a", "a")]) {
        assert.equal(reasonOf(put({ SHA256SUMS: text })), "SHA256SUMS has a line that is none");
      }
    });

    it("of the first form tell by their names what they are", () => {
      const names = [
        "state.json",
        "policies.json",
        "rows-a-b.jsonl",
        "rows-a.json",
        "my-rows-a.jsonl",
        "Pulumi.x.yaml",
      ];
      const { manifest, ...backup } = readable(put({ SHA256SUMS: sums(...names) }));
      assert.deepEqual(
        backup.files.map(({ path, stored, bytes, sha256: sum }) => [path, stored, bytes, sum]),
        [
          ["state/state.json", "state.json"],
          ["policies/policies.json", "policies.json"],
          ["rows/a-b.jsonl", "rows-a-b.jsonl"],
          ["stack/rows-a.json", "rows-a.json"],
          ["stack/my-rows-a.jsonl", "my-rows-a.jsonl"],
          ["stack/Pulumi.x.yaml", "Pulumi.x.yaml"],
        ].map((each) => [...each, undefined, sha256("")]),
      );
      assert.deepEqual(
        [backup.parts, backup.occasion, backup.at],
        [["state", "policies", "rows", "stack"], "rollback", "2026-11-21T15:00:00.000Z"],
      );
      assert.equal(manifest, undefined);
    });
  });

  describe("as they are proved", () => {
    const spoilt = async (spoil: (place: string) => void): Promise<string[]> => {
      rmSync(all, { recursive: true, force: true });
      const backup = await made(few);
      spoil(backup.place);
      return problemsOf(backup);
    };
    const write = (path: string, text: string) => (place: string) => {
      mkdirSync(dirname(join(place, path)), { recursive: true });
      writeFileSync(join(place, path), text);
    };

    const remove = (path: string) => (place: string) => {
      rmSync(join(place, path), { recursive: true });
    };

    it("L8 · are told of one by one: what is wrong, and with which", async () => {
      assert.deepEqual(await spoilt(() => undefined), []);
      assert.deepEqual(await spoilt(write("stack/a", "two")), ["stack/a is not what was written"]);
      assert.deepEqual(await spoilt(write("stack/a", "four")), [
        "stack/a is not what was written: it has 4 bytes, not 3",
      ]);
      assert.deepEqual(await spoilt(write("stack/deep/er", "x")), ["stack/deep/er was added"]);
      assert.deepEqual(await spoilt(remove("stack/a")), ["stack/a is missing"]);
      const renamed = (place: string): void => {
        renameSync(join(place, "stack/a"), join(place, "stack/z"));
        write("extra/new", "x")(place);
      };
      assert.deepEqual(await spoilt(renamed), ["stack/a was renamed to stack/z", "extra/new was added"]);
      const folderInstead = (place: string): void => {
        rmSync(join(place, "stack/a"));
        mkdirSync(join(place, "stack/a"));
      };
      assert.deepEqual(await spoilt(folderInstead), ["stack/a is no regular file"]);
      assert.deepEqual(await spoilt(remove(".")), [
        "checksums/SHA256SUMS cannot be read",
        "stack/a is missing",
        "rows/b is missing",
      ]);
      const two = (place: string): void => {
        write("stack/a", "xxx")(place);
        rmSync(join(place, "rows/b"));
      };
      assert.deepEqual(await spoilt(two), ["stack/a is not what was written", "rows/b is missing"]);
    });

    it("L8 · must say in their sums what the manifest says, no more and no less", async () => {
      const file = "checksums/SHA256SUMS";
      const changed = (change: (text: string) => string) => (place: string) => {
        write(file, change(readFileSync(join(place, file), "utf8")))(place);
      };
      const differs = [`${file} does not say what BACKUP_MANIFEST.json says`];
      assert.deepEqual(await spoilt(changed((text) => text.replace(sha256("one"), sha256("two")))), differs);
      assert.deepEqual(await spoilt(changed((text) => text.replace(/^.*stack\/a\n/, ""))), differs);
      assert.deepEqual(await spoilt(changed((text) => `${text}${sha256("x")}  stack/x\n`)), differs);
      assert.deepEqual(await spoilt(changed((text) => `${text}nonsense\n`)), [`${file} has a line that is none`]);
      assert.deepEqual(await spoilt(remove(file)), [`${file} cannot be read`]);
      const stolen = changed((text) => text.replace(/^.*(?=  BACKUP_MANIFEST)/m, sha256("x")));
      assert.deepEqual(await spoilt(stolen), ["BACKUP_MANIFEST.json is not what was written"]);
    });

    it("that cannot be read are told of, too", async () => {
      const real = fs.openSync;
      const spoil = (): void => {
        mock.method(fs, "openSync", (path: string, ...rest: unknown[]) =>
          path.endsWith("stack/a") ? failWith("EACCES")() : (real as (...args: unknown[]) => number)(path, ...rest),
        );
      };
      assert.deepEqual(await spoilt(spoil), ["stack/a cannot be read"]);
    });

    it("have the sum that sha256sum gives them, however long they are, and only files have one", () => {
      const path = join(folder, "long");
      const bytes = randomBytes((1 << 20) * 2 + 7);
      writeFileSync(path, bytes);
      assert.equal(sha256Of(path), sha256(bytes));
      const closing = mock.method(fs, "closeSync");
      assert.throws(() => sha256Of(folder), { message: `${folder} is no file` });
      assert.equal(closing.mock.callCount(), 1);
    });
  });

  describe("as they are opened", () => {
    it("L8 · are named where they are no JSON: the whole, or the first bad line of rows, but of no log", async () => {
      const backup = await made({
        ...{ "rows/fine.jsonl": '{"a":1}\n\n{"a":2}\n', "rows/bad.jsonl": "{}\n{\n}\n", "stack/a.json": "[" },
        ...{ "records/staging.jsonl": '{"version":3,"id', "stack/b.jsonx": "{", "stack/json": "{" },
      });
      assert.deepEqual(await openJson(backup), {
        count: 4,
        problems: ["rows/bad.jsonl is no JSON in line 2", "stack/a.json is no JSON, or not all of it"],
      });
    });

    it("L8 · of a log are verified, and the first line that is not what was written is named", async () => {
      const path = join(folder, "s.jsonl");
      const log = openFileLog(path, "s", String);
      for (const reason of ["one", "two", "three"]) log.append({ kind: "hold", release: "v1", reason });
      const text = readFileSync(path, "utf8");
      const backup = await made({
        ...{ "records/s.jsonl": text, "records/cut.jsonl": text.slice(0, -9), "records/rows/x.jsonl": "no log" },
        ...{ "records/bad.jsonl": text.replace("one", "two").replace("three", "four"), "rows/s.jsonl": "no log" },
      });
      assert.deepEqual(openLogs(backup), {
        count: 3,
        problems: ["records/bad.jsonl: line 1: its bytes are not what was written"],
      });
    });

    const level = async (place: string, count: number): Promise<void> => {
      const store = new ClassicLevel<string, string>(place);
      await store.open();
      for (let at = 0; at < count; at += 1) await store.put(`key ${at}`, "x".repeat(100));
      await store.close();
    };

    it("L8 · of a LevelDB are read to their end, from a copy; what cannot be opened is named with its cause", async () => {
      const place = join(folder, "level");
      await level(place, 7);
      const before = readdirSync(place).sort();
      const copying = mock.method(fs, "mkdtempSync");
      assert.equal(await readCopy(place), 7);
      assert.deepEqual(readdirSync(place).sort(), before);
      await assert.rejects(readLevel(join(folder, "none")), /Database failed to open|not open/);
      const copies = copying.mock.calls.map(({ result }) => String(result));
      assert.deepEqual([copies.length, copies.filter((copy) => existsSync(copy))], [1, []]);
      const nowhere = {
        place: folder,
        files: [{ path: "records/x/CURRENT", stored: "x/CURRENT" }],
      } as unknown as Backup;
      const { count, problems } = await openLevels(nowhere);
      assert.equal(count, 1);
      assert.match(problems[0] ?? "", /^x cannot be opened: .*ENOENT/);
      mkdirSync(join(folder, "x"));
      writeFileSync(join(folder, "x", "CURRENT"), "nonsense");
      assert.match((await openLevels(nowhere)).problems[0] ?? "", /^x cannot be opened: Corruption/);
    });
  });

  describe("as they are added from folders", () => {
    const staged = async (add: (staging: Staging) => Promise<void>): Promise<string[]> => {
      const staging = new Staging(mkdtempSync(join(folder, "staging-")), false);
      await add(staging);
      return staging.files.map(({ path }) => path);
    };

    it("are all that is in a folder, in the order of their names, each once, with who may run it", async () => {
      mkdirSync(join(folder, "tools", "b"), { recursive: true });
      for (const [name, mode] of [
        ["tools/c", 0o644],
        ["tools/b/a", 0o755],
        ["tools/a", 0o600],
      ] as const) {
        writeFileSync(join(folder, name), name, { mode });
      }
      assert.deepEqual(
        await staged(async (staging) => {
          for (const path of ["tools/b", "tools"]) await addFolder(staging, folder, path);
          assert.deepEqual(
            staging.files.map(({ mode }) => mode),
            [0o755, 0o600, 0o644],
          );
        }),
        ["extra/tools/b/a", "extra/tools/a", "extra/tools/c"],
      );
      assert.deepEqual(await staged((staging) => addFile(staging, join(folder, "tools", "a"), "stack/x")), ["stack/x"]);
      await assert.rejects(
        staged((staging) => addFolder(staging, folder, "nowhere")),
        { message: "nowhere, which rewind:backups.extra names, is not there" },
      );
      symlinkSync("tools", join(folder, "link"));
      await assert.rejects(
        staged((staging) => addFolder(staging, folder, "link")),
        {
          message: "link is a link or no file; a backup holds files: leave it out of rewind:backups.extra",
        },
      );
    });

    it("L8 · of the records are the log, what has the stack's name, and the rows, but neither locks nor others", async () => {
      const records = join(folder, "records");
      mkdirSync(join(records, "rows"), { recursive: true });
      mkdirSync(join(records, "staging.folder"));
      const names = [
        "staging.jsonl",
        "staging.keys",
        "staging.jsonl.3.lock",
        "staging.x.partial",
        "prod.jsonl",
        "stagingx",
      ];
      for (const name of [...names, "rows/b.jsonl", "rows/a.jsonl", "rows/c.partial"])
        writeFileSync(join(records, name), "");
      const log = join(records, "staging.jsonl");
      const own = ["records/rows/a.jsonl", "records/rows/b.jsonl", "records/staging.jsonl", "records/staging.keys"];
      assert.deepEqual(await staged((staging) => addRecords(staging, log, "staging")), own);
      const elsewhere = await staged(async (staging) => {
        await addRecords(staging, log, "staging", Buffer.from("from a store"));
        assert.equal(readFileSync(join(staging.folder, "records/staging.jsonl"), "utf8"), "from a store");
      });
      assert.deepEqual(elsewhere.toSorted(), own);
      assert.deepEqual(await staged((staging) => addRecords(staging, join(folder, "none", "s.jsonl"), "s")), []);
      const nowhere = join(folder, "none", "s.jsonl");
      assert.deepEqual(await staged((staging) => addRecords(staging, nowhere, "s", Buffer.from("x"))), [
        "records/s.jsonl",
      ]);
      rmSync(join(records, "rows"), { recursive: true });
      assert.deepEqual(await staged((staging) => addRecords(staging, log, "staging")), own.slice(2));
    });

    const withLevel = (): string => {
      const records = join(folder, "records");
      mkdirSync(join(records, "leveldb", "deep"), { recursive: true });
      for (const name of ["CURRENT", "LOCK", "deep/LOCK", "deep/1.ldb"])
        writeFileSync(join(records, "leveldb", name), "1");
      return join(records, "s.jsonl");
    };
    const copied = ["records/leveldb/CURRENT", "records/leveldb/deep/1.ldb"];

    it("L8 · of a LevelDB are copied again while somebody writes, or takes a file away meanwhile", async () => {
      const log = withLevel();
      const waits = mock.method(timers, "setTimeout", () => Promise.resolve());
      const real = fs.cpSync;
      let rounds = 0;
      mock.method(fs, "cpSync", (...args: Parameters<typeof real>) => {
        rounds += 1;
        if (rounds === 1) failWith("ENOENT")();
        real(...args);
        if (rounds === 2) writeFileSync(join(folder, "records", "leveldb", "CURRENT"), "longer");
        if (rounds === 3) writeFileSync(join(folder, "records", "leveldb", "deep", "2.ldb"), "");
      });
      const paths = await staged(async (staging) => {
        await addRecords(staging, log, "s");
        assert.equal(readFileSync(join(staging.folder, "records/leveldb/CURRENT"), "utf8"), "longer");
      });
      assert.deepEqual(paths.toSorted(), [...copied, "records/leveldb/deep/2.ldb"]);
      assert.deepEqual(
        waits.mock.calls.map(({ arguments: [pause] }) => pause),
        [100, 100, 100],
      );
      assert.ok(!readdirSync(folder).some((name) => name.startsWith("level.partial")));
    });

    it("L8 · of a LevelDB in which somebody writes all the time are not copied, nor where it cannot be read", async () => {
      const log = withLevel();
      const waits = mock.method(timers, "setTimeout", () => Promise.resolve());
      const copying = mock.method(fs, "cpSync", failWith("ENOENT"));
      await assert.rejects(
        staged((staging) => addRecords(staging, log, "s")),
        {
          message: `somebody writes in ${join(folder, "records", "leveldb")} all the time`,
        },
      );
      assert.deepEqual([copying.mock.callCount(), waits.mock.callCount()], [50, 49]);
      copying.mock.mockImplementation(failWith("EIO"));
      await assert.rejects(
        staged((staging) => addRecords(staging, log, "s")),
        /EIO/,
      );
      assert.ok(!readdirSync(folder).some((name) => name.startsWith("level.partial")));
    });

    it("of a LevelDB are all but its lock, which whoever closes it would let go of", () => {
      assert.deepEqual(["a/LOCK", "LOCK", "a/LOCK/b", "LOCKS"].map(isNoLock), [false, false, true, true]);
    });
  });

  describe("as they are put into their place", () => {
    const kinds = async (act: () => void): Promise<string> => {
      const disk = new Disk(folder);
      await disk.during(act);
      return disk.steps.map(({ kind }) => kind).join(" ");
    };

    it("are on the disk before what was there goes, which goes last of all", async () => {
      mkdirSync(join(folder, "from"));
      mkdirSync(join(folder, "to"));
      writeFileSync(join(folder, "from", "a"), "new");
      writeFileSync(join(folder, "to", "a"), "old");
      assert.equal(
        await kinds(() => {
          intoPlace(join(folder, "from"), join(folder, "to"));
        }),
        "make make write sync sync move move sync sync move sync unname unname",
      );
      assert.equal(readFileSync(join(folder, "to", "a"), "utf8"), "new");
      const file = join(folder, "deep", "file");
      assert.equal(
        await kinds(() => {
          intoPlace(join(folder, "from", "a"), file, (coming) => {
            assert.equal(dirname(coming), dirname(file));
            writeFileSync(coming, "prepared");
          });
        }),
        "make make write cut write sync move sync",
      );
      assert.equal(readFileSync(file, "utf8"), "prepared");
    });

    it("leave a folder as it was where the other cannot take its place, and nothing beside it", () => {
      mkdirSync(join(folder, "from"));
      mkdirSync(join(folder, "to"));
      writeFileSync(join(folder, "to", "a"), "old");
      const real = renameSync;
      mock.method(fs, "renameSync", (from: string, to: string) => {
        if (from.endsWith(".restoring")) failWith("EIO")();
        real(from, to);
      });
      const putting = (name: string) => () => {
        intoPlace(join(folder, "from"), join(folder, name));
      };
      assert.throws(putting("to"), /EIO/);
      assert.equal(readFileSync(join(folder, "to", "a"), "utf8"), "old");
      assert.deepEqual(readdirSync(folder).sort(), ["from", "to"]);
      writeFileSync(join(folder, "file"), "old");
      assert.throws(() => {
        intoPlace(join(folder, "to", "a"), join(folder, "file"));
      }, /EIO/);
      assert.equal(readFileSync(join(folder, "file"), "utf8"), "old");
      assert.deepEqual(readdirSync(folder).sort(), ["file", "from", "to"]);
    });

    it("leave nothing beside it when the disk fails: the backup has them", () => {
      mkdirSync(join(folder, "from"));
      mock.method(fs, "renameSync", failWith("EIO"));
      assert.throws(() => {
        intoPlace(join(folder, "from"), join(folder, "to"));
      }, /EIO/);
      assert.deepEqual(readdirSync(folder), ["from"]);
    });

    it("come into a folder that was not there", () => {
      writeFileSync(join(folder, "from"), "a");
      intoPlace(join(folder, "from"), join(folder, "deep", "to"));
      assert.deepEqual(readdirSync(join(folder, "deep")), ["to"]);
    });

    it("give way to what was there where they never came, and what is beside it goes", () => {
      for (const name of ["to.01234567.before", "to.01234567.restoring", "to.89abcdef.gone", "to.mine.before"]) {
        mkdirSync(join(folder, name));
      }
      writeFileSync(join(folder, "to.01234567.before", "a"), "was");
      settle(join(folder, "to"));
      assert.deepEqual(readdirSync(folder).sort(), ["to", "to.mine.before"]);
      assert.equal(readFileSync(join(folder, "to", "a"), "utf8"), "was");
    });
  });

  describe("as they are encrypted", () => {
    type Member = Partial<Header> & { readonly name: string; readonly text?: string };
    const archiveOf = async (members: readonly Member[]): Promise<Buffer> => {
      const archive = pack();
      for (const { text = "", ...header } of members) archive.entry(header, text);
      archive.finalize();
      const chunks: Buffer[] = [];
      for await (const chunk of archive) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    };
    async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += length) {
        await timers.setImmediate();
        yield bytes.subarray(at, at + length);
      }
    }
    const keys = async () => {
      const identity = await generateIdentity();
      const file = join(folder, `key-${randomBytes(4).toString("hex")}`);
      writeFileSync(file, ` ${identity} \n`);
      return { identity, file, recipient: await identityToRecipient(identity) };
    };

    it("say no more than how much is encrypted, and whoever has a key of several opens them", async () => {
      const [one, other] = [await keys(), await keys()];
      const contents = { "stack/a": "one", "rows/b": "x".repeat(3_000_000) };
      const { place, manifest } = await writeBackup(all, facts, holding(contents), [one.recipient, other.recipient]);
      assert.deepEqual(
        manifest.files.map(({ path }) => path),
        ["backup.tar.age"],
      );
      assert.deepEqual([manifest.sealed, manifest.parts], [{ bytes: 3_000_003 }, ["stack", "rows"]]);
      for (const { file } of [one, other]) {
        const read = await withOpened(readable(place), file, (plain) => {
          assert.equal(plain.id, id);
          assert.deepEqual(problemsOf(plain), []);
          assert.equal(statSync(plain.place).mode & 0o777, 0o700);
          assert.equal(statSync(join(plain.place, "stack")).mode & 0o777, 0o700);
          assert.equal(statSync(join(plain.place, "stack/a")).mode & 0o777, 0o600);
          return Promise.resolve(readFileSync(join(plain.place, "rows/b"), "utf8"));
        });
        assert.equal(read, contents["rows/b"]);
      }
      assert.deepEqual(readdirSync(all), [id]);
    });

    it("or not, are handed to whoever works with them; those that are not, as they lie there", async () => {
      const backup = await made(few);
      assert.equal(await withOpened(backup, undefined, (each) => Promise.resolve(each)), backup);
    });

    it("are not opened without a key, with another's, or where they are no such backup", async () => {
      const { file, recipient, identity } = await keys();
      const write = async (at: string, stack = "staging") =>
        readable((await writeBackup(all, { ...facts, at, stack }, holding(few), [recipient])).place);
      const backup = await write(facts.at);
      const opening = (key: string | undefined, each = backup) => withOpened(each, key, () => assert.fail());
      const none = `${id} is encrypted, and no key was given`;
      await assert.rejects(opening(undefined), (error) => error instanceof Unopened && error.message === none);
      await assert.rejects(opening((await keys()).file), /^Unopened: backup\.tar\.age cannot be opened: no identity/);
      for (const other of [await write("2026-11-22T15:00:00.000Z"), await write(facts.at, "prod")]) {
        writeFileSync(join(backup.place, "backup.tar.age"), readFileSync(join(other.place, "backup.tar.age")));
        await assert.rejects(opening(file), { name: "Unopened", message: "what is encrypted is another backup" });
      }
      assert.equal(readdirSync(all).filter((name) => name.includes("partial")).length, 0);
      const into = mkdtempSync(join(folder, "into-"));
      await assert.rejects(unseal(folder, [identity], into), /^Unopened: backup\.tar\.age cannot be opened: ENOENT/);
    });

    it("are refused where what was decrypted is no archive of a backup, or none at all", async () => {
      const { file, recipient, identity } = await keys();
      const backup = readable((await writeBackup(all, facts, holding(few), [recipient])).place);
      const { Encrypter } = await import("age-encryption");
      const encrypt = async (members: readonly Member[]): Promise<void> => {
        const encrypter = new Encrypter();
        encrypter.addRecipient(recipient);
        const bytes = await encrypter.encrypt(new Uint8Array(await archiveOf(members)));
        writeFileSync(join(backup.place, "backup.tar.age"), bytes);
      };
      const opening = () => withOpened(backup, file, () => assert.fail());
      await encrypt([{ name: "stack/a", text: "one" }]);
      await assert.rejects(opening(), /^Unopened: no BACKUP_MANIFEST\.json and no SHA256SUMS$/);
      await encrypt([{ name: "../a" }]);
      await assert.rejects(
        opening(),
        /^Unopened: it holds "\.\.\/a", which leads out of the backup or is no part of one$/,
      );
      assert.deepEqual(identitiesIn(file), [identity]);
      assert.deepEqual(readdirSync(all), [id]);
    });

    it("are not made where a file that was staged cannot be read any more", async () => {
      const { recipient } = await keys();
      const losing: Fill = async (staging) => {
        await staging.add("stack/a", "one");
        rmSync(join(staging.folder, "stack/a"));
        return undefined;
      };
      await assert.rejects(writeBackup(all, facts, losing, [recipient]), /ENOENT/);
      await assert.rejects(writeBackup(all, facts, holding(few), ["nobody"]), /recipient/);
      assert.deepEqual(readdirSync(all), []);
    });

    it("have keys on lines of their own, between comments and empty ones", () => {
      const file = join(folder, "keys");
      writeFileSync(file, "# one\n\n  AGE-1  \nAGE-2\n#AGE-3");
      assert.deepEqual(identitiesIn(file), ["AGE-1", "AGE-2"]);
    });

    it("are unpacked in whatever pieces they come, and no further than to what is refused", async () => {
      const text = randomBytes(100_000).toString("hex");
      const bytes = await archiveOf([
        { name: "stack/deep/", type: "directory" },
        { name: "stack/deep/a", text },
        { name: "BACKUP_MANIFEST.json", text: "{}" },
        { name: "checksums/SHA256SUMS", text: "" },
      ]);
      for (const length of [100, 65_536, bytes.length]) {
        const into = mkdtempSync(join(folder, "into-"));
        await unpack(inPieces(bytes, length), into, { files: 3, bytes: text.length + 2 });
        assert.equal(readFileSync(join(into, "stack/deep/a"), "utf8"), text);
        assert.deepEqual(readdirSync(into).sort(), ["BACKUP_MANIFEST.json", "checksums", "stack"]);
      }
      for (const limits of [
        { files: 3, bytes: text.length + 1 },
        { files: 2, bytes: text.length + 2 },
      ]) {
        const into = mkdtempSync(join(folder, "into-"));
        await assert.rejects(unpack(inPieces(bytes, 4_096), into, limits), /^Unopened: it holds more than/);
      }
      const hostile = await archiveOf([
        { name: "x".repeat(90), text: text.repeat(4) },
        { name: "stack/a", text },
      ]);
      const into = mkdtempSync(join(folder, "into-"));
      let given = 0;
      const counted = (async function* () {
        for await (const piece of inPieces(hostile, 4_096)) {
          given += piece.length;
          yield piece;
        }
      })();
      await assert.rejects(unpack(counted, into, { files: 9, bytes: 9_999_999 }), /is no part of one/);
      assert.ok(given < hostile.length, "the rest is not asked for");
      assert.deepEqual(readdirSync(into), []);
    });

    it("are refused with the word of whoever could not read them on", async () => {
      const bytes = await archiveOf([{ name: "stack/a", text: "x".repeat(5_000) }]);
      const broken = (async function* () {
        yield bytes.subarray(0, 2_000);
        await timers.setImmediate();
        throw new Error("the disk is gone");
      })();
      const into = mkdtempSync(join(folder, "into-"));
      await assert.rejects(unpack(broken, into, { files: 9, bytes: 9_999 }), /the disk is gone/);
    });
  });

  describe("as they are copied to an object store", () => {
    const store = (spoil: (key: string, bytes: Buffer) => Buffer | undefined = (_, bytes) => bytes) => {
      const objects = new Map<string, Buffer>();
      const send = async ({
        constructor,
        input,
      }: {
        constructor: { name: string };
        input: Record<string, unknown>;
      }) => {
        const key = `${String(input.Bucket)}:${String(input.Key)}`;
        if (constructor.name === "PutObjectCommand") {
          const chunks: Buffer[] = [];
          const body = Buffer.isBuffer(input.Body) ? [input.Body] : (input.Body as AsyncIterable<Buffer>);
          for await (const chunk of body) chunks.push(chunk);
          objects.set(key, Buffer.concat(chunks));
          assert.equal(input.ContentLength, objects.get(key)?.length);
          return {};
        }
        const there = spoil(key, objects.get(key) ?? assert.fail(key));
        return there === undefined ? {} : { Body: [there.subarray(0, 1), there.subarray(1)] };
      };
      return { objects, client: { send } as unknown as S3Client };
    };
    const to = { bucket: "copies", prefix: "a/b" };

    it("L8 · are all there with their bytes, the manifest last, and read back", async () => {
      const backup = await made({
        ...few,
        "extra/big": "x".repeat(1 << 20),
        "extra/less": "y".repeat((1 << 20) - 1),
        "extra/none": "",
      });
      const { objects, client } = store();
      assert.equal(await copyBackup(client, to, backup), `s3://copies/a/b/${id}`);
      const paths = [...backup.files.map(({ stored }) => stored), "checksums/SHA256SUMS", "BACKUP_MANIFEST.json"];
      assert.deepEqual(
        [...objects],
        paths.map((path) => [`copies:a/b/${id}/${path}`, readFileSync(join(backup.place, path))]),
      );
    });

    it("L8 · are no copy where the store has other bytes, or none, of any of them", async () => {
      const backup = await made(few);
      for (const path of ["stack/a", "checksums/SHA256SUMS"]) {
        for (const bytes of [Buffer.from("other"), undefined]) {
          const { objects, client } = store((key, there) => (key.endsWith(path) ? bytes : there));
          await assert.rejects(copyBackup(client, to, backup), {
            message: `the store has other bytes of ${path} than were sent`,
          });
          assert.ok(!objects.has(`copies:a/b/${id}/BACKUP_MANIFEST.json`));
        }
      }
    });

    it("L8 · are refused before they are sent where the store does not take one that long", async () => {
      const backup = await made(few);
      const most = 5 * 1024 ** 3;
      const { objects, client } = store();
      mock.method(fs, "statSync", () => ({ size: most + 1 }));
      await assert.rejects(copyBackup(client, to, backup), {
        message: `stack/a has ${most + 1} bytes, and a store takes ${most} in one piece`,
      });
      assert.equal(objects.size, 0);
      assert.ok(existsSync(backup.place));
    });
  });
});
