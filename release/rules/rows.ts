import type { Problem } from "../problems";
import { quote } from "../primitives";
import { columnFits, keyOf } from "../rows";
import type { Row, Table } from "../schema/rows";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

export const rowsFitTheirTable: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.config ?? {}).flatMap(([name, { rows }]) => {
      const table = settings.environment.database?.tables[name];
      if (table === undefined) return [];
      const seen = new Set<string>();
      return rows.flatMap((row, index) => rowProblems(row, table, seen, [...at, "config", name, "rows", index]));
    }),
  );

function rowProblems(row: Row, table: Table, seen: Set<string>, at: PropertyKey[]): Problem[] {
  const columns = Object.entries(row).flatMap(([column, value]) => {
    const type = table.columns[column];
    if (type === undefined) {
      return [problem([...at, column], `no such column; the table has ${listed(Object.keys(table.columns))}`)];
    }
    return columnFits(type, value) ? [] : [problem([...at, column], `expected ${type}, got ${quote(value)}`)];
  });
  const missing = Object.keys(table.columns)
    .filter((column) => column !== table.key && !Object.hasOwn(row, column))
    .map((column) => problem([...at, column], "expected a value: a row pins every column of its table"));
  columns.push(...missing);
  if (row[table.key] === undefined || row[table.key] === null) {
    return [...columns, problem(at, `the key column ${table.key} is missing`)];
  }
  const key = keyOf(row, table);
  const repeated = seen.has(key) ? [problem(at, `a second row with ${table.key} ${quote(key)}`)] : [];
  seen.add(key);
  return [...columns, ...repeated];
}

export const tablesHaveTheirColumns: Rule = ({ environment }) =>
  Object.entries(environment.database?.tables ?? {}).flatMap(([name, table]) => {
    const at = ["environment", "database", "tables", name];
    const type = has(table.columns, table.key) ? table.columns[table.key] : undefined;
    if (type === undefined) return [problem([...at, "key"], `no column ${table.key} among the columns`)];
    if (!["text", "integer", "bigint"].includes(type)) {
      return [problem([...at, "key"], `expected a key of type text, integer or bigint, got ${type}`)];
    }
    const { touched } = table;
    return touched !== undefined && has(table.columns, touched)
      ? [problem([...at, "touched"], `${touched} is moved by Rewind, so no release can pin it`)]
      : [];
  });
