import type { ClientBase, Pool } from "pg";
import { columnsOf, keyColumns, keyOf, rowTexts } from "../release/rows";
import type { Row, Table } from "../release/schema/rows";
import { atLine } from "./row-file";
import { column, differs, isAbsent, qualified, rowJson, type LocatedTable } from "./row-sql";
import type { RowSource } from "./row-source";

/** How a live row stands to an expected one. */
export type Standing = "same" | "different" | "missing";

const together = 2_000;

/**
 * Compares expected rows with the live ones, in PostgreSQL and in the columns' own types, a few thousand at a time.
 * Columns that the environment no longer has, or has got since, are not compared.
 *
 * @param visit gets every expected row with its key and how the live one stands to it
 * @param wanted whether a key is to be compared at all; those that are not are not visited
 */
export async function compareRows(
  client: Pool | ClientBase,
  located: LocatedTable,
  source: RowSource,
  visit: (key: string, row: Row, standing: Standing) => void,
  { signal, wanted = () => true }: { readonly signal?: AbortSignal; readonly wanted?: (key: string) => boolean } = {},
): Promise<void> {
  const { table } = located;
  let waiting: { key: string; row: Row }[] = [];
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    const first = batch[0];
    if (first === undefined) return;
    const pinned = columnsOf(table).filter(([name]) => Object.hasOwn(first.row, name));
    const texts = batch.map(({ row }) => rowTexts(withOnly(row, pinned), pinned));
    const { rows } = await client.query<{ n: number; missing: boolean }>(comparison(located, pinned), [
      ...pinned.map((_, at) => texts.map((row) => row[at] ?? null)),
    ]);
    const odd = new Map(rows.map(({ n, missing }) => [n, missing ? ("missing" as const) : ("different" as const)]));
    for (const [at, { key, row }] of batch.entries()) visit(key, row, odd.get(at + 1) ?? "same");
  };
  for await (const { first, lines } of source.lines(signal)) {
    for (const [index, line] of lines.entries()) {
      const row = atLine(source.name, first + index, () => JSON.parse(line) as Row);
      const key = keyOf(row, table);
      if (!wanted(key)) continue;
      waiting.push({ key, row });
      if (waiting.length < together) continue;
      signal?.throwIfAborted();
      await flush();
    }
  }
  await flush();
}

function withOnly(row: Row, columns: readonly [string, unknown][]): Row {
  return Object.fromEntries(columns.map(([name]) => [name, row[name] ?? null]));
}

/** Which of the given rows the table lacks or has otherwise, by their place from one. */
function comparison(located: LocatedTable, pinned: ReturnType<typeof columnsOf>): string {
  const { table } = located;
  const given = pinned.map(([, type], at) => ({ param: `$${at + 1}::text[]`, value: `o.c${at}::${type}` }));
  const valueOf = (name: string) => given[pinned.findIndex(([each]) => each === name)]?.value ?? "null";
  const key = keyColumns(table).map((name) => `${column("t", name)} = ${valueOf(name)}`);
  const different = pinned.map(([name, type], at) => differs(type, column("t", name), given[at]?.value ?? "null"));
  return `
    select o.n::int as n, ${isAbsent(table, "t")} as missing
    from unnest(${given.map(({ param }) => param).join(", ")})
      with ordinality as o(${[...given.map((_, at) => `c${at}`), "n"].join(", ")})
    left join ${qualified(located)} t on ${key.join(" and ")}
    where ${isAbsent(table, "t")} or ${different.join(" or ")}`;
}

/** The keys of rows, some thousand at a time. */
export async function* keysOf(source: RowSource, table: Table): AsyncGenerator<string[]> {
  for await (const { lines } of source.lines()) {
    for (let at = 0; at < lines.length; at += together) {
      yield lines.slice(at, at + together).map((line) => keyOf(JSON.parse(line) as Row, table));
    }
  }
}

/**
 * The rows with the given keys as JSON, by key, with every pinned column. A key that is not there is
 * not in the map. Long numbers have lost digits, so this is for people and not for comparing.
 */
export async function readRows(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
): Promise<Map<string, Row>> {
  const texts = await readRowTexts(client, located, keys);
  const columns = Object.keys(located.table.columns);
  return new Map(
    [...texts].map(([key, text]) => {
      const row = JSON.parse(text) as Row;
      return [key, Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))];
    }),
  );
}

/** The same as JSON texts with every digit, and with every column that the table has. */
export async function readRowTexts(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
): Promise<Map<string, string>> {
  return new Map((await select(client, located, keys, "to_json(t.*)")).map(({ n, text }) => [keys[n - 1] ?? "", text]));
}

/** The rows with the given keys as lines of a row file: the pinned columns, long numbers and times as texts. */
export async function readPinnedColumns(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
): Promise<string[]> {
  return (await select(client, located, keys, rowJson(located.table, "t"))).map(({ text }) => text);
}

async function select(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
  what: string,
): Promise<{ n: number; text: string }[]> {
  const { table } = located;
  const names = keyColumns(table);
  const parts = keys.map((key) => (names.length === 1 ? [key] : (JSON.parse(key) as unknown[]).map(String)));
  const on = names.map((name, at) => `${column("t", name)} = o.k${at}::${table.columns[name] ?? "text"}`);
  const { rows } = await client.query<{ n: number; text: string }>(
    `select o.n::int as n, (${what})::text as text
     from unnest(${names.map((_, at) => `$${at + 1}::text[]`).join(", ")})
       with ordinality as o(${[...names.map((_, at) => `k${at}`), "n"].join(", ")})
     join ${qualified(located)} t on ${on.join(" and ")} order by o.n`,
    names.map((_, at) => parts.map((part) => part[at] ?? null)),
  );
  return rows;
}
