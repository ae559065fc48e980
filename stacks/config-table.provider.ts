import type { dynamic } from "@pulumi/pulumi";
import { Client, escapeIdentifier, type ClientBase } from "pg";
import { sslFor } from "../checks/clients";
import { qualified, readRows, type LocatedTable } from "../checks/rows";
import { canonicalJson } from "../release/canonical";
import { keyOf, normalRow, sameRow } from "../release/rows";
import type { Row, Table } from "../release/schema/rows";
import type { ConfigTableInputs } from "./config-table";

/** Creates the table when it is missing and puts the pinned rows in. Rows that stand there with other values stop it. */
export async function create(inputs: ConfigTableInputs): Promise<dynamic.CreateResult<ConfigTableInputs>> {
  await apply(inputs, []);
  return { id: `${inputs.connection.database}.${inputs.schema}.${inputs.name}`, outs: inputs };
}

/** What the engine asks of two versions; a table elsewhere is another resource. */
export function diff(olds: ConfigTableInputs, news: ConfigTableInputs): Promise<dynamic.DiffResult> {
  const place = ({ connection, schema, name }: ConfigTableInputs) => [connection.database, schema, name];
  const moved = canonicalJson(place(olds)) !== canonicalJson(place(news));
  const changed = canonicalJson(comparable(olds)) !== canonicalJson(comparable(news));
  return Promise.resolve({ changes: changed || moved, replaces: moved ? ["name"] : [] });
}

/** Moves the rows from what was last applied to what is pinned, in one transaction. */
export async function update(
  olds: ConfigTableInputs,
  news: ConfigTableInputs,
): Promise<dynamic.UpdateResult<ConfigTableInputs>> {
  await apply(news, olds.rows);
  return { outs: news };
}

/** The rows as they are now, so that a refresh sees drift. */
export async function read(id: string, props?: ConfigTableInputs): Promise<dynamic.ReadResult<ConfigTableInputs>> {
  if (props === undefined) throw new Error("rows are not imported: a release pins them");
  const located = { schema: props.schema, name: props.name, table: props.table };
  const keys = props.rows.map((row) => keyOf(row, props.table));
  const live = await connected(props, (client) => readRows(client, located, keys));
  return { id, props: { ...props, rows: [...live.values()] } };
}

/** Everything but `__provider`, which the engine adds; rows without regard to their order. */
function comparable({ connection, password, schema, name, table, rows }: ConfigTableInputs): unknown {
  const sorted = rows.map((row) => canonicalJson(normalRow(row, table))).sort();
  return { connection, password, schema, name, table, rows: sorted };
}

async function apply(inputs: ConfigTableInputs, before: readonly Row[]): Promise<void> {
  const { schema, name, table, rows } = inputs;
  const located = { schema, name, table };
  await connected(inputs, async (client) => {
    await client.query("begin");
    try {
      await client.query("set local lock_timeout = '10s'");
      await ensureTable(client, located);
      await moveRows(client, located, before, rows);
      await client.query("commit");
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Compare-and-swap, row by row, while nobody else may write: a row must be as it was last applied, or already as it is
 * pinned (an update that stopped half-way and is run again). Anything else is somebody's edit, and it stops the whole
 * transaction.
 */
async function moveRows(
  client: ClientBase,
  located: LocatedTable,
  before: readonly Row[],
  after: readonly Row[],
): Promise<void> {
  const { table } = located;
  const from = byKey(before, table);
  const to = byKey(after, table);
  const keys = [...new Set([...from.keys(), ...to.keys()])].sort();
  // Readers go on; a row that is not there yet cannot be locked by itself.
  await client.query(`lock table ${qualified(located)} in share row exclusive mode`);
  const live = await readRows(client, located, keys);
  const holds = (row: Row | undefined, expected: Row | undefined): boolean =>
    row === undefined || expected === undefined ? row === expected : sameRow(expected, row, table);
  const edited = keys.filter((key) => !holds(live.get(key), from.get(key)) && !holds(live.get(key), to.get(key)));
  if (edited.length > 0) {
    const told = (row: Row | undefined, nothing: string): string => (row === undefined ? nothing : JSON.stringify(row));
    const named = edited
      .slice(0, 20)
      .map(
        (key) =>
          `${located.name}/${key} is ${told(live.get(key), "gone")}, last applied was ${told(from.get(key), "nothing")}`,
      );
    throw new Error(
      `rows changed behind Rewind's back; nothing was written: ${named.join("; ")}; put them back, or take them over with: pulumi refresh`,
    );
  }
  for (const key of keys) {
    const row = to.get(key);
    if (holds(live.get(key), row)) continue;
    if (row === undefined) await removeRow(client, located, key);
    else await putRow(client, located, row);
  }
}

function byKey(rows: readonly Row[], table: Table): Map<string, Row> {
  return new Map(rows.map((row) => [keyOf(row, table), normalRow(row, table)]));
}

async function putRow(client: ClientBase, located: LocatedTable, row: Row): Promise<void> {
  const { table } = located;
  const columns = Object.keys(row);
  const values = columns.map((column) => {
    const value = row[column] ?? null;
    return table.columns[column] === "jsonb" && value !== null ? JSON.stringify(value) : value;
  });
  const names = columns.map(escapeIdentifier);
  const placeholders = columns.map((column, index) => `$${index + 1}::${table.columns[column] ?? "text"}`);
  const touched = table.touched === undefined ? undefined : escapeIdentifier(table.touched);
  const sets = names.filter((name) => name !== escapeIdentifier(table.key)).map((name) => `${name} = excluded.${name}`);
  if (touched !== undefined) sets.push(`${touched} = now()`);
  await client.query(
    `insert into ${qualified(located)} (${[...names, ...(touched === undefined ? [] : [touched])].join(", ")})
     values (${[...placeholders, ...(touched === undefined ? [] : ["now()"])].join(", ")})
     on conflict (${escapeIdentifier(table.key)}) do ${sets.length > 0 ? `update set ${sets.join(", ")}` : "nothing"}`,
    values,
  );
}

async function removeRow(client: ClientBase, located: LocatedTable, key: string): Promise<void> {
  await client.query(`delete from ${qualified(located)} where ${escapeIdentifier(located.table.key)}::text = $1`, [
    key,
  ]);
}

/** Makes the table when it is missing, and adds the columns that it lacks; what is there stays as it is. */
export async function ensureTable(client: ClientBase, located: LocatedTable): Promise<void> {
  const { table } = located;
  const columns = Object.entries(table.columns).map(([column, type]): [string, string] => [
    column,
    `${type}${column === table.key ? " primary key" : ""}`,
  ]);
  if (table.touched !== undefined) columns.push([table.touched, "timestamptz not null default now()"]);
  const defined = columns.map(([column, type]) => `${escapeIdentifier(column)} ${type}`);
  await client.query(`create table if not exists ${qualified(located)} (${defined.join(", ")})`);
  const { rows } = await client.query<{ name: string }>(
    "select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
    [qualified(located)],
  );
  const present = new Set(rows.map(({ name }) => name));
  // Asked for first: altering a table locks its readers out, even where there is nothing to alter.
  for (const [column, type] of columns.filter(([name]) => !present.has(name))) {
    await client.query(
      `alter table ${qualified(located)} add column if not exists ${escapeIdentifier(column)} ${type}`,
    );
  }
}

async function connected<T>(inputs: ConfigTableInputs, act: (client: Client) => Promise<T>): Promise<T> {
  const { host, port, user, database, sslmode } = inputs.connection;
  const client = new Client({
    host,
    port,
    user,
    database,
    password: inputs.password,
    ssl: sslFor(sslmode),
    connectionTimeoutMillis: 10_000,
    application_name: "rewind",
  });
  // A connection that breaks between two queries is the next query's error, not the process's end.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}
