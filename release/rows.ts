import type { z } from "zod";
import { canonicalJson, digestOf } from "./canonical";
import type { Digest } from "./primitives";
import type { Row, Table } from "./schema/rows";

/** The SQL types that a pinned column may have. */
export type ColumnType = Table["columns"][string];
type Json = z.infer<ReturnType<typeof z.json>>;

/** Whether a JSON value can stand in a column of that type. NULL can, everywhere. */
export function columnFits(type: ColumnType, value: unknown): boolean {
  if (value === null) return true;
  switch (type) {
    case "jsonb":
      return true;
    case "text":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "integer":
    case "bigint":
      return Number.isSafeInteger(value);
    case "numeric":
      return typeof value === "number" && Number.isFinite(value);
    case "timestamptz":
      return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value));
  }
}

/** A row in the one form in which rows are compared: every pinned column, times in UTC. */
export function normalRow(row: Row, table: Table): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]): [string, Json] => [
      column,
      table.columns[column] === "timestamptz" && typeof value === "string" ? new Date(value).toISOString() : value,
    ]),
  );
}

/** The key of a row, as text. */
export function keyOf(row: Row, table: Table): string {
  const value = row[table.key];
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The digest of each row, by its key. */
export function rowDigests(rows: readonly Row[], table: Table): Record<string, Digest> {
  return Object.fromEntries(rows.map((row) => [keyOf(row, table), digestOf(normalRow(row, table))]));
}

/** Whether two rows hold the same in the columns that `expected` names. */
export function sameRow(expected: Row, live: Row, table: Table): boolean {
  const narrowed = Object.fromEntries(Object.keys(expected).map((column) => [column, live[column] ?? null]));
  return canonicalJson(normalRow(expected, table)) === canonicalJson(normalRow(narrowed, table));
}
