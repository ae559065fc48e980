import { relative } from "node:path";
import { backupsIn, isReadable, type Backup, type Unreadable } from "../recovery/backups/read";
import { problemsOf } from "../recovery/backups/verify";
import { ageAt } from "../release/backups";
import { backupsOf } from "./backup-place";
import type { Finding } from "./look";
import { duration } from "./report";

/**
 * Whether the newest backup of a stack is still what was written: every file of it hashes to what its sums say. None at
 * all is `inconclusive`: there is nothing to prove, and a rollback makes one first.
 * @param folder the project's
 */
export function proveNewestBackup(folder: string, stack: string, now: Date): Finding {
  const [newest] = backupsIn(backupsOf(folder, stack));
  if (newest === undefined) return { result: "inconclusive", evidence: "none yet; a rollback makes one first" };
  const shown = relative(folder, newest.place);
  const problems = problemsIn(newest);
  const age = isReadable(newest) ? `, ${ageOf(ageAt(newest.at, now))} old` : "";
  if (isReadable(newest) && problems.length === 0) {
    return { result: "passed", evidence: `${shown}: ${newest.files.length} files are whole${age}` };
  }
  return {
    result: "failed",
    evidence: `${shown}${age}, is corrupt: ${listed(problems)}`,
    next: `mv ${shown} ${shown}.corrupt, when you have seen why; the next rollback makes a new one`,
  };
}

/** Everything that is wrong with a backup, also where it cannot be read at all. */
export function problemsIn(backup: Backup | Unreadable): string[] {
  return isReadable(backup) ? problemsOf(backup) : [backup.reason];
}

/** Problems in one line, five of them at most. */
export function listed(problems: readonly string[]): string {
  const more = problems.length > 5 ? [`and ${problems.length - 5} more`] : [];
  return [...problems.slice(0, 5), ...more].join("; ");
}

/** How old something is, for people. */
export function ageOf(milliseconds: number): string {
  const hours = Math.floor(milliseconds / 3_600_000);
  if (hours < 1) return duration(Math.max(0, milliseconds));
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
