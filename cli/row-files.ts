import { createHash } from "node:crypto";
import { canonicalJson } from "../release/canonical";
import { inlineRows, rowChange, type RowChange, type RowFile } from "../release/diff-rows";
import { objectOfLine } from "../release/row-line";
import { keyOf, MisfitRow, normalRow } from "../release/rows";
import type { Row, Table } from "../release/schema/rows";
import { atLine, ChangedRowFile, inProject, linesOf, RowFileError } from "../rows/file";
import { KeySet } from "../rows/key-set";
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
 * The rows in which two versions of a table differ, read line by line: what is in memory of a row is some
 * dozens of bytes, however long it is.
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
  const [keys, same, seen] = [new KeySet(), new KeySet(), new KeySet()];
  for await (const row of rowsOf(folder, before)) {
    const key = keyOf(row, table);
    keys.add(key);
    same.add(wholeOf(key, row, table));
  }
  const wanted = new Map<string, Row>();
  const counts = { added: 0, removed: 0, changed: 0 };
  for await (const row of rowsOf(folder, after)) {
    const key = keyOf(row, table);
    seen.add(key);
    if (same.has(wholeOf(key, row, table))) continue;
    counts[keys.has(key) ? "changed" : "added"] += 1;
    if (wanted.size < limit) wanted.set(key, row);
  }
  // What is shown of the earlier rows is read again: it is little, and the file may be large.
  const earlier = new Map<string, Row>();
  for await (const row of rowsOf(folder, before)) {
    const key = keyOf(row, table);
    const isGone = !seen.has(key);
    if (isGone) counts.removed += 1;
    if (wanted.has(key) || (isGone && earlier.size < limit)) earlier.set(key, row);
  }
  const shown = [...new Set([...wanted.keys(), ...earlier.keys()])]
    .slice(0, limit)
    .flatMap((key) => rowChange(key, earlier.get(key), wanted.get(key), table));
  return { ...counts, shown: shown.sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

/** A digest of a row with its key, the same for all rows that say the same. */
const wholeOf = (key: string, row: Row, table: Table): string =>
  createHash("sha256")
    .update(`${key.length} ${key} ${canonicalJson(normalRow(row, table))}`)
    .digest("base64");

/** The rows of a source, in order. */
async function* rowsOf(folder: string, source: RowSource): AsyncGenerator<Row> {
  if ("rows" in source) {
    yield* source.rows;
    return;
  }
  const { file } = source.file;
  try {
    for await (const { first, lines } of linesOf(inProject(folder, file), file, source.file)) {
      for (const [index, line] of lines.entries()) yield atLine(file, first + index, () => rowIn(line));
    }
  } catch (error) {
    if (!(error instanceof RowFileError)) throw error;
    throw new Refusal(error.message, `git log -- ${file}`, error instanceof ChangedRowFile ? "tampered" : "refused");
  }
}

/** A row of whatever columns: the table may have got others since. */
function rowIn(line: string): Row {
  const row = objectOfLine(line);
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new MisfitRow("expected a JSON object");
  return row as Row;
}

/** The source of a side: its file, its inline rows, or none. */
export function sourceOf(file: RowFile | undefined, entry: unknown): RowSource {
  return file === undefined ? { rows: inlineRows(entry) } : { file };
}
