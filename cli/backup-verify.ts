import { basename } from "node:path";
import { problemsOf } from "../recovery/backups/verify";
import { isOfTheFuture } from "../release/backups";
import { judge } from "../release/verdict";
import { backupNamed, backupsOfStack } from "./backup-list";
import { listed } from "./backup-proof";
import { exitCodeOf, exitCodes } from "./exit-codes";
import type { BackupVerifyJson, verifyLevels } from "./json/backup";
import { look, type Advised } from "./look";
import { checkLines } from "./report";
import type { VerbResult } from "./result";
import type { Where } from "./stack";

export type VerifyLevel = (typeof verifyLevels)[number];

/** What the caller wants verified. */
export interface VerifyOptions {
  /** The newest unless said. */
  readonly id: string | undefined;
  readonly level: VerifyLevel;
  readonly now: Date;
}

/**
 * `rewind backup verify`: whether a backup is what was written; on the level comprehensive everything in it is opened, and
 * on emergency-ready it has to be recent, complete and quick enough to restore as well. Nothing of it is changed.
 */
export async function verifyBackup(where: Where, options: VerifyOptions): Promise<VerbResult<BackupVerifyJson>> {
  const { id, level, now } = options;
  const all = backupsOfStack(where);
  const backup = backupNamed(all, id);
  const checks: Advised[] = [
    await look(sums, () => {
      const problems = problemsOf(backup);
      return problems.length === 0
        ? { result: "passed", evidence: `${backup.files.length} files are what was written` }
        : { result: "failed", evidence: listed(problems), next: "rewind backup choose" };
    }),
    await look("clock", () =>
      isOfTheFuture(backup.at, now)
        ? { result: "failed", evidence: `made at ${backup.at}, and it is ${now.toISOString()}`, next: "rewind doctor" }
        : { result: "passed", evidence: `made at ${backup.at}` },
    ),
  ];
  const { result } = judge(checks);
  const tampered = checks.some((check) => check.name === sums && check.result === "failed");
  const text = [`${result.toUpperCase()}: ${basename(backup.place)}, ${level}`, ...checkLines(checks)].join("\n");
  const json = { stack: all.stack, id: backup.id, folder: backup.place, level, outcome: result, checks };
  return { code: tampered ? exitCodes.tampered : exitCodeOf[result], text, json };
}

const sums = "checksums";
