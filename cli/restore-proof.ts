import { Unopened } from "../recovery/backups/archive";
import { openJson, openLevels, openLogs } from "../recovery/backups/contents";
import { withOpened } from "../recovery/backups/opened";
import type { Witnesses } from "../recovery/backups/provenance";
import type { Backup } from "../recovery/backups/read";
import { problemsOf } from "../recovery/backups/verify";
import type { BackupPart } from "../release/backup-manifest";
import { choose, isOfTheFuture } from "../release/backups";
import { backupNamed, candidatesOf, type StackBackups } from "./backup-list";
import { listed } from "./backup-proof";
import type { Trust } from "./backup-witnesses";
import { Refusal } from "./result";

interface ChosenOptions extends Trust {
  readonly id: string | undefined;
  readonly parts: readonly BackupPart[];
  readonly now: Date;
}

/**
 * The backup that is named, or else the one that `rewind backup choose` would choose.
 * @throws Refusal when there is none
 */
export function chosenBackup(
  all: StackBackups,
  { id, parts, now, unproven }: ChosenOptions,
  witnesses: Witnesses,
): Backup {
  if (id !== undefined || all.backups.length === 0) return backupNamed(all, id);
  const found = choose(
    candidatesOf(all.backups, witnesses, () => unproven),
    { wanted: parts, now },
  ).find((each) => each.chosen);
  if (found === undefined) throw new Refusal("no backup fits; nothing was touched", "rewind backup choose");
  return backupNamed(all, found.id);
}

/** Refuses a backup of another stack, one that is not what was written, and one that is newer than the clock. */
export function refuseUnfit(stack: string, backup: Backup, now: Date): void {
  refuseOtherStack(stack, backup);
  const problems = problemsOf(backup);
  if (problems.length > 0) {
    const what = `${backup.id} is not what was written: ${listed(problems)}; nothing was touched`;
    throw new Refusal(what, "rewind backup choose", "tampered");
  }
  if (isOfTheFuture(backup.at, now)) {
    throw new Refusal(`${backup.id} was made at ${backup.at}, and it is ${now.toISOString()}`, "rewind doctor");
  }
}

/** Refuses a backup of another stack. */
export function refuseOtherStack(stack: string, { id, manifest }: Backup): void {
  if (manifest === undefined || manifest.stack === stack) return;
  throw new Refusal(`${id} is a backup of ${manifest.stack}, not of ${stack}`, "rewind backup choose");
}

/** Refuses a backup in which something cannot be opened. */
export async function refuseUnreadable(plain: Backup): Promise<void> {
  const found = [{ problems: problemsOf(plain) }, await openJson(plain), openLogs(plain), await openLevels(plain)];
  const problems = found.flatMap((each) => each.problems);
  if (problems.length === 0) return;
  throw new Refusal(`${plain.id}: ${listed(problems)}; nothing was touched`, "rewind backup choose", "tampered");
}

/**
 * Runs something with a backup that can be read.
 * @throws Refusal when it is encrypted and cannot be opened
 */
export async function opened<T>(
  backup: Backup,
  identity: string | undefined,
  work: (plain: Backup) => Promise<T>,
): Promise<T> {
  try {
    return await withOpened(backup, identity, work);
  } catch (error) {
    if (!(error instanceof Unopened)) throw error;
    throw new Refusal(`${error.message}; nothing was touched`, "--identity <the file with the key of age>");
  }
}
