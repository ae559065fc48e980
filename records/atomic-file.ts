import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Replaces a file as a whole: after a crash it holds the old text or the new one, never a piece of either. */
export function writeAtomically(path: string, text: string): void {
  const beside = `${path}.${randomBytes(4).toString("hex")}.partial`;
  try {
    writeNew(beside, text);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Writes a file that must not be there yet, readable by its owner, and waits until it is on the disk. */
export function writeNew(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    // Unlike writeSync this writes to the end.
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A new name is lost with the machine's power unless its folder is on the disk too. Windows has no such call. */
export function syncFolder(path: string): void {
  if (process.platform !== "win32") syncFile(path);
}

/** Waits until what was written to a file is on the disk. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a folder that is not there, and those above it: each has a name that stays before there is anything in it. */
export function makeFolder(path: string, mode?: number): void {
  const above = dirname(path);
  if (!existsSync(above)) makeFolder(above, mode);
  // Who made the one above may have been cut off before this.
  syncFolder(dirname(above));
  // Somebody else may make it at the same time.
  mkdirSync(path, { recursive: true, mode });
}

/** Makes sure of the name of a file or folder, and of the folder that holds it. */
export function syncName(path: string): void {
  syncFolder(dirname(path));
  syncFolder(dirname(dirname(path)));
}
