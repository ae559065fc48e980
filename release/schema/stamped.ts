import { z } from "zod";
import { Duration, Moment, Name, SqlIdentifier } from "../primitives";
import { ofEveryCheck, Text } from "./common";

const columns = z.array(SqlIdentifier).min(1, { error: "expected one column or more" }).max(32);

/** A table of customers' rows, each of which carries the version that made it. */
export const StampedTable = z.strictObject({
  schema: SqlIdentifier.optional().describe("Where the table stands; the database's own schema unless said"),
  table: SqlIdentifier.optional().describe("The table; of the entry's own name unless said"),
  version: SqlIdentifier.describe("The column that carries the version"),
  created: SqlIdentifier.describe("The column that says when the row was made"),
  key: columns.describe("The columns that tell a row from every other"),
  show: columns.optional().describe("Other columns that a list shows"),
  cleanInProduction: Text.min(1, { error: "expected the reason" })
    .optional()
    .describe("Why rows may be cleaned up on a production stack; without a reason they may not"),
});
export type StampedTable = z.infer<typeof StampedTable>;

/** Which versions made the rows of late; one that is not the pinned one is an anomaly. */
export const Stamps = z
  .strictObject({
    kind: z.literal("stamps"),
    ...ofEveryCheck,
    of: Name.describe("The stamped table, as environment.database.stamped names it"),
    pinned: z
      .strictObject({ table: SqlIdentifier, key: Text, column: SqlIdentifier.optional() })
      .describe("The pinned row that says which version it must be, and its column, value unless said"),
    since: Moment.optional().describe("Rows from before are not looked at"),
    within: Duration.optional().describe("Nor are rows that are older than that"),
    grace: Duration.optional().describe("How long, once a release is applied, rows of the one before may still come"),
    atMost: z.int().min(0).optional().describe("How many rows another version may have made, 0 unless said"),
  })
  .describe("Rows from before the pin was applied are never looked at");
export type Stamps = z.infer<typeof Stamps>;
