import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, isReadable, type Backup, type Unreadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup, type Written } from "../../recovery/backups/write";
import type { Occasion } from "../../release/backup-manifest";
import { digestOf } from "../../release/canonical";
import { artifacts } from "./chain/artifacts";
import { copyFolder, filesBelow } from "./folders";
import { levelIn, readAll, type Home } from "./home";
import { lineOf } from "./inspect";
import { validate, type Finding } from "./validate";

/** What a backup holds, each under its path of the home folder. */
const kept = ["leveldb", "deployments"] as const;

/** Backs up both stores and the archive, whatever state they are in. */
export function backUp(home: Home, occasion: Occasion, name: string, now: Date): Promise<Written> {
  const facts = { stack: "contracts", at: now.toISOString(), occasion, name };
  // What the records are of: the code that was deployed.
  const pinned = { release: "contracts", digest: digestOf(artifacts()) };
  return writeBackup(home.backups, { ...facts, pinned }, async (staging) => {
    for (const part of kept) {
      for (const path of filesBelow(home.at(part))) {
        await staging.add(`records/${part}/${path}`, createReadStream(home.at(part, path)) as AsyncIterable<Buffer>);
      }
    }
    return undefined;
  });
}

/**
 * Everything that is wrong with a backup: its sums, and the records of the LevelDB in it. That it has not all contracts is
 * no fault of a backup that was made before the last one was deployed.
 */
export async function problemsOfBackup(backup: Backup | Unreadable, now = new Date()): Promise<string[]> {
  if (!isReadable(backup)) return [backup.reason];
  const problems = problemsOf(backup);
  if (problems.length > 0) return problems;
  if (!existsSync(levelOf(backup))) return ["it has no LevelDB"];
  const findings = await findingsIn(levelOf(backup), now);
  return findings.filter(({ aspect }) => aspect !== "counts").map(lineOf);
}

/** Where the LevelDB of a backup is. */
export const levelOf = (backup: Backup): string => join(backup.place, "records", "leveldb");
export const deploymentsOf = (backup: Backup): string => join(backup.place, "records", "deployments");

/** What is wrong with the records of a LevelDB folder. It is opened from a copy: LevelDB writes when it is opened. */
export async function findingsIn(level: string, now: Date): Promise<Finding[]> {
  const copy = mkdtempSync(join(tmpdir(), "contracts-"));
  try {
    copyFolder(level, join(copy, "leveldb"));
    return validate(await readAll(levelIn(copy)), now);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The backups in the plan's order: those made when records were migrated, the newest first, then others. */
export function backupsInOrder(home: Home): (Backup | Unreadable)[] {
  return backupsIn(home.backups).sort((a, b) => rankOf(a) - rankOf(b));
}

const rankOf = (backup: Backup | Unreadable): number =>
  isReadable(backup) && backup.occasion === "conversion" ? 0 : 1;
