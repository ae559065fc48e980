import { columnFits } from "../columns";
import type { Problem } from "../problems";
import { quote } from "../primitives";
import { inlineRows, keyColumns, keyOf } from "../rows";
import type { Row, Table } from "../schema/rows";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

export const rowsFitTheirTable: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.config ?? {}).flatMap(([name, pinned]) => {
      const table = settings.environment.database?.tables[name];
      if (table === undefined) return [];
      const seen = new Set<string>();
      return (inlineRows(pinned) ?? []).flatMap((row, index) =>
        rowProblems(row, table, seen, [...at, "config", name, "rows", index]),
      );
    }),
  );

function rowProblems(row: Row, table: Table, seen: Set<string>, at: PropertyKey[]): Problem[] {
  const keys = keyColumns(table);
  const columns = Object.entries(row).flatMap(([column, value]) => {
    const type = has(table.columns, column) ? table.columns[column] : undefined;
    if (type === undefined) {
      return [problem([...at, column], `no such column; the table has ${listed(Object.keys(table.columns))}`)];
    }
    return columnFits(type, value) ? [] : [problem([...at, column], `expected ${type}, got ${quote(value)}`)];
  });
  const missing = Object.keys(table.columns)
    .filter((column) => !keys.includes(column) && !Object.hasOwn(row, column))
    .map((column) => problem([...at, column], "expected a value: a row pins every column of its table"));
  columns.push(...missing);
  const keyless = keys.filter((column) => row[column] === undefined || row[column] === null);
  if (keyless.length > 0) {
    return [...columns, ...keyless.map((column) => problem(at, `the key column ${column} is missing`))];
  }
  const key = keyOf(row, table);
  const repeated = seen.has(key) ? [problem(at, `a second row with ${keys.join(", ")} ${quote(key)}`)] : [];
  seen.add(key);
  return [...columns, ...repeated];
}

export const tablesHaveTheirColumns: Rule = ({ environment }) =>
  Object.entries(environment.database?.tables ?? {}).flatMap(([name, table]) => {
    const at = ["environment", "database", "tables", name];
    const keys = keyColumns(table);
    const problems = keys.flatMap((key, index): Problem[] => {
      const type = has(table.columns, key) ? table.columns[key] : undefined;
      if (type === undefined) return [problem([...at, "key"], `no column ${key} among the columns`)];
      return keys.indexOf(key) === index ? [] : [problem([...at, "key"], `${key} stands there twice`)];
    });
    const { touched } = table;
    return touched !== undefined && has(table.columns, touched)
      ? [...problems, problem([...at, "touched"], `${touched} is moved by Rewind, so no release can pin it`)]
      : problems;
  });
