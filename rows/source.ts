import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import type { Settings } from "../release/parse";
import { inlineRows, jsonLines, rowsDigest, rowsPath, type RowsDigest } from "../release/rows";
import { recordsFolder } from "../release/schema/store";
import type { ConfigTable } from "../release/schema/rows";
import { inProject, linesOf, type Lines } from "./file";

/** Rows that can be read from the beginning, as often as needed, without being in memory. */
export interface RowSource extends RowsDigest {
  /** How messages call it. */
  readonly name: string;
  /** The rows as lines of JSON. Throws RowFileError when they are not what they should be. */
  lines(signal?: AbortSignal): AsyncIterable<Lines>;
}

/** The rows that a release pins for a table. Throws RowFileError when their file is not there. */
export function pinnedSource(pinned: ConfigTable, folder: string): RowSource {
  const known = rowsDigest(pinned);
  if (known.file !== undefined) return fileSource(inProject(folder, known.file), known.file, known);
  const lines = jsonLines(inlineRows(pinned) ?? [])
    .split("\n")
    .slice(0, -1);
  // In memory as it is, it is read like a file.
  return { ...known, name: "the release", lines: () => Readable.from([{ first: 1, lines }]) };
}

/**
 * The rows that were applied earlier, by their digest: from beside the deployment log, from the catalogue, or from the
 * file that they came from, if it is still what it was.
 */
export function recordedSource(
  { environment, releases }: Pick<Settings, "environment" | "releases">,
  folder: string,
  known: RowsDigest,
): RowSource | undefined {
  const kept = resolve(folder, rowsPath(recordsFolder(environment.records), known.digest));
  if (existsSync(kept)) return fileSource(kept, kept, known);
  for (const { config = {} } of releases.values()) {
    const pinned = Object.values(config).find((each) => "rows" in each && rowsDigest(each).digest === known.digest);
    if (pinned !== undefined) return pinnedSource(pinned, folder);
  }
  return known.file !== undefined && existsSync(resolve(folder, known.file))
    ? fileSource(inProject(folder, known.file), known.file, known)
    : undefined;
}

/** Rows that lie in a file on the disk. */
export interface FileSource extends RowSource {
  readonly path: string;
}

/** The rows of a file. */
export function fileSource(path: string, name: string, known: RowsDigest): FileSource {
  return { ...known, path, name, lines: (signal) => linesOf(path, name, known, signal) };
}
