import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { backupsIn, isReadable, type Backup, type Unreadable } from "../recovery/backups/read";
import { provenanceOf, type Provenance, type Witnesses } from "../recovery/backups/provenance";
import type { Candidate } from "../release/backups";
import { backupsOf } from "./backup-place";
import { problemsIn } from "./backup-proof";
import { exitCodes } from "./exit-codes";
import type { BackupListJson } from "./json/backup";
import { Refusal, type VerbResult } from "./result";
import type { Where } from "./stack";
import { stackIn } from "./stack-file";

/** The backups of a stack, which may itself be lost. */
export interface StackBackups {
  readonly stack: string;
  readonly folder: string;
  /** Newest first. */
  readonly backups: readonly (Backup | Unreadable)[];
}

/**
 * Reads what there is of a stack's backups. It needs no stack file that can be read: that may be what was lost.
 * @throws Refusal when neither there is such a stack, nor backups of one
 */
export function backupsOfStack({ folder, stack }: Where): StackBackups {
  const known = stack !== undefined && existsSync(backupsOf(folder, stack));
  const name = known ? stack : stackIn(folder, stack).name;
  return { stack: name, folder, backups: backupsIn(backupsOf(folder, name)) };
}

/**
 * The backup that is meant: the newest where none is named.
 * @throws Refusal when there is none, or it is no backup
 */
export function backupNamed({ stack, backups }: StackBackups, id: string | undefined): Backup {
  const found = id === undefined ? backups[0] : backups.find((each) => each.id === id);
  if (found === undefined) {
    const listed = backups.slice(0, 5).map((each) => each.id);
    const what = id === undefined ? `${stack} has no backup` : `${stack} has no backup ${JSON.stringify(id)}`;
    throw new Refusal(
      listed.length === 0 ? what : `${what}; the newest are ${listed.join(", ")}`,
      listed.length === 0 ? "rewind backup create" : "rewind backup list",
    );
  }
  if (isReadable(found)) return found;
  throw new Refusal(`${found.id} is not what was written: ${found.reason}`, "rewind backup list", "tampered");
}

/** `rewind backup list`: what there is, as it says of itself; `verify` proves one, `quality` all. */
export function listBackups(where: Where): VerbResult<BackupListJson> {
  const { stack, backups } = backupsOfStack(where);
  const lines = backups.map((backup) => {
    if (!isReadable(backup)) return `${backup.id}  NOT A BACKUP: ${backup.reason}`;
    const { id, occasion, manifest, parts } = backup;
    const what = manifest?.name ?? (occasion === "request" ? "" : `before a ${occasion}`);
    const sealed = manifest?.sealed === undefined ? "" : "encrypted";
    const words = [id, manifest?.pinned?.release ?? "", shown(sizeOf(backup)), parts.join(" "), sealed, what];
    return words.filter((word) => word !== "").join("  ");
  });
  const json = {
    stack,
    backups: backups.map((backup) =>
      isReadable(backup) ? summaryOf(backup) : { id: backup.id, folder: backup.place, problem: backup.reason },
    ),
  };
  const none = `${stack} has no backup yet. Next: rewind backup create`;
  return { code: exitCodes.ok, text: lines.length === 0 ? none : lines.join("\n"), json };
}

/** A backup for machines. */
export function summaryOf(backup: Backup): Exclude<BackupListJson["backups"][number], { problem: string }> {
  const { id, place, at, occasion, parts, files, manifest } = backup;
  return {
    ...{ id, folder: place, at, occasion, parts, files: files.length, bytes: sizeOf(backup) },
    sealed: manifest?.sealed !== undefined,
    ...(manifest?.name === undefined ? {} : { name: manifest.name }),
    ...(manifest?.pinned === undefined ? {} : { release: manifest.pinned.release }),
  };
}

/** Every backup of a stack with all of its files hashed, and what proves who made it, for those who judge them. */
export function candidatesOf(
  backups: readonly (Backup | Unreadable)[],
  witnesses: Witnesses,
  accepts: (provenance: Provenance) => boolean = () => false,
): Candidate[] {
  return backups.filter(isReadable).map((backup) => {
    const provenance = provenanceOf(backup, witnesses);
    const unproven = provenance.by !== "nothing" || accepts(provenance) ? {} : { unproven: provenance.why };
    const { id, at, occasion, parts, manifest } = backup;
    const pinned = manifest?.pinned === undefined ? {} : { pinned: manifest.pinned };
    return { id, at, occasion, parts, bytes: sizeOf(backup), problems: problemsIn(backup), ...unproven, ...pinned };
  });
}

/** The bytes of what a backup holds; of an encrypted one, of what was encrypted. */
export function sizeOf({ manifest, files, place }: Backup): number {
  if (manifest?.sealed !== undefined) return manifest.sealed.bytes;
  const bytes = ({ bytes, stored }: Backup["files"][number]): number =>
    bytes ?? statSync(join(place, stored), { throwIfNoEntry: false })?.size ?? 0;
  return files.reduce((sum, file) => sum + bytes(file), 0);
}

/** Bytes, for people. */
export function shown(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
