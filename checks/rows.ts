import { escapeIdentifier, type ClientBase, type Pool } from "pg";
import { digestOf } from "../release/canonical";
import { keyOf, normalRow } from "../release/rows";
import type { Digest } from "../release/primitives";
import type { Row, Table } from "../release/schema/rows";
import type { Measurement } from "./probe";

/** Whether the table is there. */
export async function tableExists(client: Pool | ClientBase, located: LocatedTable): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    qualified(located),
  ]);
  return rows[0]?.found === true;
}

/** A table where it stands: schema, name and what releases pin of it. */
export interface LocatedTable {
  readonly schema: string;
  readonly name: string;
  readonly table: Table;
}

/** The table's full name, quoted. */
export function qualified({ schema, name }: LocatedTable): string {
  return `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;
}

/**
 * The rows with the given keys, in the normal form, by key. A key that is not there is not in the map; a table that is
 * not there has no rows, and a column that is not there is null.
 */
export async function readRows(
  client: Pool | ClientBase,
  located: LocatedTable,
  keys: readonly string[],
): Promise<Map<string, Row>> {
  const { table } = located;
  if (!(await tableExists(client, located))) return new Map();
  const { rows } = await client.query<{ row: Row }>(
    `select to_jsonb(t) as row from ${qualified(located)} t where t.${escapeIdentifier(table.key)}::text = any($1)`,
    [keys],
  );
  return new Map(
    rows.map(({ row }) => {
      const pinned = Object.fromEntries(Object.keys(table.columns).map((column) => [column, row[column] ?? null]));
      return [keyOf(pinned, table), normalRow(pinned, table)];
    }),
  );
}

/**
 * Whether the rows hold what the pin says; the evidence is in the words of the plans, ROLLBACK SUCCESS or ROLLBACK
 * FAILED, and names every row that differs.
 */
export async function measureRows(client: Pool, located: LocatedTable, pinned: readonly Row[]): Promise<Measurement> {
  const { name, table } = located;
  const live = await readRows(
    client,
    located,
    pinned.map((row) => keyOf(row, table)),
  );
  const wrong = pinned.flatMap((row): string[] => {
    const key = keyOf(row, table);
    const found = live.get(key);
    const expected = normalRow(row, table);
    if (found === undefined) return [`${name}/${key} is missing`];
    return Object.keys(expected)
      .filter((column) => digestOf(expected[column]) !== digestOf(found[column] ?? null))
      .map((column) => `${name}/${key} ${column} = ${brief(found[column])}, pinned is ${brief(expected[column])}`);
  });
  if (wrong.length > 0) return { result: "failed", evidence: `ROLLBACK FAILED: ${wrong.slice(0, 20).join("; ")}` };
  const only = pinned.length === 1 ? pinned[0] : undefined;
  const values = Object.entries(only ?? {}).filter(([column]) => column !== table.key);
  const told = values.map(([column, value]) => ` ${column} = ${brief(value)}`).join(",");
  const subject = only === undefined ? `${pinned.length} rows of ${name}` : `${name}/${keyOf(only, table)}${told}`;
  return { result: "passed", evidence: `ROLLBACK SUCCESS: ${subject}` };
}

function brief(value: unknown): string {
  const text = JSON.stringify(value ?? null);
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

/** The digests of rows as they were applied or attempted, by key. */
export type RowDigests = Readonly<Record<string, Digest>>;

/**
 * Whether the live rows are what Rewind left there. After an update that stopped half-way a row may be as it was before
 * or as that update meant it, so each row must match one of the states; a key that a state lacks may be absent.
 */
export async function measureRowDrift(
  client: Pool,
  located: LocatedTable,
  states: readonly RowDigests[],
): Promise<Measurement> {
  const keys = [...new Set(states.flatMap((state) => Object.keys(state)))].sort();
  let live: Map<string, Row>;
  try {
    // A stack that was destroyed, and came up half-way, has the database and not yet the table.
    if (!(await tableExists(client, located))) {
      return { result: "passed", evidence: "the table is gone as a whole; there is nothing to compare" };
    }
    live = await readRows(client, located, keys);
  } catch (error) {
    // A stack that was destroyed took its database along. One that was dropped by hand is missed by the next update.
    if ((error as { code?: string }).code !== "3D000") throw error;
    return { result: "passed", evidence: "the database is gone as a whole; there is nothing to compare" };
  }
  const drifted = keys.filter((key) => {
    const allowed = digestsOf(live.get(key));
    return !states.some((state) => allowed.includes(Object.hasOwn(state, key) ? state[key] : undefined));
  });
  if (drifted.length === 0) return { result: "passed", evidence: `${keys.length} rows are as they were applied` };
  const named = drifted.slice(0, 20).map((key) => {
    const row = live.get(key);
    return `${located.name}/${key} ${row === undefined ? "is gone" : `is now ${JSON.stringify(row)}`}`;
  });
  const more = drifted.length > named.length ? ` and ${drifted.length - named.length} more` : "";
  return { result: "failed", evidence: `changed behind Rewind's back: ${named.join("; ")}${more}` };
}

/**
 * The digests under which a live row may stand in the log: its own, and that without the columns that are null, for a
 * column that the table has got since. Every row pins every column, so the second fits only in that case. A row that
 * had a null of its own before the table got the column fits neither, and is told as drift.
 */
function digestsOf(row: Row | undefined): (Digest | undefined)[] {
  if (row === undefined) return [undefined];
  return [digestOf(row), digestOf(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)))];
}
