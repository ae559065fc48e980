import { z } from "zod";
import { levels } from "../../release/level";
import { Digest, ReleaseId } from "../../release/primitives";
import { facets } from "../../release/schema/release";
import { results } from "../../release/verdict";

/** What a schema describes, as a verb makes it: nothing of it is written to afterwards. */
export type Printed<S extends z.ZodType> = Frozen<z.output<S>>;
type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

export const time = z.iso.datetime().describe("ISO 8601, UTC");
export const milliseconds = z.number().nonnegative().describe("In milliseconds");
export const count = z.int().nonnegative();
export const release = ReleaseId.describe("The id of a release");
const plainToggle = z.union([z.boolean(), z.number(), z.string()]);
export const toggle = z.union([plainToggle, z.array(plainToggle)]).describe("The value of a toggle");
export const digest = Digest;
export const level = z.enum(levels);
export const result = z.enum(results).describe("Of several the worst wins; nothing measured is inconclusive");
export const risk = z.enum(["low", "medium", "high"]);
export const next = z.string().describe("The next command to type");
export const entryId = z.string().describe("The id of an entry of the deployment log");
export const pins = z.record(z.string(), release).describe("What is pinned apart, by facet or facet/entry");

/** A pin, as the stack file or the log has it. */
export const place = z.strictObject({ release, digest: digest.describe("Of what the pin deploys"), pins });

/** One probe and its result. */
const checkFields = {
  name: z.string(),
  result,
  evidence: z.string().describe("What was seen, without secrets"),
  milliseconds: milliseconds.describe("All attempts together, in milliseconds"),
  attempts: count,
  trigger: z.exactOptional(z.string()).describe("The trigger of the rollback plan that it is, where it did not pass"),
  warning: z.exactOptional(z.literal(true)).describe("It passed in a way that a person should know of"),
};
export const check = z.strictObject(checkFields).meta({ id: "Check" });
export const advised = z.strictObject({ ...checkFields, next: z.exactOptional(next) }).meta({ id: "AdvisedCheck" });
export const verdict = z.strictObject({ result, checks: z.array(check) }).meta({ id: "Verdict" });

const refusalKind = z
  .enum(["refused", "stopped", "locked", "tampered"])
  .describe("docs/exit-codes.md says what each means");

/** Something that stands between a stack and a release. */
export const obstacle = z
  .strictObject({ reason: z.string(), next, kind: z.exactOptional(refusalKind).describe("refused unless said") })
  .meta({ id: "Obstacle" });

/** What any verb prints in place of its own where it says no, or breaks. */
export const refusal = z
  .strictObject({
    outcome: z.union([refusalKind, z.literal("error")]),
    next: next.optional().describe("The next command to type; an error may have none"),
    reason: z.string(),
  })
  .meta({ id: "Refusal" });

/** Whoever was asked said no. */
export const aborted = z
  .strictObject({ outcome: z.literal("refused"), aborted: z.literal(true) })
  .describe("Whoever was asked said no; nothing was touched");
export type AbortedJson = Printed<typeof aborted>;

const side = z.unknown().optional().describe("Left out on the side that has none");
const action = z.enum(["added", "removed", "changed"]);
const imageParts = z.strictObject({
  name: z.string(),
  tag: z.exactOptional(z.string()),
  digest: z.exactOptional(z.string()),
});
const rowFile = z.strictObject({ file: z.string(), digest, count: z.exactOptional(count) });
const rowValues = z.exactOptional(z.record(z.string(), z.unknown()));
const rowChange = z
  .strictObject({
    key: z.string(),
    action,
    columns: z.array(z.string()).describe("Those that differ, of a changed row"),
    before: rowValues,
    after: rowValues,
  })
  .meta({ id: "RowChange" });
const changeFields = {
  facet: z.enum(facets),
  entry: z.string().describe("Within its facet: score_prism, scoring_config"),
  action,
  values: z
    .array(z.strictObject({ path: z.string(), before: side, after: side }))
    .describe("Every value that differs, but for what the lists below tell"),
  statements: z
    .exactOptional(z.array(z.strictObject({ statement: z.string(), action, before: side, after: side })))
    .describe("Of a bucket policy, by Sid"),
  image: z.exactOptional(z.strictObject({ before: z.exactOptional(imageParts), after: z.exactOptional(imageParts) })),
  risk,
};

/** One thing that differs between two pins. */
export const change = z
  .strictObject({
    ...changeFields,
    rows: z.exactOptional(z.array(rowChange)).describe("Of a table whose rows stand inline"),
    rowFiles: z
      .exactOptional(z.strictObject({ before: z.exactOptional(rowFile), after: z.exactOptional(rowFile) }))
      .describe("Of a table whose rows stand in files"),
  })
  .meta({ id: "Change" });

/** The same as it is shown: its rows counted, and no more of them than were asked for. */
export const shownChange = z
  .strictObject({
    ...changeFields,
    rows: z.exactOptional(z.strictObject({ added: count, removed: count, changed: count, shown: z.array(rowChange) })),
  })
  .meta({ id: "ShownChange" });

/** The intended change from the running pin to another; `rewind plan` */
export const plan = z
  .strictObject({
    stack: z.string(),
    from: place,
    to: place,
    surroundings: digest.describe("Of the environment and the declared checks"),
    level,
    advised: z.strictObject({ level, why: z.string() }).describe("The level that would do"),
    changes: z.array(change),
    texts: z
      .record(z.string(), digest)
      .describe("SHA-256 of the files whose SQL it runs: migrations by name, bodies of functions by path"),
    risk: risk.optional().describe("The worst of the changes'; left out where nothing changes"),
    estimate: z
      .strictObject({ milliseconds: milliseconds.describe("The median of the runs, in milliseconds"), runs: count })
      .optional()
      .describe("Left out before anything like it has run on the stack"),
    undoes: entryId.optional().describe("The deployment that it undoes: what was applied last"),
    remains: z.array(z.string()).describe("What will not come back, in a line each"),
    warnings: z.array(z.string()).describe("What speaks against it although it is allowed"),
  })
  .meta({ id: "Plan" });

export type PlanJson = Printed<typeof plan>;

export const resources = z
  .record(z.string(), count)
  .describe("What the engine would do, or did, to how many resources: same, create, update, delete");
