import { escapeIdentifier, escapeLiteral } from "pg";
import { typeName } from "../release/columns";
import { keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";
import type { LiveColumn } from "./catalog";

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
 * A value in the form in which it is compared and hashed: in its own type, texts by their bytes, whatever the collation
 * calls equal, `json` by what it means, and what has no equality as the server writes it.
 */
export function compared({ comparison }: LiveColumn, value: string): string {
  switch (comparison) {
    case "equality":
      return value;
    case "bytes":
      return `(${value})::text collate "C"`;
    case "json":
      return jsonMeaning(value);
    case "text":
      return `(${value})::text`;
  }
}

/** What `json` means; where `jsonb` does not take it (NUL, half a character, a number beyond all size), its text. */
function jsonMeaning(value: string): string {
  const odd = String.raw`'(^|[^\\])(\\\\)*\\u(0000|[dD][89a-fA-F])|[eE][-+]?[0-9]{6}'`;
  return `case when (${value})::text ~ ${odd} then to_jsonb((${value})::text) else (${value})::text::jsonb end`;
}

/** Whether two values of a column differ, NULL being a value like any other. */
export function differs(live: LiveColumn, a: string, b: string): string {
  return `${compared(live, a)} is distinct from ${compared(live, b)}`;
}

/** Whether any of some columns of two rows differs. */
export function rowsDiffer(columns: readonly LiveColumn[], a: string, b: string): string {
  return columns.map((live) => differs(live, column(a, live.name), column(b, live.name))).join(" or ") || "false";
}

/** A hash of some columns of a row: equal values have equal ones. */
export function hashOf(columns: readonly LiveColumn[], alias: string, seed: number): string {
  return `hash_record_extended(row(${columns.map((live) => compared(live, column(alias, live.name))).join(", ")}), ${seed})`;
}

/** The condition under which two rows have one key. */
export function sameKey(table: Pick<Table, "key">, a: string, b: string): string {
  return keyColumns(table)
    .map((name) => `${column(a, name)} = ${column(b, name)}`)
    .join(" and ");
}

/** Whether the row of an alias that an outer join may have left empty is not there. */
export function isAbsent(table: Pick<Table, "key">, alias: string): string {
  return `${column(alias, keyColumns(table)[0] ?? "")} is null`;
}

/** The key of a row as its parts' texts, in a JSON list. */
export function keyJson(table: Pick<Table, "key">, alias: string): string {
  return `json_build_array(${keyColumns(table)
    .map((name) => `${column(alias, name)}::text`)
    .join(", ")})`;
}

/** A row's name in messages, by the parts of its key: `settings/a`, `limits/["eu","3"]`. */
export function rowName({ name }: Pick<LocatedTable, "name">, key: readonly unknown[]): string {
  return `${name}/${key.length === 1 ? String(key[0]) : JSON.stringify(key)}`;
}

/**
 * Some columns of a row as one JSON object in the form of a row file: what JSON gives back exactly as JSON, everything
 * else as the server writes it.
 * @param columns as the server has them, each with the type that the environment declares
 */
export function rowJson(columns: readonly (readonly [live: LiveColumn, declared: string])[], alias: string): string {
  const pairs = columns.map(
    ([live, declared]) => `${escapeLiteral(live.name)}, ${jsonOf(live, declared, column(alias, live.name))}`,
  );
  // A function has at most a hundred arguments.
  const parts: string[] = [];
  for (let at = 0; at < pairs.length; at += 50) {
    parts.push(`jsonb_build_object(${pairs.slice(at, at + 50).join(", ")})`);
  }
  return parts.length === 0 ? "'{}'::jsonb" : `(${parts.join(" || ")})`;
}

const native = ["smallint", "integer", "boolean"];
const nativeLists = ["text[]", "smallint[]", "integer[]", "bigint[]", "uuid[]", "boolean[]"];

function jsonOf(live: LiveColumn, declared: string, value: string): string {
  const type = typeName(declared);
  const same = typeName(live.base) === type;
  if (same && (type === "jsonb" || native.includes(type))) return value;
  if (same && type === "json") return jsonMeaning(value);
  if (same && nativeLists.includes(type)) {
    // An array may begin elsewhere than at one, which JSON does not say.
    return `case when array_dims(${value}) ~ '^(\\[1:[0-9]+\\])+$' or array_ndims(${value}) is null
      then to_jsonb(${value}) else to_jsonb((${value})::text) end`;
  }
  return `(${value})::text`;
}
