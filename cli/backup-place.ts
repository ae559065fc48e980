import { join } from "node:path";
import { placeOf } from "../records/place";
import type { Settings } from "../release/parse";
import { recordsFolder } from "../release/schema/store";

/** The folder of a stack's backups. */
export const backupsOf = (folder: string, stack: string): string => join(folder, ".rewind", "backups", stack);

/** The file of a stack's deployment log, among its records; of a log in another store, the one that a backup has. */
export function logFileOf(folder: string, stack: string, { environment }: Pick<Settings, "environment">): string {
  return join(folder, recordsFolder(environment.records), `${stack}.jsonl`);
}

/** Whether the records lie in a database server, and not in the folder of records. */
export const isOnServer = (folder: string, { environment }: Pick<Settings, "environment">): boolean =>
  "variable" in placeOf(environment.records, folder);
