import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, isReadable, type Backup, type Unreadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup, type Fill, type Written } from "../../recovery/backups/write";
import type { Json } from "../../records/store";
import type { Occasion } from "../../release/backup-manifest";
import { backupObjectives, choose, qualityOf, unfitFor, type Candidate } from "../../release/backups";
import { digestOf } from "../../release/canonical";
import { artifacts } from "./chain/artifacts";
import { copyFolder, filesBelow } from "./folders";
import { isReadable as isStoreReadable, levelIn, readAll, type Home } from "./home";
import { lineOf } from "./inspect";
import { validate, type Read } from "./validate";

/** Backs up both stores and the archive, whatever state they are in. */
export async function backUp(home: Home, occasion: Occasion, name: string, now: Date): Promise<Written> {
  const snapshot = mkdtempSync(join(tmpdir(), "contracts-"));
  try {
    const level = await levelSnapshot(home, snapshot);
    // What the records are of: the code that was deployed.
    const pinned = { release: "contracts", digest: digestOf(artifacts()) };
    const facts = { stack: "contracts", at: now.toISOString(), occasion, name, pinned };
    return await writeBackup(home.backups, facts, async (staging) => {
      await addFolder(staging, level, "leveldb");
      await addFolder(staging, home.at("deployments"), "deployments");
      return undefined;
    });
  } finally {
    rmSync(snapshot, { recursive: true, force: true });
  }
}

/** A LevelDB that nobody else opens meanwhile, with the same records; the files as they are where it cannot be read. */
async function levelSnapshot(home: Home, into: string): Promise<string> {
  const store = levelIn(home.folder);
  if (!existsSync(home.leveldb) || !(await isStoreReadable(store))) return home.leveldb;
  for (const [network, records] of await readAll(store)) {
    if (!(records instanceof Error))
      await levelIn(into)
        .collection(network)
        .write(records as Map<string, Json>);
  }
  return join(into, "leveldb");
}

async function addFolder(staging: Parameters<Fill>[0], folder: string, name: string): Promise<void> {
  for (const path of filesBelow(folder)) {
    await staging.add(`records/${name}/${path}`, createReadStream(join(folder, path)) as AsyncIterable<Buffer>);
  }
}

/**
 * Everything that is wrong with a backup: its sums, and the records of the LevelDB in it. That it has not all contracts is
 * no fault of a backup that was made before the last one was deployed.
 */
async function problemsOfBackup(backup: Backup, now: Date): Promise<string[]> {
  const problems = problemsOf(backup);
  if (problems.length > 0) return problems;
  if (!existsSync(levelOf(backup))) return ["it has no LevelDB"];
  const findings = validate(await readLevelOf(backup), now);
  return findings.filter(({ aspect }) => aspect !== "counts").map(lineOf);
}

/** Where the LevelDB of a backup is. */
const levelOf = (backup: Backup): string => join(backup.place, "records", "leveldb");
export const deploymentsOf = (backup: Backup): string => join(backup.place, "records", "deployments");

/** What a LevelDB folder holds. It is opened from a copy: LevelDB writes when it is opened. */
export async function readLevel(level: string): Promise<Read> {
  const copy = mkdtempSync(join(tmpdir(), "contracts-"));
  try {
    copyFolder(level, join(copy, "leveldb"));
    return await readAll(levelIn(copy));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** What the LevelDB of a backup holds. */
export const readLevelOf = (backup: Backup): Promise<Read> => readLevel(levelOf(backup));

/** A backup, and how good it is. */
export interface Judged {
  readonly backup: Backup | Unreadable;
  /** What speaks against restoring LevelDB from it; undefined when nothing does. */
  readonly against: string | undefined;
  /** Of 100; 0 for one that cannot be read. */
  readonly score: number;
}

/** How old a backup may be before its score falls. */
const objectives = backupObjectives(undefined);

/** All backups in the order in which they are chosen: those made when records were migrated first, the newest of them. */
export async function backupsInOrder(home: Home, now: Date): Promise<Judged[]> {
  const all = backupsIn(home.backups);
  const readable = all.filter(isReadable);
  const candidates = new Map<string, Candidate>();
  for (const each of readable) candidates.set(each.id, await candidateOf(each, now));
  const judged = choose([...candidates.values()], { wanted: ["records"], now }).flatMap(({ id }): Judged[] => {
    const [backup, candidate] = [readable.find((each) => each.id === id), candidates.get(id)];
    if (backup === undefined || candidate === undefined) return [];
    const facts = { expected: ["records" as const], objectives, now };
    const { score } = qualityOf(candidate, [...candidates.values()], facts);
    return [{ backup, against: unfitFor(candidate, ["records"], now), score }];
  });
  const others = all.flatMap((backup) => (isReadable(backup) ? [] : [{ backup, against: backup.reason, score: 0 }]));
  return [...judged, ...others];
}

async function candidateOf(backup: Backup, now: Date): Promise<Candidate> {
  const { id, at, occasion, parts, files } = backup;
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  return { id, at, occasion, parts, bytes, problems: await problemsOfBackup(backup, now) };
}
