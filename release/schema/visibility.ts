import { z } from "zod";
import { SqlIdentifier } from "../primitives";
import { ofEveryCheck, Text } from "./common";

/** The name of a setting of the application's own, such as request.jwt.claims; PostgreSQL's have no dot. */
const SettingName = z.string().regex(/^[a-z_][a-z0-9_]{0,62}(?:\.[a-z_][a-z0-9_]{0,62}){1,3}$/, {
  error: "expected a setting such as app.user_id or request.jwt.claims",
});

/** What a viewer sees of a query: rows, a number of them, nothing at all, or that it may not ask. */
const Sees = z.union(
  [
    z.strictObject({ rows: z.array(z.array(z.json())).min(1) }),
    z.strictObject({ count: z.int().min(1) }),
    z.literal("nothing"),
    z.literal("denied"),
  ],
  { error: "expected {rows: …}, {count: …}, nothing or denied" },
);

const Viewer = z.strictObject({
  as: z.strictObject({
    role: SqlIdentifier.describe("The role that asks; never the administrator"),
    settings: z
      .record(SettingName, z.union([Text, z.record(Text, z.json())]))
      .optional()
      .describe("Objects are set as JSON"),
  }),
  sees: Sees,
});
export type Viewer = z.infer<typeof Viewer>;

/** Row-level security by what it does: what each viewer sees of the same query. */
export const Visibility = z.strictObject({
  kind: z.literal("visibility"),
  ...ofEveryCheck,
  query: z.string().min(1).max(10_000),
  viewers: z.array(Viewer).min(1).max(50),
});
export type Visibility = z.infer<typeof Visibility>;
