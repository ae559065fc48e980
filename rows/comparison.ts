import { escapeIdentifier, escapeLiteral, type ClientBase, type Pool } from "pg";
import { hasOneText, type ColumnType } from "../release/columns";
import { parseExactly, withDoubles } from "../release/exact-json";
import { keyColumns, keyOf, keyParts, rowTexts } from "../release/rows";
import type { Row, Table } from "../release/schema/rows";
import { describeTable, type LiveColumn, type LiveTable } from "./catalog";
import { atLine } from "./file";
import { column, differs, hashOf, isAbsent, qualified, rowJson, type LocatedTable } from "./sql";
import type { RowSource } from "./source";
import { pinnedColumns } from "./stage";

/** How a live row stands to an expected one. */
export type Standing = "same" | "different" | "missing";

/** An expected row beside the live one. */
export interface ComparedRow {
  /** The key, as messages call it. */
  readonly key: string;
  /** One text for equal keys, however they are written. */
  readonly identity: string;
  readonly row: Row;
  readonly standing: Standing;
  /** Of a row that is different, the columns in which it is, with the live value as the server writes it. */
  readonly odd: Readonly<Record<string, string | null>>;
}

/** So many rows are compared at a time, or those of so many characters: a row may be long. */
const together = 2_000;
const mostCharacters = 1024 * 1024;

interface Outcome {
  readonly n: number;
  readonly identity: string | null;
  readonly missing: boolean | null;
  readonly odd: Record<string, string | null> | null;
}

/**
 * Compares expected rows with the live ones, in PostgreSQL and in the columns' own types, a few thousand at a time.
 * Columns that the environment no longer has, or has got since, are not compared.
 *
 * @param visit gets every expected row and how the live one stands to it
 * @param wanted whether a key is to be compared at all; those that are not are not visited
 */
export async function compareRows(
  client: Pool | ClientBase,
  located: LocatedTable,
  source: RowSource,
  visit: (compared: ComparedRow) => void,
  { signal, wanted = () => true }: { readonly signal?: AbortSignal; readonly wanted?: (key: string) => boolean } = {},
): Promise<void> {
  const { table } = located;
  const live = await describeTable(client, located);
  if (live === undefined) throw new Error(`there is no table ${located.schema}.${located.name}`);
  const isPlain = keyColumns(table).every((name) => hasOneText(table.columns[name] ?? ""));
  let waiting: { key: string; row: Row }[] = [];
  let characters = 0;
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    characters = 0;
    const first = batch[0];
    if (first === undefined) return;
    const pinned = pinnedColumns(table, live).filter(([{ name }]) => Object.hasOwn(first.row, name));
    const types = pinned.map(([{ name }, declared]): [string, ColumnType] => [name, declared]);
    const texts = batch.map(({ row }) => rowTexts(withOnly(row, types), types));
    const { rows } = await client.query<Outcome>(
      comparison(
        located,
        pinned.map(([each]) => each),
        isPlain,
      ),
      pinned.map((_, at) => texts.map((row) => row[at] ?? null)),
    );
    const outcomes = new Map(rows.map((outcome) => [outcome.n, outcome]));
    for (const [at, { key, row }] of batch.entries()) {
      const { identity, missing = null, odd } = outcomes.get(at + 1) ?? {};
      const standing = missing === null ? "same" : missing ? "missing" : "different";
      visit({ key, identity: identity ?? key, row, standing, odd: odd ?? {} });
    }
  };
  for await (const { first, lines } of source.lines(signal)) {
    for (const [index, line] of lines.entries()) {
      const row = atLine(source.name, first + index, () => parseExactly(line) as Row);
      const key = keyOf(row, table);
      if (!wanted(key)) continue;
      waiting.push({ key, row });
      characters += line.length;
      if (waiting.length < together && characters < mostCharacters) continue;
      signal?.throwIfAborted();
      await flush();
    }
  }
  await flush();
}

function withOnly(row: Row, columns: readonly [string, unknown][]): Row {
  return Object.fromEntries(columns.map(([name]) => [name, row[name] ?? null]));
}

/** Which of the given rows the table lacks or has otherwise, by their place from one; every row, where its key is asked. */
function comparison(located: LocatedTable, pinned: readonly LiveColumn[], isPlain: boolean): string {
  const { table } = located;
  const given = pinned.map((each, at) => ({ each, value: `o.c${at}::${each.bare}` }));
  const keys = keyColumns(table).flatMap((name) => given.filter(({ each }) => each.name === name));
  const on = keys.map(({ each, value }) => `${column("t", each.name)} = ${value}`);
  const different = given.map(({ each, value }) => differs(each, column("t", each.name), value));
  const odd = given.map(
    ({ each }, at) =>
      `case when ${different[at] ?? ""} then jsonb_build_object(${escapeLiteral(each.name)}, left(${column("t", each.name)}::text, 200)) else '{}' end`,
  );
  const identity = isPlain
    ? "null"
    : `${hashOf(
        keys.map(({ each }) => each),
        "k",
        0,
      )}::text`;
  const typed = `(select ${keys.map(({ each, value }) => `${value} as ${escapeIdentifier(each.name)}`).join(", ")}) k`;
  const condition = `${isAbsent(table, "t")} or ${different.join(" or ")}`;
  return `
    select o.n::int as n, ${identity} as identity,
      case when ${condition} then ${isAbsent(table, "t")} end as missing,
      case when not (${isAbsent(table, "t")}) and (${condition}) then ${odd.join(" || ")} end as odd
    from unnest(${given.map((_, at) => `$${at + 1}::text[]`).join(", ")})
      with ordinality as o(${[...given.map((_, at) => `c${at}`), "n"].join(", ")})
    ${isPlain ? "" : `cross join lateral ${typed}`}
    left join ${qualified(located)} t on ${on.join(" and ")}
    ${isPlain ? `where ${condition}` : ""}`;
}

/** The keys of rows, some thousand at a time. */
export async function* keysOf(source: RowSource, table: Table): AsyncGenerator<string[]> {
  for await (const { lines } of source.lines()) {
    for (let at = 0; at < lines.length; at += together) {
      yield lines.slice(at, at + together).map((line) => keyOf(parseExactly(line) as Row, table));
    }
  }
}

/** The rows with the given keys as JSON, by key, with every pinned column. A key that is not there is not in the map. */
export async function readRows(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
): Promise<Map<string, Row>> {
  const live = await describeTable(client, located);
  if (live === undefined) return new Map();
  const found = await select(client, located, live, keys, rowJson(pinnedColumns(located.table, live), "t"));
  const columns = Object.keys(located.table.columns);
  return new Map(
    found.map(({ n, text }) => {
      // Old logs have digests of rows as JavaScript writes them.
      const row = withDoubles(parseExactly(text)) as Row;
      return [keys[n - 1] ?? "", Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))];
    }),
  );
}

/** The rows with the given keys as lines of a row file: the pinned columns, or every column that the table has. */
export async function readLines(
  client: Pool | ClientBase,
  located: LocatedTable,
  live: LiveTable,
  keys: readonly string[],
  which: "pinned" | "all",
): Promise<string[]> {
  const columns = which === "pinned" ? pinnedColumns(located.table, live) : allColumns(live);
  return (await select(client, located, live, keys, rowJson(columns, "t"))).map(({ text }) => text);
}

/** Every column of a table but those that the server computes, each in its own type. */
export function allColumns(live: LiveTable): [live: LiveColumn, declared: ColumnType][] {
  return [...live.columns.values()].flatMap((each): [LiveColumn, ColumnType][] =>
    each.generated ? [] : [[each, each.base]],
  );
}

async function select(
  client: Pool | ClientBase,
  located: LocatedTable,
  live: LiveTable,
  keys: readonly string[],
  what: string,
): Promise<{ n: number; text: string }[]> {
  const { table } = located;
  const names = keyColumns(table);
  const parts = keys.map((key) => keyParts(key, table));
  const on = names.map((name, at) => `${column("t", name)} = o.k${at}::${live.columns.get(name)?.bare ?? "text"}`);
  const { rows } = await client.query<{ n: number; text: string }>(
    `select o.n::int as n, (${what})::text as text
     from unnest(${names.map((_, at) => `$${at + 1}::text[]`).join(", ")})
       with ordinality as o(${[...names.map((_, at) => `k${at}`), "n"].join(", ")})
     join ${qualified(located)} t on ${on.join(" and ")} order by o.n`,
    names.map((_, at) => parts.map((part) => part[at] ?? null)),
  );
  return rows;
}
