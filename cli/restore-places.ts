import { join } from "node:path";
import { projectIn, stackFileOf } from "../project/project";
import { foreignIn, namesOf } from "../recovery/backups/allowed";
import type { Backup } from "../recovery/backups/read";
import type { BackupPart } from "../release/backup-manifest";
import { recordsFolder } from "../release/schema/store";
import type { StackBackups } from "./backup-list";
import { listed } from "./backup-proof";
import { refuseLinksOut, refusePlaces } from "./restore-write";
import { Refusal } from "./result";
import type { OpenedStack } from "./stack";

/**
 * Refuses a backup with anything in the wanted parts that does not belong to the stack.
 * @param extra what `rewind:backups.extra` names now
 */
export function refuseForeign(
  { stack, folder }: Pick<StackBackups, "stack" | "folder">,
  plain: Backup,
  parts: readonly BackupPart[],
  extra: readonly string[],
): void {
  const project = projectIn(folder);
  const stackFiles = namesOf([stackFileOf(project, stack), project.file]);
  const foreign = foreignIn(plain.files, parts, { stack, stackFiles, extra });
  if (foreign.length === 0) return;
  throw new Refusal(
    `${plain.id} holds what does not belong to ${stack}: ${listed(foreign)}; nothing was touched`,
    parts.includes("extra") ? "rewind:backups.extra, which names folders that come back, or --part" : "--part",
  );
}

/** Refuses to write through links, and over code. */
export function refuseTargets(
  { file, folder, settings }: OpenedStack,
  plain: Backup,
  parts: readonly BackupPart[],
): void {
  if (parts.includes("stack")) refuseLinksOut(folder, [file, projectIn(folder).file]);
  const below = (part: BackupPart): string[] =>
    plain.files.flatMap(({ path }) => (path.startsWith(`${part}/`) ? [path.slice(part.length + 1)] : []));
  if (parts.includes("extra")) refusePlaces(folder, below("extra"));
  // The folder itself may lie elsewhere: the stack file names it.
  if (parts.includes("records"))
    refusePlaces(join(folder, recordsFolder(settings.environment.records)), below("records"));
}
