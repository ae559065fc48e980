import { randomBytes } from "node:crypto";
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { syncFile, syncFolder } from "../../records/atomic-file";

/**
 * Puts a file, or a folder with all that is in it, into its place. It is copied beside it and brought to the disk first;
 * what was there goes when the other is in its place.
 * @param prepare what is still to be done to the copy
 */
export function intoPlace(from: string, to: string, prepare: (coming: string) => void = () => undefined): void {
  const beside = `${to}.${randomBytes(4).toString("hex")}`;
  const [coming, going] = [`${beside}.restoring`, `${beside}.before`];
  mkdirSync(dirname(to), { recursive: true });
  try {
    cpSync(from, coming, { recursive: true, errorOnExist: true });
    prepare(coming);
    syncAll(coming);
    // A folder that is not empty cannot be replaced in one step; a file can.
    const isFolder = lstatSync(to, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isFolder) renameSync(to, going);
    try {
      renameSync(coming, to);
    } catch (error) {
      if (isFolder) renameSync(going, to);
      throw error;
    }
    syncFolder(dirname(to));
    // Not before: the power could take the new name and leave this.
    rmSync(going, { recursive: true, force: true });
  } finally {
    if (existsSync(to)) rmSync(coming, { recursive: true, force: true });
  }
}

function syncAll(path: string): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) syncAll(join(path, name));
    syncFolder(path);
    return;
  }
  syncFile(path);
}
