import { basename, join } from "node:path";
import { placeOf } from "../records/place";
import type { CopyPlace } from "../recovery/backups/copy";
import type { Settings } from "../release/parse";
import { recordsFolder } from "../release/schema/store";
import { Refusal } from "./result";
import type { OpenedStack } from "./stack";

/** The folder of a stack's backups. */
export const backupsOf = (folder: string, stack: string): string => join(folder, ".rewind", "backups", stack);

/** The name that a stack file, or the project's file, has in a backup: its own, for the project may be YAML or JSON. */
export const inBackup = (file: string): string => `stack/${basename(file)}`;

/** The file of a stack's deployment log, among its records; of a log in another store, the one that a backup has. */
export function logFileOf(folder: string, stack: string, { environment }: Pick<Settings, "environment">): string {
  return join(folder, recordsFolder(environment.records), `${stack}.jsonl`);
}

/** Whether the records lie in a database server, and not in the folder of records. */
export const isOnServer = (folder: string, { environment }: Pick<Settings, "environment">): boolean =>
  "variable" in placeOf(environment.records, folder);

/**
 * Where the copies of a stack's backups are.
 * @throws Refusal when its settings do not say that
 */
export function copyPlaceOf({ settings, engine }: Pick<OpenedStack, "settings" | "engine">): CopyPlace {
  const place = settings.backups?.copy;
  if (place === undefined || settings.environment.objectStore === undefined) {
    throw new Refusal(
      "the stack does not say where copies of backups go; nothing was done",
      "rewind:backups.copy: {bucket: …}, and environment.objectStore",
    );
  }
  const prefix = place.prefix === undefined ? engine.name : `${place.prefix}/${engine.name}`;
  return { bucket: place.bucket, prefix };
}
