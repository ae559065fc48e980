import { join } from "node:path";
import type { Settings } from "../release/parse";
import { recordsFolder } from "../release/schema/store";

/** The folder of a stack's backups. */
export const backupsOf = (folder: string, stack: string): string => join(folder, ".rewind", "backups", stack);

/** The file of a stack's deployment log, among its records. */
export function logFileOf(folder: string, stack: string, { environment }: Pick<Settings, "environment">): string {
  return join(folder, recordsFolder(environment.records), `${stack}.jsonl`);
}
