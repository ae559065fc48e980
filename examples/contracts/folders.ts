import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../../records/atomic-file";
import { isNoLock } from "../../recovery/backups/folders";

/** The records that are committed with the example. */
export const committed = join(__dirname, "deployments", "unified");

/** Copies a folder and waits until all of it is on the disk. LevelDB's lock is left out, and links are not followed: there is none among records. */
export function copyFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyFolder(source, target);
    else if (entry.isFile() && isNoLock(entry.name)) copyFile(source, target);
  }
  syncFolder(to);
}

/** Copies a file and waits until it is on the disk. */
export function copyFile(from: string, to: string): void {
  copyFileSync(from, to);
  const file = openSync(to, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const aside = (place: string): string => `${place}.before`;

/**
 * Puts a folder into its place. What was there is set aside beside it.
 * @returns where that is now; undefined when nothing was there
 */
export function putInPlace(staged: string, place: string): string | undefined {
  mendPlace(place);
  mkdirSync(dirname(place), { recursive: true });
  const before = freeName(aside(place));
  const wasThere = existsSync(place);
  if (wasThere) renameSync(place, before);
  renameSync(staged, place);
  syncFolder(dirname(place));
  return wasThere ? before : undefined;
}

/** Somebody who was killed between the two renames left a place empty: what was there goes back. */
export function mendPlace(place: string): void {
  if (existsSync(place) || !existsSync(dirname(place))) return;
  const name = basename(aside(place));
  const last = readdirSync(dirname(place))
    .filter((entry) => entry === name || entry.startsWith(`${name}-`))
    .sort((a, b) => numberOf(a) - numberOf(b))
    .at(-1);
  if (last === undefined) return;
  renameSync(join(dirname(place), last), place);
  syncFolder(dirname(place));
}

const numberOf = (name: string): number => Number(/-(\d+)$/.exec(name)?.[1] ?? 1);

function freeName(path: string): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(name)) return name;
  }
}

/** An empty folder for what will be put in its place; what an earlier try left there is gone. */
export function emptyFolder(path: string): string {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

/** All files below a folder but locks, as paths from it, sorted; none when it is not there. */
export function filesBelow(folder: string, below = ""): string[] {
  if (!existsSync(join(folder, below))) return [];
  const entries = readdirSync(join(folder, below), { withFileTypes: true });
  return entries
    .filter(({ name }) => isNoLock(name))
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(folder, path) : [path];
    })
    .sort();
}
