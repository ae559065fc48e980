import { canonicalJson } from "./canonical";
import type { Digest } from "./primitives";
import { keyOf, normalRow } from "./rows";
import type { Row, Table } from "./schema/rows";

/** A row that differs, by its key. */
export interface RowChange {
  readonly key: string;
  readonly action: "added" | "removed" | "changed";
  /** The columns that differ, of a changed row. */
  readonly columns: readonly string[];
  readonly before?: Row;
  readonly after?: Row;
}

/** Rows that stand in a file of their own. */
export interface RowFile {
  readonly file: string;
  readonly digest: Digest;
  readonly count: number;
}

/** The file in which a table's rows stand; undefined when they stand inline, or nowhere. */
export function fileOf(entry: unknown): RowFile | undefined {
  const { file, digest, count } = (entry ?? {}) as { file?: unknown; digest?: unknown; count?: unknown };
  if (typeof file !== "string" || typeof digest !== "string" || typeof count !== "number") return undefined;
  return { file, digest, count };
}

/** The rows that stand inline. */
export function inlineRows(entry: unknown): readonly Row[] {
  const { rows } = (entry ?? {}) as { rows?: readonly Row[] };
  return Array.isArray(rows) ? (rows as readonly Row[]) : [];
}

/** The inline rows in which two versions of a table differ, by key. A row that moved in its list is no difference. */
export function rowChanges(before: unknown, after: unknown, table: Table | undefined): RowChange[] {
  const lists = [inlineRows(before), inlineRows(after)] as const;
  const key = table === undefined ? guessedKey(lists) : (row: Row) => keyOf(row, table);
  const [from, to] = lists.map((rows) => new Map(rows.map((row) => [key(row), row]))) as [
    Map<string, Row>,
    Map<string, Row>,
  ];
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .flatMap((name) => rowChange(name, from.get(name), to.get(name), table));
}

/** How a row differs between its two versions; empty when it does not. */
export function rowChange(
  key: string,
  before: Row | undefined,
  after: Row | undefined,
  table: Table | undefined,
): RowChange[] {
  if (before === undefined || after === undefined) {
    if (after !== undefined) return [{ key, action: "added", columns: [], after }];
    return before === undefined ? [] : [{ key, action: "removed", columns: [], before }];
  }
  const columns = columnsThatDiffer(before, after, table);
  return columns.length === 0 ? [] : [{ key, action: "changed", columns, before, after }];
}

function columnsThatDiffer(before: Row, after: Row, table: Table | undefined): string[] {
  const [a, b] = table === undefined ? [before, after] : [normalRow(before, table), normalRow(after, table)];
  const text = (row: Row, column: string): string | undefined => {
    const value = Object.hasOwn(row, column) ? row[column] : undefined;
    return value === undefined ? undefined : canonicalJson(value);
  };
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((column) => text(a, column) !== text(b, column));
}

/** Where no table says what the key is: the first column that tells the rows of either side apart, or the whole row. */
function guessedKey(lists: readonly (readonly Row[])[]): (row: Row) => string {
  const distinct = (rows: readonly Row[], key: (row: Row) => string) => new Set(rows.map(key)).size === rows.length;
  const first = lists.find((rows) => rows.length > 0)?.[0] ?? {};
  const column = Object.keys(first).find((name) =>
    lists.every((rows) => distinct(rows, (row) => canonicalJson(row[name] ?? null))),
  );
  return (row) => {
    const value = column === undefined ? row : row[column];
    return typeof value === "string" ? value : canonicalJson(value ?? null);
  };
}
