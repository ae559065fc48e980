import { z } from "zod";
import { SqlIdentifier } from "../primitives";

/** A row: column names and JSON values. */
export const Row = z.record(SqlIdentifier, z.json());
export type Row = z.infer<typeof Row>;

/** The rows of one table that a release pins. Rows that no release names are left alone. */
export const ConfigTable = z.strictObject({
  rows: z.array(Row).max(1_000, { error: "at most 1000 inline rows: more belong in a file" }),
});

/** A table whose rows releases pin. */
export const Table = z.strictObject({
  key: SqlIdentifier.describe("The key column"),
  columns: z
    .record(SqlIdentifier, z.enum(["text", "jsonb", "integer", "bigint", "numeric", "boolean", "timestamptz"]))
    .describe("The columns that releases pin, and their types"),
  touched: SqlIdentifier.optional().describe("A timestamp column that moves for rows that changed"),
});
export type Table = z.infer<typeof Table>;
