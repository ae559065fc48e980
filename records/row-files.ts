import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { jsonLines, rowsDigest, rowsPath } from "../release/rows";
import type { Digest } from "../release/primitives";
import type { Row } from "../release/schema/rows";
import { shared } from "./atomic-file";
import { placeInProject, writeProjectFile } from "./project-file";

/**
 * Writes inline rows as a row file under its digest, so that whoever applies them finds them as it finds a row file.
 * @returns the file's path in the project
 */
export function writeInlineRows(folder: string, records: string, rows: readonly Row[]): string {
  const path = rowsPath(records, rowsDigest({ rows: [...rows] }).digest);
  if (!existsSync(join(folder, path))) writeProjectFile(folder, path, jsonLines(rows));
  return path;
}

/**
 * Keeps a copy of an applied row file under its digest: whatever becomes of the file, the next update can tell what was
 * applied. What is read back is held against its digest, so a copy that a crash spoiled is found out.
 */
export function keepRowFile(
  folder: string,
  records: string,
  { path, digest }: { readonly path: string; readonly digest: Digest },
): void {
  const keptAt = rowsPath(records, digest);
  if (existsSync(join(folder, keptAt))) return;
  const kept = placeInProject(folder, keptAt);
  const beside = `${kept}.${randomBytes(4).toString("hex")}.partial`;
  try {
    // A copy takes over the mode of what it is of, which may be its owner's alone.
    closeSync(openSync(beside, "wx", shared));
    const { mode } = statSync(beside);
    copyFileSync(path, beside, constants.COPYFILE_FICLONE);
    chmodSync(beside, mode & 0o777);
    renameSync(beside, kept);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}
