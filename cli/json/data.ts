import { z } from "zod";
import { Baseline } from "../../release/baseline";
import { count, entryId, milliseconds, risk, type Printed } from "./shapes";

const table = z.string().describe("With its schema");
const since = z.string().describe("ISO 8601; rows made after it");

/** `rewind data list` */
export const list = z.strictObject({
  stack: z.string(),
  name: z.string().describe("As environment.database.stamped names it"),
  table,
  madeBy: z.string().nullable(),
  since: since.nullable(),
  total: count.describe("How many rows there are, shown or not"),
  counts: z.array(z.strictObject({ version: z.string().nullable().describe("Null for rows that carry none"), count })),
  rows: z.array(z.record(z.string(), z.string().nullable())).describe("The newest, by column"),
});
export type DataListJson = Printed<typeof list>;

/** `rewind data clean` */
export const clean = z.strictObject({
  stack: z.string(),
  name: z.string(),
  table,
  madeBy: z.string(),
  since,
  count,
  risk,
  outcome: z.enum(["none", "refused", "cleaned"]),
  aborted: z.literal(true).optional().describe("Whoever was asked said no"),
  run: entryId.optional().describe("What rewind data restore <run> undoes"),
  milliseconds: milliseconds.optional().describe("How long the clean-up took, in milliseconds"),
  objective: milliseconds.optional().describe("What it might have taken"),
});
export type DataCleanJson = Printed<typeof clean>;

/** `rewind data restore <run>` */
export const restore = z.strictObject({
  stack: z.string(),
  outcome: z.literal("restored"),
  run: entryId,
  table,
  count,
});
export type DataRestoreJson = Printed<typeof restore>;

/** `rewind baseline` */
export const baseline = z.strictObject({ file: z.string(), ...Baseline.shape });
export type BaselineJson = Printed<typeof baseline>;
