import { createReadStream, existsSync, lstatSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Staging } from "./staging";

/** Adds a file as it is now. */
export async function addFile(staging: Staging, file: string, path: string): Promise<void> {
  await staging.add(path, createReadStream(file, { highWaterMark: 1 << 20 }));
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

/** Adds a stack's deployment log, what lies beside it under its name, and the rows that were applied. */
export async function addRecords(staging: Staging, log: string, stack: string): Promise<void> {
  const folder = dirname(log);
  if (!existsSync(folder)) return;
  const own = readdirSync(folder).filter((name) => name === basename(log) || name.startsWith(`${stack}.`));
  const rows = join(folder, "rows");
  const kept = existsSync(rows) ? readdirSync(rows).map((name) => `rows/${name}`) : [];
  for (const name of [...own, ...kept].sort()) {
    if (/\.(?:lock|partial)$/.test(name) || !lstatSync(join(folder, name)).isFile()) continue;
    await addFile(staging, join(folder, name), `records/${name}`);
  }
}
