import { z } from "zod";
import {
  advised,
  count,
  digest,
  entryId,
  next,
  obstacle,
  release,
  result,
  time,
  verdict,
  type Printed,
} from "./shapes";

const assessment = z.strictObject({
  release,
  digest: digest.nullable().describe("Of what it would deploy; null where the catalogue cannot say it"),
  knownGood: z
    .strictObject({ at: time, entry: entryId, times: count })
    .nullable()
    .describe("When it passed here last; null where it never did"),
  can: z.boolean(),
  obstacles: z.array(obstacle).describe("What refuses it, as the stack file and the log know it"),
  verdict: z
    .strictObject({ ...verdict.shape, checks: z.array(advised) })
    .describe("Every check of the release, and those that hold for any"),
  warnings: z.array(z.string()).describe("What speaks against it although nothing forbids it"),
  reason: z.string().nullable().describe("The first thing that stands in the way"),
  next,
});

export type Assessment = Printed<typeof assessment>;

/** `rewind can-rollback` */
export const canRollback = z.strictObject({
  stack: z.string(),
  applied: release.nullable().describe("What was applied last; null before the first update"),
  asked: release.nullable().describe("Null for all that are known to be good"),
  can: z.boolean().describe("Whether there is one to go back to"),
  common: z.array(advised).describe("What holds for any release: the newest backup, the engine, its plugins"),
  releases: z.array(assessment).describe("The newest first"),
  older: count.describe("How many known-good releases were left out"),
  next,
});
export type CanRollback = Printed<typeof canRollback>;

/** `rewind doctor` */
export const doctor = z.strictObject({
  stack: z.string().nullable().describe("Null where none is named and none is selected"),
  result,
  checks: z.array(advised),
});
export type Diagnosis = Printed<typeof doctor>;
