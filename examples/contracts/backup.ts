import { createReadStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn, isReadable, type Backup, type Unreadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup, type Written } from "../../recovery/backups/write";
import type { Occasion } from "../../release/backup-manifest";
import { digestOf } from "../../release/canonical";
import { copyFolder, filesBelow } from "./folders";
import { levelIn, readAll, storeOf, type Home } from "./home";
import { validate, type Finding } from "./validate";

/** What a backup holds, each under its path of the home folder. */
const kept = ["leveldb", "deployments"] as const;

/** Backs up both stores and the archive, whatever state they are in. */
export function backUp(home: Home, occasion: Occasion, name: string, now: Date): Promise<Written> {
  const facts = { stack: "contracts", at: now.toISOString(), occasion, name };
  const pinned = { release: "contracts", digest: digestOf([]) };
  return writeBackup(home.backups, { ...facts, pinned }, async (staging) => {
    for (const part of kept) {
      for (const path of filesBelow(home.at(part))) {
        await staging.add(`records/${part}/${path}`, createReadStream(home.at(part, path)) as AsyncIterable<Buffer>);
      }
    }
    return undefined;
  });
}

/** A backup, and what is wrong with it; nothing when LevelDB can be restored from it. */
export interface Assessed {
  readonly backup: Backup | Unreadable;
  readonly problems: readonly string[];
  readonly findings: readonly Finding[];
}

/** Looks into a backup as closely as can be: its sums, and the LevelDB in it, opened from a copy. */
export async function assessBackup(backup: Backup | Unreadable, now: Date): Promise<Assessed> {
  if (!isReadable(backup)) return { backup, problems: [backup.reason], findings: [] };
  const problems = problemsOf(backup);
  if (!existsSync(levelOf(backup))) problems.push("it has no LevelDB");
  if (problems.length > 0) return { backup, problems, findings: [] };
  const findings = await findingsIn(levelOf(backup), now);
  return { backup, problems: findings.map(({ message }) => message), findings };
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

/**
 * The backup to go back to, in the plan's order: those made when records were migrated, the newest first, then others.
 * @param tell hears of each that was passed over, and why
 */
export async function chooseBackup(
  home: Home,
  now: Date,
  tell: (line: string) => void,
): Promise<Backup | undefined> {
  const all = backupsIn(home.backups);
  const preferred = [...all].sort((a, b) => rankOf(a) - rankOf(b));
  for (const backup of preferred) {
    const { problems } = await assessBackup(backup, now);
    if (problems.length === 0 && isReadable(backup)) return backup;
    tell(`Passed over backup ${backup.id}: ${problems.slice(0, 3).join("; ")}`);
  }
  return undefined;
}

const rankOf = (backup: Backup | Unreadable): number =>
  isReadable(backup) && backup.occasion === "conversion" ? 0 : 1;
