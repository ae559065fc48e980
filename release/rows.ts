import { createHash } from "node:crypto";
import { shortened } from "./text";
import { canonicalJson, digestOf } from "./canonical";
import { columnText, hasOneText, typeName, type ColumnType } from "./columns";
import { isExactNumber, oneForm, stringifyExactly, withOneForm } from "./exact-json";
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

/**
 * The key of a row as text, `results_version`, and `["eu","3"]` for a composite key. For the types that keys mostly have
 * equal keys have one text; for the others the server says which are equal.
 */
export function keyOf(row: Row, table: Pick<Table, "key" | "columns">): string {
  const parts = keyColumns(table).map((column) => keyText(table.columns[column], row[column] ?? null));
  return parts.length === 1 ? (parts[0] ?? "") : JSON.stringify(parts);
}

function keyText(type: ColumnType | undefined, value: unknown): string {
  const text = type !== undefined && hasOneText(type) ? columnText(type, value) : undefined;
  if (typeof text === "string") return text;
  if (isExactNumber(value)) return value.value;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The parts of a key's text, in the order of the key's columns. */
export function keyParts(key: string, { key: columns }: Pick<Table, "key">): string[] {
  return typeof columns === "string" || columns.length === 1 ? [key] : (JSON.parse(key) as unknown[]).map(String);
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
 * @param plain whether the row comes from JSON that escapes nothing but backslashes, so that no text in it has to be looked
 *   through
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
  return shortened(stringifyExactly(value ?? null) ?? "null", 120);
}

/**
 * A row in the form in which rows of two releases are compared without a database: times in UTC, numbers in one form
 * however they are written, every digit kept.
 */
export function normalRow(row: Row, table: Table): Row {
  const cells = Object.entries(row).map(([column, value]) => [column, normalCell(table.columns[column] ?? "", value)]);
  return Object.fromEntries(cells) as Row;
}

const numberTypes = new Set(["smallint", "integer", "bigint", "numeric", "real", "double precision"]);
const plainNumber = /^\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,9})?\s*$/;

function normalCell(type: string, value: unknown): unknown {
  const name = typeName(type);
  if (name === "timestamptz" && typeof value === "string") return normalTime(value);
  if (numberTypes.has(name)) {
    const text = isExactNumber(value) ? value.value : typeof value === "number" ? String(value) : value;
    return typeof text === "string" && plainNumber.test(text) ? oneForm(text) : value;
  }
  return withOneForm(value);
}

function normalTime(value: string): string {
  const date = new Date(value);
  const fraction = /[.]([0-9]{4,6})/.exec(value)?.[1];
  if (Number.isNaN(date.getTime())) return value;
  return fraction === undefined ? date.toISOString() : date.toISOString().replace(/[.][0-9]{3}/, `.${fraction}`);
}

/** A row in the form in which the first version of the deployment log kept its digest: times in UTC, in milliseconds. */
export function rowOfOldLog(row: Row, table: Table): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      if (typeof value !== "string" || typeName(table.columns[column] ?? "") !== "timestamptz") return [column, value];
      const date = new Date(value);
      return [column, Number.isNaN(date.getTime()) ? value : date.toISOString()];
    }),
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
