import { createHash } from "node:crypto";
import { createReadStream, realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import { canonicalJson } from "../release/canonical";
import { inlineRows, rowChange, type RowChange, type RowFile } from "../release/diff-rows";
import { keyOf, normalRow } from "../release/rows";
import type { Row, Table } from "../release/schema/rows";
import { Refusal } from "./result";

/** Rows that differ between two versions of a table: how many of each kind, and the first of them. */
export interface RowDifference {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  readonly shown: readonly RowChange[];
}

/** The rows of one side: in a file, or inline in the release. */
export type RowSource = { readonly file: RowFile } | { readonly rows: readonly Row[] };

/**
 * The rows in which two versions of a table differ, read line by line: of the earlier file only a digest per key is in
 * memory, whatever its size.
 *
 * @param limit how many rows are shown at most
 * @throws Refusal when a file is missing, is not what its digest says, or holds a line that is no row
 */
export async function differenceOf(
  folder: string,
  before: RowSource,
  after: RowSource,
  table: Table,
  limit: number,
): Promise<RowDifference> {
  const digests = new Map<string, string>();
  for await (const row of rowsOf(folder, before)) digests.set(keyOf(row, table), digestOf(row, table));
  const wanted = new Map<string, Row | undefined>();
  const counts = { added: 0, removed: 0, changed: 0 };
  for await (const row of rowsOf(folder, after)) {
    const key = keyOf(row, table);
    const earlier = digests.get(key);
    digests.delete(key);
    if (earlier === digestOf(row, table)) continue;
    counts[earlier === undefined ? "added" : "changed"] += 1;
    if (wanted.size < limit) wanted.set(key, row);
  }
  counts.removed = digests.size;
  for (const key of digests.keys()) {
    if (wanted.size >= limit) break;
    wanted.set(key, undefined);
  }
  // What is shown of the earlier rows is read again: it is little, and the file may be large.
  const earlier = new Map<string, Row>();
  for await (const row of rowsOf(folder, before)) {
    const key = keyOf(row, table);
    if (wanted.has(key)) earlier.set(key, row);
  }
  const shown = [...wanted].flatMap(([key, row]) => rowChange(key, earlier.get(key), row, table));
  return { ...counts, shown: shown.sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

function digestOf(row: Row, table: Table): string {
  return createHash("sha256")
    .update(canonicalJson(normalRow(row, table)))
    .digest("base64");
}

/** The rows of a source, in order. */
async function* rowsOf(folder: string, source: RowSource): AsyncGenerator<Row> {
  if ("rows" in source) {
    yield* source.rows;
    return;
  }
  const { file, digest } = source.file;
  const path = insideOf(folder, file);
  const sum = createHash("sha256");
  const stream = createReadStream(path);
  stream.on("data", (chunk) => sum.update(chunk));
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() !== "") yield rowIn(line, `${file}:${number}`);
  }
  const actual = `sha256:${sum.digest("hex")}`;
  if (actual !== digest) {
    throw new Refusal(`${file} has ${actual}, the release says ${digest}`, `git log -- ${file}`, "tampered");
  }
}

function insideOf(folder: string, file: string): string {
  const root = realpathSync(folder);
  try {
    const real = realpathSync(resolve(root, file));
    if (real.startsWith(root + sep)) return real;
  } catch {
    throw new Refusal(`no file ${file}`, `git log -- ${file}`);
  }
  throw new Refusal(`${file} leads out of the project`, "a file inside the project");
}

function rowIn(line: string, where: string): Row {
  try {
    const row: unknown = JSON.parse(line);
    if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as Row;
  } catch {
    // Told below, like a line that is JSON and no row.
  }
  throw new Refusal(`${where}: not a row`, "one JSON object per line");
}

/** The source of a side: its file, its inline rows, or none. */
export function sourceOf(file: RowFile | undefined, entry: unknown): RowSource {
  return file === undefined ? { rows: inlineRows(entry) } : { file };
}
