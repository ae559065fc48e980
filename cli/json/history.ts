import { z } from "zod";
import { flaws } from "../../records/verify";
import { entry, intent, outcome } from "./entry";
import {
  change,
  count,
  digest,
  entryId,
  milliseconds,
  next,
  pins,
  place,
  release,
  resources,
  result,
  risk,
  time,
  type Printed,
} from "./shapes";

const by = z.string().describe("The person or pipeline, as the machine knows it");
const ended = z.union([result, z.literal("interrupted")]).describe("interrupted where the log has no outcome");

/** `rewind status` */
export const status = z.strictObject({
  stack: z.string(),
  kind: z.enum(["local", "staging", "production"]),
  pinned: place.describe("What the stack file says"),
  applied: z
    .strictObject({ ...place.shape, entry: entryId, at: time, by, result: ended })
    .nullable()
    .describe("What an update began to apply last, and how it ended"),
  verified: z
    .strictObject({ ...place.shape, entry: entryId, at: time })
    .nullable()
    .describe("What passed verification last"),
  stopped: z.strictObject({ by, at: time, reason: z.string() }).nullable().describe("The emergency stop"),
  rollback: z
    .strictObject({
      run: entryId,
      to: release,
      by,
      at: time,
      unfinished: z.string().nullable().describe("What stood in its way, where it said so"),
    })
    .nullable()
    .describe("One that is under way, or that came to no end"),
  held: z.record(z.string(), z.string()).describe("The reason of each hold, by release"),
  knownGood: z.array(release),
  next,
});
export type Status = Printed<typeof status>;

/** `rewind known-good` */
export const knownGood = z.strictObject({
  stack: z.string(),
  knownGood: z
    .array(
      z.strictObject({
        release,
        digest: digest.describe("Of what it deployed"),
        at: time.describe("When it passed last"),
        entry: entryId.describe("The deployment that passed"),
        times: count.describe("How often it passed"),
        inCatalogue: z.boolean(),
      }),
    )
    .describe("The one that passed last first"),
});
export type KnownGoodJson = Printed<typeof knownGood>;

/** `rewind log` */
export const log = z.strictObject({
  stack: z.string(),
  location: z.string(),
  total: count.describe("How many entries there are, shown or not"),
  entries: z.array(entry).describe("The newest, oldest first"),
});
export type LogJson = Printed<typeof log>;

const finding = z
  .strictObject({
    line: count.describe("Its number in the file"),
    id: entryId.optional().describe("As far as it can be read"),
    flaw: z.enum(flaws),
    reason: z.string(),
  })
  .meta({ id: "Finding" });

/** `rewind log verify` */
export const logVerify = z.strictObject({
  stack: z.string(),
  location: z.string(),
  result: z
    .enum(["sound", "unfinished", "tampered"])
    .describe("unfinished where only the end of the last line is missing, as after a crash"),
  entries: count,
  chained: count.describe("How many of them are bound to the ones before"),
  checkpoint: time.nullable().describe("When what was held against the log was signed"),
  findings: z.array(finding).describe("What speaks against the log"),
  notes: z.array(finding).describe("What is no damage, and that nothing proves either"),
});
export type LogVerifyJson = Printed<typeof logVerify>;

/** `rewind log checkpoint` */
export const logCheckpoint = z.strictObject({
  file: z.string(),
  checkpoint: z.strictObject({
    format: z.literal("rewind-checkpoint"),
    version: z.literal(1),
    stack: z.string(),
    entries: count,
    bytes: count.describe("Of the log's file"),
    head: digest.describe("What the next entry would be bound to"),
    last: entryId,
    at: time,
    key: digest.describe("Of the public key, in DER"),
    signature: z.string().describe("Ed25519, over the canonical JSON of all the rest; base64"),
  }),
});
export type LogCheckpointJson = Printed<typeof logCheckpoint>;

const line = z.strictObject({
  entry: entryId,
  at: time,
  by,
  from: release.nullable().describe("What was verified last then"),
  to: release,
  pins,
  undoes: entryId.nullable().describe("The deployment that it undid"),
  run: entryId.nullable().describe("The rollback that it belongs to"),
  reason: z.string().nullable(),
  result: ended,
  milliseconds: milliseconds.nullable().describe("Of the whole rollback, or from the intent to the verdict"),
  objective: milliseconds.nullable().describe("What a rollback may take, in milliseconds"),
});
export type HistoryLine = Printed<typeof line>;

const list = z.strictObject({
  stack: z.string(),
  total: count,
  deployments: z.array(line).describe("The newest first"),
});
const one = z.strictObject({ stack: z.string(), ...line.shape, intent, outcome: outcome.nullable() });
export type DeploymentJson = Printed<typeof one>;
const compared = z.strictObject({
  stack: z.string(),
  from: entryId,
  to: entryId,
  changes: z.array(change),
  risk: risk.nullable(),
  declared: z.boolean().describe("Whether the environment or the declared checks differ, too"),
});
const ofEngine = z.strictObject({
  ...one.shape,
  engine: z
    .strictObject({
      place: z.string().describe("The engine's backend"),
      id: z.string(),
      kind: z.string(),
      start: time,
      end: time,
      message: z.string(),
      result: z.string(),
      resourceChanges: resources,
    })
    .describe("The engine's own update"),
  exported: z
    .exactOptional(z.strictObject({ folder: z.string(), files: z.array(z.string()) }))
    .describe("With --export"),
});
export type EngineHistoryJson = Printed<typeof ofEngine>;

/** `rewind history`: the list, one deployment, two compared, or one with the engine's update. */
export const history = z.union([list, one, compared, ofEngine]);
export type HistoryJson = Printed<typeof history>;
