import { z } from "zod";
import { ColumnType } from "../columns";
import { Digest, ProjectPath, SqlIdentifier } from "../primitives";

/** A row: column names and JSON values. `null` is SQL NULL everywhere. */
export const Row = z.record(SqlIdentifier, z.json());
export type Row = z.infer<typeof Row>;

const InlineRows = z.strictObject({
  rows: z.array(Row).max(1_000, { error: "at most 1000 inline rows: more belong in a file" }),
});

/** Rows that stand in a file of JSON Lines, a row per line, pinned by what the file holds. */
export const RowFile = z.strictObject({
  file: ProjectPath.describe("JSON Lines, one row per line"),
  digest: Digest.describe("SHA-256 of the file's bytes"),
  count: z.int().min(0).describe("How many rows the file holds"),
});
export type RowFile = z.infer<typeof RowFile>;

/** The rows of one table that a release pins. Rows that no release names are left alone. */
export const ConfigTable = z.union([InlineRows, RowFile], { error: "expected {rows: […]} or {file, digest, count}" });
export type ConfigTable = z.infer<typeof ConfigTable>;

/** A table whose rows releases pin. */
export const Table = z.strictObject({
  schema: SqlIdentifier.optional().describe("Where the table stands; the database's own schema unless said"),
  key: z
    .union([SqlIdentifier, z.array(SqlIdentifier).min(1, { error: "expected one key column or more" }).max(32)], {
      error: "expected a PostgreSQL identifier such as scoring_config, or a list of them",
    })
    .describe("The key column, or the columns of a composite key"),
  columns: z.record(SqlIdentifier, ColumnType).describe("The columns that releases pin, and their types"),
  touched: SqlIdentifier.optional().describe("A timestamp column that moves for rows that changed"),
});
export type Table = z.infer<typeof Table>;
