import { escapeIdentifier, type ClientBase, type Pool } from "pg";
import { qualified, type LocatedTable } from "./sql";
import { columnsOf, keyColumns } from "../release/rows";
import { ensureOwnSchema, ownSchema, refuseSharedTable } from "./own-tables";
import { refuseForeignCode } from "./trust";

/** Makes a table when it is missing, and adds the columns that it lacks; what is there stays as it is. */
export async function ensureTable(client: ClientBase, located: LocatedTable): Promise<void> {
  const { table } = located;
  const columns: [string, string][] = columnsOf(table);
  if (table.touched !== undefined) columns.push([table.touched, "timestamptz not null default now()"]);
  const present = await columnsThere(client, located);
  const missing = columns.filter(([name]) => !present.has(name));
  // Asked for first: altering a table locks its readers out, even where there is nothing to alter.
  if (missing.length === 0) return;
  // A column that is added may have every row written again, with all that checks and indexes run.
  await refuseForeignCode(client, located);
  const defined = missing.map(([name, type]) => `${escapeIdentifier(name)} ${type}`);
  // A type by its own name is looked for beside the table first.
  const { rows } = await client.query<{ path: string }>("select current_setting('search_path') as path");
  const path = rows[0]?.path ?? "";
  const beside = `${escapeIdentifier(located.schema)}${path === "" ? "" : `, ${path}`}`;
  await setPath(client, beside);
  if (present.size > 0) {
    // The types themselves: adding a column runs the check of a domain. A table without rows runs nothing.
    await client.query(`create temporary table rewind_added (${defined.join(", ")})`);
    await setPath(client, path);
    await refuseForeignCode(client, { schema: "pg_temp", name: "rewind_added" });
    await client.query("drop table pg_temp.rewind_added");
    await setPath(client, beside);
  }
  if (present.size === 0) {
    const key = keyColumns(table).map((name) => escapeIdentifier(name));
    const body = [...defined, `primary key (${key.join(", ")})`].join(", ");
    await client.query(`create table if not exists ${qualified(located)} (${body})`);
  } else {
    for (const each of defined) {
      await client.query(`alter table ${qualified(located)} add column if not exists ${each}`);
    }
  }
  await setPath(client, path);
}

async function setPath(client: ClientBase, path: string): Promise<void> {
  await client.query("select set_config('search_path', $1, true)", [path]);
}

/** Whether the table is there. */
export async function tableExists(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    qualified(located),
  ]);
  return rows[0]?.found === true;
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
  await ensureOwnSchema(client);
  await client.query(`create table if not exists rewind.archived_rows (
    archived_at timestamptz not null default now(),
    release text not null,
    table_schema text not null,
    table_name text not null,
    key jsonb not null,
    contents jsonb not null
  )`);
  await refuseSharedTable(client, { schema: ownSchema, name: "archived_rows" });
}
