import { randomBytes } from "node:crypto";
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncFile, syncFolder } from "../../records/atomic-file";

/** What lies beside a place while something is put there: what is coming, what was there, and what may be removed. */
const beside = /^\.[0-9a-f]{8}\.(restoring|before|gone)$/;

/**
 * Puts a file, or a folder with all that is in it, into its place. It is copied beside it and brought to the disk first;
 * what was there goes when the other is in its place.
 * @param prepare what is still to be done to the copy
 */
export function intoPlace(from: string, to: string, prepare: (coming: string) => void = () => undefined): void {
  makeInPlace(to, (coming) => {
    cpSync(from, coming, { recursive: true, errorOnExist: true });
    prepare(coming);
  });
}

/**
 * The same for what is made beside its place.
 * @param make makes it at a path where nothing is; where it throws, the place stays as it was
 */
export function makeInPlace(to: string, make: (coming: string) => void): void {
  settle(to);
  const name = `${to}.${randomBytes(4).toString("hex")}`;
  const [coming, going] = [`${name}.restoring`, `${name}.before`];
  mkdirSync(dirname(to), { recursive: true });
  try {
    make(coming);
    syncAll(coming);
    // A folder that is not empty cannot be replaced in one step; a file can.
    if (lstatSync(to, { throwIfNoEntry: false })?.isDirectory() === true) renameSync(to, going);
    renameSync(coming, to);
    syncFolder(dirname(to));
  } finally {
    settle(to);
  }
}

/**
 * Ends what was interrupted while something was put into a place: where nothing is, what was there comes back; what lies
 * beside it for nothing is removed.
 */
export function settle(place: string): void {
  const folder = dirname(place);
  const left = leftBeside(place);
  if (left.length === 0) return;
  const was = left.find((name) => name.endsWith(".before"));
  if (was !== undefined && !existsSync(place)) renameSync(join(folder, was), place);
  syncFolder(folder);
  // Half of it may be lost with the power, which must not be taken for what was there.
  for (const name of leftBeside(place).filter((each) => each.endsWith(".before"))) {
    renameSync(join(folder, name), join(folder, name.replace(/before$/, "gone")));
  }
  syncFolder(folder);
  for (const name of leftBeside(place)) rmSync(join(folder, name), { recursive: true, force: true });
}

function leftBeside(place: string): string[] {
  const name = basename(place);
  if (!existsSync(dirname(place))) return [];
  return readdirSync(dirname(place)).filter((each) => each.startsWith(name) && beside.test(each.slice(name.length)));
}

function syncAll(path: string): void {
  if (lstatSync(path).isDirectory()) {
    for (const name of readdirSync(path)) syncAll(join(path, name));
    syncFolder(path);
    return;
  }
  syncFile(path);
}
