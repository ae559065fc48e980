import { cpSync, createReadStream, existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Staging } from "./staging";

/** Adds a file as it is now. */
export async function addFile(staging: Staging, file: string, path: string): Promise<void> {
  await staging.add(path, createReadStream(file, { highWaterMark: 1 << 20 }), lstatSync(file).mode & 0o777);
}

/**
 * Adds a file of the project, or a folder with all that is in it.
 * @throws Error when it is not there, or holds a link or a device: a backup that leaves something out says nothing of it
 */
export async function addFolder(staging: Staging, project: string, path: string): Promise<void> {
  const stat = lstatSync(join(project, path), { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`${path}, which rewind:backups.extra names, is not there`);
  if (stat.isDirectory()) {
    for (const name of readdirSync(join(project, path)).sort()) await addFolder(staging, project, `${path}/${name}`);
  } else if (!stat.isFile()) {
    throw new Error(`${path} is a link or no file; a backup holds files: leave it out of rewind:backups.extra`);
  } else if (!staging.files.some((file) => file.path === `extra/${path}`)) {
    await addFile(staging, join(project, path), `extra/${path}`);
  }
}

/**
 * Adds a stack's deployment log, what lies beside it under its name, the rows that were applied, and the LevelDB in which
 * records are kept, if there is one.
 * @param elsewhere the bytes of a log that is in no file; one that lies here is an older one then
 */
export async function addRecords(staging: Staging, log: string, stack: string, elsewhere?: Buffer): Promise<void> {
  const folder = dirname(log);
  if (elsewhere !== undefined) await staging.add(`records/${basename(log)}`, Readable.from([elsewhere]));
  if (!existsSync(folder)) return;
  const own = readdirSync(folder).filter((name) =>
    name === basename(log) ? elsewhere === undefined : name.startsWith(`${stack}.`),
  );
  const rows = join(folder, "rows");
  const kept = existsSync(rows) ? readdirSync(rows).map((name) => `rows/${name}`) : [];
  for (const name of [...own, ...kept].sort()) {
    if (/\.(?:lock|partial)$/.test(name) || !lstatSync(join(folder, name)).isFile()) continue;
    await addFile(staging, join(folder, name), `records/${name}`);
  }
  const level = join(folder, "leveldb");
  if (existsSync(level)) await addLevel(staging, level);
}

/** How often a LevelDB is copied again when somebody wrote meanwhile, and how long to wait before, in milliseconds. */
const tries = { most: 50, pause: 100 };

/**
 * Adds a LevelDB as a copy that nobody has open. While nobody writes, its files stay as they are, and a copy of them is what
 * a crash would have left: LevelDB reads that.
 */
async function addLevel(staging: Staging, folder: string): Promise<void> {
  const copy = mkdtempSync(join(dirname(staging.folder), "level.partial-"));
  try {
    for (let round = 1; !isCopied(folder, copy); round += 1) {
      if (round === tries.most) throw new Error(`somebody writes in ${folder} all the time`);
      await sleep(tries.pause);
    }
    const names = readdirSync(copy, { withFileTypes: true, recursive: true });
    for (const entry of names.filter((each) => each.isFile())) {
      const path = relative(copy, join(entry.parentPath, entry.name)).split(sep).join("/");
      await addFile(staging, join(copy, path), `records/leveldb/${path}`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A process that opens and closes the file of a LevelDB's lock lets go of the lock, should it hold it. */
export const isNoLock = (path: string): boolean => basename(path) !== "LOCK";

/** Copies a folder in place of what was copied before; false when somebody wrote in it meanwhile. */
function isCopied(from: string, to: string): boolean {
  const before = fingerprintOf(from);
  rmSync(to, { recursive: true, force: true });
  try {
    cpSync(from, to, { recursive: true, filter: isNoLock });
    return fingerprintOf(from) === before;
  } catch (error) {
    // A file went while it was to be copied.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The names, sizes and times of what is in a folder: while nobody writes there, they stay as they are. */
function fingerprintOf(folder: string): string {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return JSON.stringify([path, stat?.size, stat?.mtimeMs]);
    })
    .sort()
    .join("\n");
}
