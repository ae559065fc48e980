import { types, type Pool, type PoolClient } from "pg";
import { canonicalJson } from "../release/canonical";
import { askAs, type TextAnswer } from "./asking-as";
import { shortened } from "../release/text";
import type { Measurement } from "./probe";

/**
 * date, timestamp, timestamp with time zone and interval, and arrays of them. The driver would make them times of this
 * machine's zone, in which a day begins elsewhere: they stay the text that the server writes.
 */
const asWritten: ReadonlySet<number> = new Set([1082, 1114, 1184, 1186]);
const arraysAsWritten: ReadonlySet<number> = new Set([1115, 1182, 1185, 1187]);
const textArray = 1009;

const parserOf = types.getTypeParser as (oid: number) => (text: string) => unknown;

/** How the driver reads what a query answers: dates and times as text. */
export const sameEverywhere = {
  getTypeParser: (oid: number) => {
    if (asWritten.has(oid)) return String;
    return parserOf(arraysAsWritten.has(oid) ? textArray : oid);
  },
};

/** The role that may read everything and do nothing else, unless the environment names another one. */
export const usualReader = "pg_read_all_data";

/**
 * Asks a query as a role that may only read, in a transaction that can only read, and compares all its rows with the
 * expected ones, value by value. Numbers that PostgreSQL sends as text (bigint, numeric, count) are compared as numbers
 * when a number is expected; dates and times as the server writes them in UTC, in ISO form: `2025-09-17`, `2025-09-17
 * 08:30:00+00`.
 *
 * @param reader the role that asks
 */
export async function measureQuery(
  pool: Pool,
  query: string,
  expected: readonly (readonly unknown[])[],
  timeout: number,
  reader: string = usualReader,
): Promise<Measurement> {
  return inTransaction(pool, "isolation level repeatable read, read write", async (client) => {
    // A row that a policy hides from the reader is an error, not a row less.
    await client.query(`set local statement_timeout = ${Math.ceil(timeout)}; ${inUtc}; set local row_security = off`);
    return judgeRows(read(await askAs(client, reader, query).catch(explainHidden)), expected);
  });
}

function explainHidden(error: unknown): never {
  const { routine, message = "" } = error as { readonly routine?: string; readonly message?: string };
  if (routine !== "check_enable_rls") throw error;
  throw new Error(
    `${message}; a check of kind visibility asks as a role that the policies are for, or environment.database.reader names a role with BYPASSRLS`,
    { cause: error },
  );
}

/** Rows as the driver would have read them. */
export const read = ({ types, rows }: TextAnswer): unknown[][] =>
  rows.map((row) => row.map((text, at) => (text === null ? null : sameEverywhere.getTypeParser(types[at] ?? 0)(text))));

/** Holds the rows of an answer against the expected ones. */
export function judgeRows(
  rows: readonly (readonly unknown[])[],
  expected: readonly (readonly unknown[])[],
): Measurement {
  const seen = rows.map((row, at) => row.map((value, column) => comparable(value, expected[at]?.[column])));
  const same = canonicalJson(seen) === canonicalJson(expected);
  const evidence = shortened(JSON.stringify(seen));
  return same
    ? { result: "passed", evidence }
    : { result: "failed", evidence: `${evidence}, expected ${shortened(JSON.stringify(expected))}` };
}

/** Times in UTC and ISO form, whatever the role, the database or the server is set to. */
export const inUtc =
  "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'";

/**
 * Runs something in a transaction that can only read and sees one moment, in UTC.
 * @param timeout of each statement, in milliseconds
 */
export async function readOnly<T>(pool: Pool, timeout: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return inTransaction(pool, "isolation level repeatable read, read only", async (client) => {
    await client.query(`set local statement_timeout = ${Math.ceil(timeout)}; ${inUtc}`);
    return work(client);
  });
}

/**
 * Runs something in a transaction that is rolled back.
 * @param mode what `begin transaction` says of it
 */
export async function inTransaction<T>(pool: Pool, mode: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(`begin transaction ${mode}`);
    return await work(client);
  } finally {
    // Whatever happened, the connection goes back without a transaction or a lock on it; a broken one is not kept.
    await client.query("rollback; select pg_advisory_unlock_all()").then(
      () => {
        client.release();
      },
      () => {
        client.release(true);
      },
    );
  }
}

/** A value as PostgreSQL's driver hands it over, in the form in which the expected one is written. */
export function comparable(value: unknown, expected: unknown): unknown {
  // NaN and the infinities have no JSON form; as text they differ from what is expected, and break nothing.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || typeof expected !== "number" || !/^-?\d+(\.\d+)?$/.test(value)) return value;
  // avg() says 2.0000000000000000. A long number that a double cannot hold is not the rounded one.
  const short = value.includes(".") ? value.replace(/\.?0+$/, "") : value;
  return String(Number(short)) === short ? Number(short) : value;
}
