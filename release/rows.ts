import { createHash } from "node:crypto";
import { canonicalJson, digestOf } from "./canonical";
import { columnText, type ColumnType } from "./columns";
import type { Digest } from "./primitives";
import type { ConfigTable, Row, Table } from "./schema/rows";

/** What a table's rows are known by, without the rows: the SHA-256 of their JSON Lines, and how many there are. */
export interface RowsDigest {
  readonly digest: Digest;
  readonly count: number;
  /** The file in the project, where the rows came from one. */
  readonly file?: string;
}

/** The columns of a table's key, in their order. */
export function keyColumns({ key }: Pick<Table, "key">): readonly string[] {
  return typeof key === "string" ? [key] : key;
}

/** The columns that releases pin, with their types, in the order of the environment. */
export function columnsOf({ columns }: Pick<Table, "columns">): [name: string, type: ColumnType][] {
  return Object.entries(columns);
}

/** The key of a row as text, one text for equal keys: `results_version`, and `["eu",3]` for a composite key. */
export function keyOf(row: Row, table: Pick<Table, "key" | "columns">): string {
  const parts = keyColumns(table).map((column) => {
    const value = row[column];
    const type = table.columns[column];
    if (type === "uuid" && typeof value === "string") return value.toLowerCase();
    return typeof value === "string" ? value : JSON.stringify(value ?? null);
  });
  return parts.length === 1 ? (parts[0] ?? "") : JSON.stringify(parts);
}

/** The rows that stand in the release itself; undefined for those in a file. */
export function inlineRows(pinned: ConfigTable | undefined): readonly Row[] | undefined {
  return pinned !== undefined && "rows" in pinned ? pinned.rows : undefined;
}

/**
 * Rows as JSON Lines: canonical JSON, sorted, so that equal rows have equal bytes whatever their order. That makes a
 * row file of inline rows, and both kinds go one way from there.
 */
export function jsonLines(rows: readonly Row[]): string {
  return rows
    .map((row) => `${canonicalJson(row)}\n`)
    .sort()
    .join("");
}

/** What the pinned rows of a table are known by. */
export function rowsDigest(pinned: ConfigTable): RowsDigest {
  if (!("rows" in pinned)) return { digest: pinned.digest, count: pinned.count, file: pinned.file };
  const hex = createHash("sha256").update(jsonLines(pinned.rows), "utf8").digest("hex");
  return { digest: `sha256:${hex}`, count: pinned.rows.length };
}

/** A row is not what its table takes. The message says which column and what was expected. */
export class MisfitRow extends Error {
  override readonly name = "MisfitRow";
}

/**
 * What PostgreSQL is given for a row, column by column in the order of `columns`.
 * @param plain whether the row comes from JSON without a backslash, so that no text in it has to be looked through
 * @throws MisfitRow when the row has another column, lacks one, or holds a value that does not fit
 */
export function rowTexts(
  row: unknown,
  columns: readonly [name: string, type: ColumnType][],
  plain = false,
): (string | null)[] {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new MisfitRow("expected a JSON object");
  const fields = row as Record<string, unknown>;
  const texts: (string | null)[] = [];
  for (const [name, type] of columns) {
    const value = fields[name];
    // Asked only where it matters: a hundred thousand rows come by here.
    if (value === undefined || !Object.hasOwn(fields, name)) {
      throw new MisfitRow(`${name}: expected a value: a row pins every column`);
    }
    const text = columnText(type, value, plain);
    if (text === undefined) throw new MisfitRow(`${name}: expected ${type}, got ${brief(value)}`);
    texts.push(text);
  }
  const names = Object.keys(fields);
  if (names.length > columns.length) {
    const unknown = names.find((name) => !isColumn(columns, name)) ?? "";
    throw new MisfitRow(`${brief(unknown)}: no such column`);
  }
  return texts;
}

const isColumn = (columns: readonly [string, ColumnType][], name: string): boolean =>
  columns.some(([column]) => column === name);

/** A value for a message, at most 120 characters of it. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** A row in the form in which rows of two releases are compared without a database: times in UTC, every digit kept. */
export function normalRow(row: Row, table: Table): Row {
  return withTimes(row, table, (value) => {
    const date = new Date(value);
    const fraction = /[.]([0-9]{4,6})/.exec(value)?.[1];
    if (Number.isNaN(date.getTime())) return value;
    return fraction === undefined ? date.toISOString() : date.toISOString().replace(/[.][0-9]{3}/, `.${fraction}`);
  });
}

/** A row in the form in which the first version of the deployment log kept its digest: times in UTC, in milliseconds. */
export function rowOfOldLog(row: Row, table: Table): Row {
  return withTimes(row, table, (value) => new Date(value).toISOString());
}

function withTimes(row: Row, table: Table, normal: (value: string) => string): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      table.columns[column] === "timestamptz" && typeof value === "string" ? normal(value) : value,
    ]),
  );
}

/** The digest of each row, by its key, as the first version of the deployment log kept them. */
export function rowDigests(rows: readonly Row[], table: Table): Record<string, Digest> {
  return Object.fromEntries(rows.map((row) => [keyOf(row, table), digestOf(rowOfOldLog(row, table))]));
}

/** Where rows lie under their digest in the folder of records. */
export function rowsPath(folder: string, digest: Digest): string {
  return `${folder}/rows/${digest.replace(/^sha256:/, "")}.jsonl`;
}
