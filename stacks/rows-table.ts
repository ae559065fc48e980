import { escapeIdentifier, type ClientBase } from "pg";
import { qualified, type LocatedTable } from "../checks/row-sql";
import { columnsOf, keyColumns } from "../release/rows";

/** Makes a table when it is missing, and adds the columns that it lacks; what is there stays as it is. */
export async function ensureTable(client: ClientBase, located: LocatedTable): Promise<void> {
  const { table } = located;
  const columns: [string, string][] = columnsOf(table);
  if (table.touched !== undefined) columns.push([table.touched, "timestamptz not null default now()"]);
  const defined = columns.map(([name, type]) => `${escapeIdentifier(name)} ${type}`);
  const key = keyColumns(table).map((name) => escapeIdentifier(name));
  const body = [...defined, `primary key (${key.join(", ")})`].join(", ");
  await client.query(`create table if not exists ${qualified(located)} (${body})`);
  const present = await columnsThere(client, located);
  // Asked for first: altering a table locks its readers out, even where there is nothing to alter.
  for (const [name, type] of columns.filter(([name]) => !present.has(name))) {
    await client.query(`alter table ${qualified(located)} add column if not exists ${escapeIdentifier(name)} ${type}`);
  }
}

/** The names of a table's columns; none when there is no such table. */
export async function columnsThere(client: ClientBase, located: LocatedTable): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    "select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
    [qualified(located)],
  );
  return new Set(rows.map(({ name }) => name));
}

/** Makes where removed rows are kept. */
export async function ensureArchive(client: ClientBase): Promise<void> {
  await client.query("create schema if not exists rewind");
  await client.query(`create table if not exists rewind.archived_rows (
    archived_at timestamptz not null default now(),
    release text not null,
    table_schema text not null,
    table_name text not null,
    key jsonb not null,
    contents jsonb not null
  )`);
}
