import type { ClientBase } from "pg";
import { inPlainJson } from "../release/columns";
import { parseExactly, stringifyExactly } from "../release/exact-json";
import { columnsOf, keyColumns, keyOf } from "../release/rows";
import type { Row } from "../release/schema/rows";
import { describeTable } from "./catalog";
import { allColumns, compareRows } from "./comparison";
import { pinnedSource } from "./source";
import { column, qualified, rowJson, type LocatedTable } from "./sql";
import { pinnedColumns } from "./stage";

/** A table's rows, and the cells among them that a release could not pin as they are. */
export interface WholeTable {
  readonly rows: Row[];
  /** By key and column. In the rows these cells stand as the server writes them. */
  readonly odd: string[];
}

/**
 * Every row of a table, those that no release pins too, with every column that the table has but those that the server
 * computes, in the form of a row file.
 */
export async function readWholeTable(client: ClientBase, located: LocatedTable): Promise<WholeTable> {
  const { table, name } = located;
  const live = await describeTable(client, located);
  if (live === undefined) throw new Error(`there is no table ${located.schema}.${name}`);
  const pinned = pinnedColumns(table, live);
  const names = new Set(pinned.map(([each]) => each.name));
  const all = [...pinned, ...allColumns(live).filter(([each]) => !names.has(each.name))];
  const types = new Map(all.map(([each, declared]) => [each.name, declared]));
  const order = keyColumns(table).map((key) => `${column("t", key)}::text collate "C"`);
  const { rows: lines } = await client.query<{ line: string }>(
    `select ${rowJson(all, "t")}::text as line from ${qualified(located)} t order by ${order.join(", ")}`,
  );
  const odd = new Set<string>();
  const rows = lines.map(({ line }) => {
    const row = parseExactly(line) as Row;
    const cells = Object.entries(row).map(([cell, value]): [string, Row[string]] => {
      const plain = inPlainJson(types.get(cell) ?? "", value) as Row[string] | undefined;
      if (plain !== undefined) return [cell, plain];
      odd.add(`${name}/${keyOf(row, table)} ${cell}`);
      return [cell, stringifyExactly(value) ?? ""];
    });
    return Object.fromEntries(cells);
  });
  const source = pinnedSource({ rows: rows.map((row) => pinnedCells(row, located)) }, "");
  await compareRows(client, located, source, ({ key, standing, odd: cells }) => {
    if (standing === "missing") odd.add(`${name}/${key}`);
    for (const cell of Object.keys(cells)) odd.add(`${name}/${key} ${cell}`);
  });
  return { rows, odd: [...odd].sort() };
}

/** The columns of a row that releases pin. */
export function pinnedCells(row: Row, { table }: Pick<LocatedTable, "table">): Row {
  return Object.fromEntries(
    columnsOf(table).flatMap(([name]) => (Object.hasOwn(row, name) ? [[name, row[name] ?? null]] : [])),
  );
}
