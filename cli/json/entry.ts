import { z } from "zod";
import {
  check,
  count,
  digest,
  entryId,
  level,
  milliseconds,
  pins,
  release,
  result,
  time,
  toggle,
  type Printed,
} from "./shapes";

const reason = z.string();

/** What every entry of the deployment log has. */
const written = {
  version: z.union([z.literal(1), z.literal(2), z.literal(3)]).describe("The form of the entry"),
  id: entryId,
  at: time,
  stack: z.string(),
  by: z.string().describe("The person or pipeline, as the machine knows it"),
};

const pin = z
  .strictObject({
    release,
    digest: digest.describe("Of what the pin deploys"),
    pins,
    toggles: z.exactOptional(z.record(z.string(), toggle)).describe("What the stack lays over those of the release"),
    surroundings: digest.describe("Of the environment and the declared checks"),
  })
  .meta({ id: "Pin" });

const rowsDigest = z.strictObject({ digest, count, file: z.exactOptional(z.string()) });
const snapshot = z
  .strictObject({
    rows: z.exactOptional(z.record(z.string(), z.record(z.string(), digest))).describe("By table, by key: version 1"),
    tables: z.exactOptional(z.record(z.string(), rowsDigest)).describe("By table: version 2"),
    policies: z.record(z.string(), digest).describe("By bucket"),
    holds: z
      .exactOptional(
        z.array(z.strictObject({ path: z.string(), name: z.string(), letGo: z.exactOptional(z.string()) })),
      )
      .describe("What holds customer data, where it is protected"),
    migration: z.exactOptional(z.string()).describe("The last one that is applied"),
  })
  .describe("What the pin leaves behind, as digests");

export const intent = z
  .strictObject({
    ...written,
    kind: z.literal("intent"),
    to: pin,
    from: z.exactOptional(pin),
    snapshot,
    records: z.exactOptional(z.record(z.string(), digest)).describe("The record of each release that it takes from"),
    migrations: z.exactOptional(
      z.array(z.strictObject({ name: z.string(), direction: z.enum(["up", "down"]), digest })),
    ),
    rollback: z.exactOptional(entryId).describe("The rollback that it belongs to"),
    restorePoint: z.exactOptional(z.string()).describe("In the database's own log, from just before the first change"),
    warnings: z
      .exactOptional(z.array(z.string()))
      .describe("What the gate let pass and a person should know: an image that only the Docker host has"),
  })
  .meta({ id: "Intent" });

export const outcome = z
  .strictObject({
    ...written,
    kind: z.literal("outcome"),
    of: entryId,
    result,
    checks: z.array(check),
    milliseconds: milliseconds.describe("From the intent to the outcome, in milliseconds"),
  })
  .meta({ id: "Outcome" });

/** `rewind hold` and `rewind unhold` */
export const hold = z
  .strictObject({
    ...written,
    kind: z.enum(["hold", "unhold"]),
    release,
    reason,
    content: z.exactOptional(digest).describe("What the release deploys: the same under another id is on hold, too"),
  })
  .meta({ id: "Hold" });
export type HoldJson = Printed<typeof hold>;

/** `rewind stop` and `rewind start` */
export const stop = z.strictObject({ ...written, kind: z.enum(["stop", "start"]), reason }).meta({ id: "Stop" });
export type StopJson = Printed<typeof stop>;

const toggled = z.strictObject({
  ...written,
  kind: z.literal("toggle"),
  toggle: z.string(),
  value: z.exactOptional(toggle).describe("Left out where the release decides again"),
  reason,
});
const rotation = z.strictObject({
  ...written,
  kind: z.literal("rotation"),
  identity: z.string(),
  step: z.enum(["begun", "revoked", "finished"]),
  from: z.string().describe("The access key that leaves"),
  to: z.string().describe("The access key that comes"),
  reason,
});
const audit = z.strictObject({
  ...written,
  kind: z.literal("audit"),
  act: z.enum(["publish", "recover"]),
  what: z.string(),
});
const data = z.strictObject({
  ...written,
  kind: z.literal("data"),
  act: z.enum(["clean", "restore"]),
  step: z.enum(["begun", "finished", "failed", "unknown"]),
  run: entryId.describe("The clean-up under which the rows are archived"),
  table: z.string(),
  count,
  madeBy: z.exactOptional(z.string()),
  since: z.exactOptional(z.string()),
  reason: z.exactOptional(reason),
});

const ran = z.strictObject({ release, pins });
const rollback = z.strictObject({
  ...written,
  kind: z.literal("rollback"),
  from: release,
  to: release,
  level,
  plan: digest.describe("Of the plan that was agreed to"),
  undoes: z.exactOptional(entryId),
  reason: z.exactOptional(reason),
  skipped: z.exactOptional(z.array(z.string())).describe("What a person chose to leave where it is"),
  before: ran.describe("What the stack file pinned until then"),
  ran: ran.describe("What ran until then"),
  runner: z.strictObject({ host: z.string(), pid: z.int(), began: z.exactOptional(z.string()) }),
});
const rollbackEnd = z.strictObject({
  ...written,
  kind: z.literal("rollback-end"),
  of: entryId,
  result: z.union([result, z.enum(["refused", "unfinished", "aborted"])]),
  reason: z.exactOptional(reason).describe("The first thing that went wrong"),
  deployment: z.exactOptional(entryId),
  backup: z.exactOptional(z.string()).describe("The folder"),
  milliseconds: milliseconds.describe("From the decision to the end, in milliseconds"),
  parts: z.record(z.string(), milliseconds),
});

const escalation = z.strictObject({
  ...written,
  kind: z.literal("escalation"),
  of: entryId.describe("The rollback because of which it fired"),
  trigger: z.string(),
  evidence: z.string(),
});

/** What `rewind approve` leaves. */
export const approval = z
  .strictObject({
    ...written,
    kind: z.literal("approval"),
    plan: digest.describe("Of the plan that was agreed to"),
    from: release,
    to: release,
    level,
  })
  .meta({ id: "Approval" });

const request = z.strictObject({
  ...written,
  kind: z.literal("request"),
  act: z.string().describe("All that it would do; whoever agrees, agrees to that"),
});

/** What `rewind approve --request` leaves. */
export const requestApproval = z
  .strictObject({ ...written, kind: z.literal("request-approval"), of: entryId.describe("The request") })
  .meta({ id: "RequestApproval" });

const answer = z.strictObject({
  ...written,
  kind: z.literal("answer"),
  of: entryId.describe("The deployment that was looked at"),
  question: z.string(),
  yes: z.boolean(),
  note: z.exactOptional(z.string()),
});

const backup = z.strictObject({
  ...written,
  kind: z.literal("backup"),
  act: z.enum(["made", "unproven"]).describe("Made, or used although nothing proves who made it"),
  backup: z.string().describe("Its name"),
  manifest: digest.describe("Of its manifest"),
  verb: z.exactOptional(z.enum(["verify", "fetch", "choose", "restore"])).describe("What an unproven one was used for"),
});

/** One line of the deployment log. */
export const entry = z
  .union([
    intent,
    outcome,
    hold,
    stop,
    toggled,
    rotation,
    audit,
    data,
    rollback,
    escalation,
    approval,
    request,
    requestApproval,
    answer,
    backup,
    rollbackEnd,
  ])
  .meta({ id: "Entry" });
