import { DatabaseError, escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { columnsOf, keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";
import type { LiveColumn, LiveTable } from "./catalog";
import { copyRows } from "./copy";
import { column, rowName, type LocatedTable } from "./sql";
import type { RowSource } from "./source";

/** Rows cannot be brought to what is pinned. The message names the table, the key and the column; nothing was written. */
export class RowRefusal extends Error {
  override readonly name = "RowRefusal";
}

/** A column of a temporary table that rows are staged in. */
export interface StagedColumn {
  readonly name: string;
  readonly type: string;
}

/** The pinned columns of a table, as the server has them and with the type that the environment declares, in its order. */
export function pinnedColumns(table: Pick<Table, "columns">, live: LiveTable): [live: LiveColumn, declared: string][] {
  return columnsOf(table).flatMap(([name, declared]): [LiveColumn, string][] => {
    const found = live.columns.get(name);
    return found === undefined ? [] : [[found, declared]];
  });
}

/** The columns in which a table's rows are staged: in the types of the table itself, without its lengths. */
export function stagedColumns(table: Pick<Table, "columns">, live: LiveTable): StagedColumn[] {
  return columnsOf(table).map(([name, declared]) => ({ name, type: live.columns.get(name)?.bare ?? declared }));
}

const mostNamed = 20;

/**
 * Reads rows into a temporary table that ends with the transaction.
 * @throws RowRefusal naming the cells that the server does not read, RowFileError
 */
export async function stage(
  client: ClientBase,
  { name, table }: LocatedTable,
  into: string,
  columns: readonly StagedColumn[],
  source: RowSource,
): Promise<void> {
  await client.query(`${temporaryTable(into, columns)}; savepoint staging`);
  try {
    await copyRows(client, temporary(into), columnsOf(table), source);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint staging");
    const named = await unreadable(client, { name, table }, columns, source);
    throw new RowRefusal(`${named ?? `${name}: ${error.message}`}; nothing was written`, { cause: error });
  }
  await client.query("release savepoint staging");
}

/** The full name of a temporary table. */
export function temporary(name: string): string {
  return `pg_temp.${escapeIdentifier(name)}`;
}

function temporaryTable(name: string, columns: readonly StagedColumn[]): string {
  const defined = columns.map((each) => `${escapeIdentifier(each.name)} ${each.type}`);
  return `create temporary table ${escapeIdentifier(name)} (${defined.join(", ")}) on commit drop`;
}

/** Which cells the server does not read, with its reasons: asked cell by cell, once something is known to be wrong. */
async function unreadable(
  client: ClientBase,
  { name, table }: Pick<LocatedTable, "name" | "table">,
  columns: readonly StagedColumn[],
  source: RowSource,
): Promise<string | undefined> {
  const texts = "rewind_texts";
  await client.query(
    temporaryTable(
      texts,
      columns.map(({ name }) => ({ name, type: "text" })),
    ),
  );
  await copyRows(client, temporary(texts), columnsOf(table), source);
  await client.query(`create function pg_temp.rewind_reading(value text, type text) returns text language plpgsql as $$
    begin
      execute format('select %L::%s', value, type);
      return null;
    exception when others then return sqlerrm;
    end $$`);
  const key = `json_build_array(${keyColumns(table)
    .map((each) => column("s", each))
    .join(", ")})`;
  const named: string[] = [];
  for (const { name: cell, type } of columns) {
    const { rows } = await client.query<{ key: unknown[]; value: string; reason: string }>(
      `select ${key} as key, left(${column("s", cell)}, 60) as value, reason
       from ${temporary(texts)} s
       cross join lateral (select pg_temp.rewind_reading(${column("s", cell)}, ${escapeLiteral(type)}) as reason) r
       where ${column("s", cell)} is not null and reason is not null limit ${mostNamed}`,
    );
    named.push(
      ...rows.map(
        ({ key, value, reason }) => `${rowName({ name }, key)} ${cell} = ${JSON.stringify(value)}: ${reason}`,
      ),
    );
  }
  return named.length === 0 ? undefined : named.slice(0, mostNamed).join("; ");
}
