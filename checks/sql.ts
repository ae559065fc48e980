import type { Pool, PoolClient } from "pg";
import { canonicalJson } from "../release/canonical";
import type { Measurement } from "./probe";

const mostRows = 1_000;

/**
 * Asks a query in a transaction that can only read, and compares all its rows with the expected ones, value by value.
 * Numbers that PostgreSQL sends as text (bigint, numeric, count) are compared as numbers when a number is expected.
 */
export async function measureQuery(
  pool: Pool,
  query: string,
  expected: readonly (readonly unknown[])[],
  timeout: number,
): Promise<Measurement> {
  return readOnly(pool, timeout, async (client) => {
    const { rows } = await client.query<unknown[]>({ text: query, rowMode: "array" });
    if (rows.length > mostRows) return { result: "error", evidence: `${rows.length} rows; at most ${mostRows}` };
    const seen = rows.map((row, at) => row.map((value, column) => comparable(value, expected[at]?.[column])));
    const same = canonicalJson(seen) === canonicalJson(expected);
    const told = JSON.stringify(seen).slice(0, 300);
    return same
      ? { result: "passed", evidence: told }
      : { result: "failed", evidence: `${told}, expected ${JSON.stringify(expected).slice(0, 300)}` };
  });
}

/**
 * Runs something in a transaction that can only read and sees one moment, in UTC.
 * @param timeout of each statement, in milliseconds
 */
export async function readOnly<T>(pool: Pool, timeout: number, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("begin transaction isolation level repeatable read, read only");
    await client.query(`set local statement_timeout = ${Math.ceil(timeout)}; set local timezone = 'UTC'`);
    return await work(client);
  } finally {
    // Whatever happened, the connection goes back without a transaction on it; a broken one is not kept.
    await client.query("rollback").then(
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
  if (value instanceof Date) return value.toISOString();
  // NaN and the infinities have no JSON form; as text they differ from what is expected, and break nothing.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "string" || typeof expected !== "number" || !/^-?\d+(\.\d+)?$/.test(value)) return value;
  // avg() says 2.0000000000000000. A long number that a double cannot hold is not the rounded one.
  const short = value.includes(".") ? value.replace(/\.?0+$/, "") : value;
  return String(Number(short)) === short ? Number(short) : value;
}
