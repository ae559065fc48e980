import { z } from "zod";
import { check, entryId, next, result, toggle, type Printed } from "./shapes";

const value = toggle.nullable();
const listed = z.array(
  z.strictObject({
    toggle: z.string(),
    value: value.describe("Null where nothing says one"),
    source: z.enum(["stack", "release", "nothing"]).describe("Who says so"),
    release: value.describe("What the release says"),
  }),
);
export type TogglesJson = Printed<typeof listed>;

const set = z.strictObject({
  stack: z.string(),
  toggle: z.string(),
  value: value.describe("Null where it is given back to the release"),
  reason: z.string().describe("Why it was set; where it was refused or is unfinished, why that is"),
  entry: entryId,
  outcome: z.union([
    result,
    z.enum(["not applied", "unchanged", "unfinished", "refused", "stopped", "locked", "tampered"]),
  ]),
  next: next.optional(),
  checks: z.array(check).optional(),
});
export type ToggleSetJson = Printed<typeof set>;

/** `rewind toggle`: the list, or what became of one. */
export const toggles = z.union([listed, set]);

/** `rewind rotate` */
export const rotate = z.union([
  z.strictObject({
    outcome: z.literal("rotated"),
    identity: z.string(),
    from: z.string().describe("The access key that was revoked"),
    to: z.string().describe("The access key that is used now"),
    entry: entryId,
  }),
  z.strictObject({ outcome: z.literal("unfinished"), identity: z.string(), reason: z.string(), next }),
]);
export type RotateJson = Printed<typeof rotate>;
