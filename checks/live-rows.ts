import type { ClientBase } from "pg";
import { columnsOf, keyColumns } from "../release/rows";
import type { Row } from "../release/schema/rows";
import { compareRows } from "./row-comparison";
import { pinnedSource } from "./row-source";
import { column, qualified, rowJson, type LocatedTable } from "./row-sql";

/**
 * Every row of a table, those that no release pins too, with every column that the table has: pinned ones in the form of
 * a row file, the others as PostgreSQL puts them into JSON.
 * @throws Error when a row would not come back from JSON as it is
 */
export async function readWholeTable(client: ClientBase, located: LocatedTable): Promise<Row[]> {
  const { table, name } = located;
  const order = keyColumns(table).map((key) => `${column("t", key)}::text collate "C"`);
  const pinned = columnsOf(table).map(([each]) => each);
  const { rows } = await client.query<{ pinned: string; others: string }>(
    `select ${rowJson(table, "t")}::text as pinned, (to_jsonb(t.*) - $1::text[])::text as others
     from ${qualified(located)} t order by ${order.join(", ")}`,
    [pinned],
  );
  const all = rows.map((row) => ({ ...(JSON.parse(row.pinned) as Row), ...(JSON.parse(row.others) as Row) }));
  const lost: string[] = [];
  const source = pinnedSource({ rows: all.map((row) => pinnedColumns(row, located)) }, "");
  await compareRows(client, located, source, (key, _row, standing) => {
    if (standing !== "same") lost.push(key);
  });
  if (lost.length === 0) return all;
  throw new Error(`${name}/${lost[0] ?? ""} holds a number that JSON does not give back exactly`);
}

/** The columns of a row that releases pin. */
export function pinnedColumns(row: Row, { table }: Pick<LocatedTable, "table">): Row {
  return Object.fromEntries(
    columnsOf(table).flatMap(([name]) => (Object.hasOwn(row, name) ? [[name, row[name] ?? null]] : [])),
  );
}
