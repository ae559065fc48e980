import { z } from "zod";
import { scopes } from "../../release/assessment";
import { areas } from "../../release/schema/common";
import { approval, requestApproval } from "./entry";
import {
  aborted,
  check,
  digest,
  entryId,
  level,
  milliseconds,
  next,
  obstacle,
  plan,
  release,
  resources,
  result,
  time,
  verdict,
  type Printed,
} from "./shapes";

/** `rewind verify` */
export const verify = z.strictObject({
  stack: z.string(),
  release,
  digest: digest.describe("Of what is pinned"),
  verdict,
  changes: resources.optional().describe("To reach the pin; left out when the preview was refused"),
  refused: z.exactOptional(z.string()).describe("Why the preview was refused"),
  outcome: z.enum(["rollback not required", "not applied", "verification failed", "inconclusive"]),
  next: z.exactOptional(next).describe("Left out where nothing is to be done"),
});
export type Verification = Printed<typeof verify>;

/** `rewind assess` */
export const assess = z.strictObject({
  stack: z.string(),
  verdict,
  questions: z.array(
    z.strictObject({
      question: z.string(),
      answer: z.boolean().optional().describe("Left out where nobody knows"),
      because: z.string(),
    }),
  ),
  triggers: z.array(z.strictObject({ trigger: z.string(), evidence: z.string() })),
  scope: z.enum(scopes).describe("What broke, the worst first"),
  severity: z.strictObject({
    name: z.enum(["critical", "high", "medium", "low"]),
    minutes: z.int().describe("Within which somebody should have responded"),
  }),
  level: level.nullable().describe("Of the rollback that is advised; null where none is"),
  advice: z.string(),
  rollback: z
    .strictObject({ to: z.exactOptional(release), text: z.array(z.string()), next })
    .optional()
    .describe("Where it would lead, or what stands in its way"),
});
export type AssessJson = Printed<typeof assess>;

/** `rewind signatures` */
export const signatures = z.union([
  z.strictObject({ stack: z.string(), release, demanded: z.literal(false), images: z.array(z.string()) }),
  z.strictObject({ stack: z.string(), release, demanded: z.literal(true), ...verdict.shape }),
]);
export type SignaturesJson = Printed<typeof signatures>;

/** `rewind plan` */
export const planned = z.strictObject({
  ...plan.shape,
  byHand: z
    .exactOptional(z.array(z.strictObject({ what: z.string(), commands: z.array(z.string()), always: z.boolean() })))
    .describe("With --by-hand: steps that need no rewind"),
});
export type PlannedJson = Printed<typeof planned>;

/** `rewind preview` */
export const preview = z.strictObject({ stack: z.string(), from: release, to: release, level, resources });
export type PreviewJson = Printed<typeof preview>;

/** `rewind why-not` */
export const whyNot = z.strictObject({ stack: z.string(), release, level, obstacles: z.array(obstacle) });
export type WhyNotJson = Printed<typeof whyNot>;

/** The report of a rollback that was begun, however it ended. */
const ended = {
  stack: z.string(),
  run: entryId.describe("The entry of the deployment log that began it"),
  by: z.string(),
  at: time,
  why: z.exactOptional(z.string()).describe("Why it was begun"),
  from: release,
  to: release,
  level,
  plan,
  skipped: z.array(z.string()).describe("What a person chose to leave where it is"),
  outcome: z
    .union([result, z.enum(["refused", "stopped", "locked", "tampered", "unfinished"])])
    .describe("The verdict; refused, stopped, locked and tampered left everything as it was, unfinished did not"),
  reason: z.exactOptional(z.string()).describe("The first thing that went wrong"),
  backup: z.exactOptional(z.string()).describe("The folder; left out when it came to none"),
  milliseconds: milliseconds.describe("From the decision to the end, in milliseconds"),
  parts: z.record(z.string(), milliseconds).describe("How long each part took"),
  objectives: z.record(z.string(), milliseconds).describe("What the parts, and the total, might have taken"),
  checks: z.array(check).describe("Of the verification; empty where there was none"),
  criteria: z
    .array(
      z.strictObject({
        name: z.string(),
        met: z.boolean().nullable().describe("null where no check measures it"),
        evidence: z.string(),
      }),
    )
    .describe("Of success; empty where nothing was changed"),
  escalations: z
    .array(z.strictObject({ trigger: z.string(), evidence: z.string() }))
    .describe("The triggers that fired"),
  log: z.string().describe("Where the deployment log is"),
  next,
};

const once = z.strictObject(ended).meta({ id: "Rollback" });
const done = z.strictObject({
  ...ended,
  then: once.optional().describe("The rollback to the last known good that followed by policy of the stack"),
});

/** `rewind report`: of one rollback, whatever followed it. */
export const report = once;
export type ReportJson = Printed<typeof report>;

/** `rewind checklist` */
export const checklist = z.strictObject({
  stack: z.string(),
  deployment: entryId.describe("What was looked at"),
  result,
  lists: z.array(z.strictObject({ area: z.enum(areas), title: z.string(), ...verdict.shape })),
  next: z.exactOptional(next).describe("Left out where all is well"),
});
export type ChecklistJson = Printed<typeof checklist>;

/** `rewind rollback` */
export const rollback = z.union([aborted, done]);
export type RollbackJson = Printed<typeof rollback>;
export type RollbackOnceJson = Printed<typeof once>;
export type RollbackDoneJson = Printed<typeof done>;

/** `rewind resume` and `rewind abort` */
export const resumed = z.union([
  aborted,
  done,
  z
    .strictObject({ outcome: z.enum(["passed", "unfinished"]), run: entryId, deployment: entryId })
    .describe("The update had come to its verdict"),
  z
    .strictObject({ outcome: z.literal("aborted"), run: entryId, release: release.describe("What is pinned now") })
    .describe("Given up before anything was touched"),
  z
    .strictObject({
      outcome: z.literal("unfinished"),
      run: entryId,
      since: entryId.describe("What was applied since, so that nothing is left of it"),
    })
    .describe("Somebody has overtaken it"),
]);
export type ResumedJson = Printed<typeof resumed>;

/** `rewind approve` */
export const approve = z.union([aborted, approval, requestApproval]);
export type ApproveJson = Printed<typeof approve>;

/** `rewind drill` */
export const drill = z.union([
  aborted,
  done.describe("The way there failed, and there was none back"),
  z.strictObject({ stack: z.string(), there: done, back: done, milliseconds }),
]);
export type DrillJson = Printed<typeof drill>;
