import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { backUp } from "../../cli/backup";
import { verifyBackup, type VerifyOptions } from "../../cli/backup-verify";
import { restore, type RestoreOptions } from "../../cli/restore";
import { Refusal } from "../../cli/result";
import { open } from "../../cli/stack";
import { readStack } from "../../cli/stack-file";
import type { Entry } from "../../records/entry";
import { writeBackup, type Facts, type Fill } from "../../recovery/backups/write";
import type { BackupPart } from "../../release/backup-manifest";
import { lockedEngineIn } from "../cli/process";
import { freshCopies, type Copy } from "../cli/project";

const now = new Date("2026-11-22T15:00:00Z");

/** A staging stack with its engine, one declared folder `data`, and the means to put backups beside it. */
export interface BackupStack extends Copy {
  readonly backups: string;
  entries(): Entry[];
  /** Puts a backup there whose own sums are right, as anybody can who may write there. Returns its name. */
  forge(contents: Readonly<Record<string, string>>, more?: Partial<Forgery>): Promise<string>;
  restore(options: Partial<RestoreOptions>): ReturnType<typeof restore>;
  /** Makes a backup of its own, at a time; of every part where none is named. Returns its name. */
  make(at: string, ...parts: BackupPart[]): Promise<string>;
  verify(id: string, more?: Partial<VerifyOptions>): ReturnType<typeof verifyBackup>;
  /** Refused, with every file of the project as it was. */
  untouched(work: () => unknown, said: RegExp, kind?: string): Promise<void>;
  /** Everything in the project but backups and records, by path: what it is, its mode and its bytes. */
  everything(): Record<string, string>;
}

interface Forgery extends Facts {
  readonly modes: Readonly<Record<string, number>>;
  readonly bytes: Readonly<Record<string, Buffer>>;
}

/** A fresh stack before every test of the block that calls it. */
export function freshStacks(): () => BackupStack {
  const copy = freshCopies();
  const path = process.env.PATH;
  let stack: BackupStack | undefined;
  beforeEach(() => {
    const text = copy().text().replace("config:\n", "config:\n  rewind:backups: { extra: [data] }\n");
    writeFileSync(copy().file, text);
    put(copy().folder, { "data/kept.txt": "kept\n", "cli/main.ts": "// ours\n", "Pulumi.yaml": "name: rewind\n" });
    lockedEngineIn(copy().folder);
    process.env.PATH = `${join(copy().folder, "bin")}:${path ?? ""}`;
    stack = stackOf(copy());
  });
  afterEach(() => {
    process.env.PATH = path;
  });
  return () => stack!;
}

function stackOf(copy: Copy): BackupStack {
  const backups = join(copy.folder, ".rewind", "backups", "staging");
  return {
    ...copy,
    backups,
    entries: () => readStack(copy.where).log.entries(),
    forge: async (contents, { modes = {}, bytes = {}, ...more } = {}) => {
      const facts = { stack: "staging", at: "2026-11-21T15:00:00.000Z", occasion: "conversion", ...more } as const;
      const fill: Fill = async (staging) => {
        for (const [path, text] of Object.entries(contents)) await staging.add(path, text, modes[path]);
        for (const [path, each] of Object.entries(bytes)) await staging.add(path, Readable.from([each]));
        return undefined;
      };
      return (await writeBackup(backups, facts, fill)).id;
    },
    restore: (options) =>
      restore(copy.where, {
        ...{ id: undefined, parts: [], identity: undefined, unproven: false, agreed: "named" },
        ...{ confirm: undefined, tell: () => undefined, now: () => new Date(), signal: new AbortController().signal },
        ...options,
      } as RestoreOptions),
    make: async (at, ...parts) => {
      const opened = await open(copy.where);
      return (await backUp(opened, { occasion: "request", now: new Date(at), parts })).id;
    },
    verify: (id, more = {}) =>
      verifyBackup(copy.where, { id, level: "daily", identity: undefined, unproven: false, now, ...more }),
    untouched: async (work, said, kind = "refused") => {
      const before = treeOf(copy.folder);
      const refusal = await refusalOf(work);
      assert.match(refusal.message, said);
      assert.equal(refusal.kind, kind, refusal.message);
      assert.deepEqual(treeOf(copy.folder), before);
    },
    everything: () => treeOf(copy.folder),
  };
}

/** Writes files below a folder. */
export function put(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function treeOf(folder: string, below = ""): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    const stat = lstatSync(join(folder, path));
    if (/^\.rewind\/(?:backups|records)$/.test(path)) continue;
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) Object.assign(tree, treeOf(folder, path));
    else if (stat.isSymbolicLink()) tree[path] = `-> ${readlinkSync(join(folder, path))}`;
    else
      tree[path] = `${mode} ${createHash("sha256")
        .update(readFileSync(join(folder, path)))
        .digest("hex")}`;
  }
  return tree;
}

/** What a refusal says, and its kind; fails where nothing was refused. */
export async function refusalOf(work: () => unknown): Promise<Refusal> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof Refusal, String(error instanceof Error ? error.stack : error));
    return error;
  }
  return assert.fail("nothing was refused");
}
