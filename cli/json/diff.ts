import { z } from "zod";
import { check, count, digest, entryId, pins, release, risk, shownChange, time, type Printed } from "./shapes";

const side = z.strictObject({
  release,
  digest,
  pins,
  as: z.enum(["verified last", "running", "pinned", "named"]).describe("Why this one"),
});
export type Side = Printed<typeof side>;

const notes = z.array(z.string()).describe("What a reader should know besides");

export type ShownChange = Printed<typeof shownChange>;

const releases = z.strictObject({
  stack: z.string(),
  from: side,
  to: side,
  risk: risk.nullable().describe("The worst of all changes; null when there is none"),
  changes: z.array(shownChange),
  notes,
});
export type Diff = Printed<typeof releases>;

const live = z.strictObject({
  stack: z.string(),
  applied: z.strictObject({ release, digest, entry: entryId, at: time }),
  drifted: count.describe("How many of the checks say that something is not as it was applied"),
  checks: z.array(check),
  notes,
});
export type Drift = Printed<typeof live>;

/** `rewind diff`, with and without `--live`. */
export const diff = z.union([releases, live]);
