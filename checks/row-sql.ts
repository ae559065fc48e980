import { escapeIdentifier } from "pg";
import type { ColumnType } from "../release/columns";
import { columnsOf, keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";

/** A table where it stands: schema, name and what releases pin of it. */
export interface LocatedTable {
  readonly schema: string;
  readonly name: string;
  readonly table: Table;
}

/** The table's full name, quoted. */
export function qualified({ schema, name }: Pick<LocatedTable, "schema" | "name">): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/** A column of a relation's alias, quoted: `t."value"`. */
export function column(alias: string, name: string): string {
  return `${alias}.${escapeIdentifier(name)}`;
}

/**
 * Whether two values of a column differ, NULL being a value like any other. They are compared in the column's own type;
 * texts by their bytes, whatever the collation calls equal, and `json`, which has no equality, as it is written.
 */
export function differs(type: ColumnType, a: string, b: string): string {
  if (type === "json") return `(${a})::text is distinct from (${b})::json::text`;
  const bytes = type.startsWith("text") ? ' collate "C"' : "";
  return `(${a})::${type}${bytes} is distinct from (${b})::${type}${bytes}`;
}

/** Whether any pinned column of two rows differs. */
export function rowsDiffer(columns: readonly [string, ColumnType][], a: string, b: string): string {
  return columns.map(([name, type]) => differs(type, column(a, name), column(b, name))).join(" or ");
}

/** The condition under which two rows have one key. */
export function sameKey(table: Table, a: string, b: string): string {
  return keyColumns(table)
    .map((name) => `${column(a, name)} = ${column(b, name)}`)
    .join(" and ");
}

/** Whether the row of an alias that an outer join may have left empty is not there. */
export function isAbsent(table: Table, alias: string): string {
  return `${column(alias, keyColumns(table)[0] ?? "")} is null`;
}

/** The pinned columns of a row as one JSON object in the form of a row file: long numbers and times as texts. */
export function rowJson(table: Table, alias: string): string {
  const pairs = columnsOf(table).map(([name, type]) => `'${name}', ${jsonOf(type, column(alias, name))}`);
  return `json_build_object(${pairs.join(", ")})`;
}

const native: readonly ColumnType[] = ["jsonb", "json", "smallint", "integer", "boolean"];

function jsonOf(type: ColumnType, value: string): string {
  return native.includes(type) || type.endsWith("[]") ? value : `(${value})::text`;
}
