import { join } from "node:path";

/** The folder of a stack's backups. */
export const backupsOf = (folder: string, stack: string): string => join(folder, ".rewind", "backups", stack);
