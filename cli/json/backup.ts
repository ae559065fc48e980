import { z } from "zod";
import { backupParts, occasions } from "../../release/backup-manifest";
import { aborted, advised, count, milliseconds, release, result, time, type Printed } from "./shapes";

const id = z.string().describe("The name of its folder, which is its time");
const part = z.enum(backupParts);
const parts = z.array(part);
const folder = z.string();
const stack = z.string();
const known = {
  id,
  folder,
  at: time,
  occasion: z.enum(occasions),
  name: z.exactOptional(z.string()),
  release: z.exactOptional(release).describe("What was pinned; left out where it is not known"),
  parts,
  files: count,
  bytes: count,
  sealed: z.boolean().describe("Whether it is encrypted"),
};

const unproven = z
  .exactOptional(z.literal(true))
  .describe("Used although nothing proves who made it; the log keeps that");

/** `rewind backup create` */
export const create = z.strictObject({
  stack,
  ...known,
  copy: z.exactOptional(z.string()).describe("Where it was put"),
});
export type BackupCreateJson = Printed<typeof create>;

/** `rewind backup fetch` */
export const fetch = z.strictObject({
  stack,
  ...known,
  copy: z.string().describe("Where it was fetched from"),
  unproven,
});
export type BackupFetchJson = Printed<typeof fetch>;

/** `rewind backup list` */
export const list = z.strictObject({
  stack,
  backups: z.array(
    z.union([z.strictObject(known), z.strictObject({ id, folder, problem: z.string().describe("Why it is none") })]),
  ),
});
export type BackupListJson = Printed<typeof list>;

export const verifyLevels = ["daily", "comprehensive", "emergency-ready"] as const;

/** `rewind backup verify` */
export const verify = z.strictObject({
  stack,
  id,
  folder,
  level: z.enum(verifyLevels),
  outcome: result,
  checks: z.array(advised),
});
export type BackupVerifyJson = Printed<typeof verify>;

/** `rewind backup quality` */
export const quality = z.strictObject({
  stack,
  backups: z.array(
    z.strictObject({
      id,
      score: count.describe("Of 100"),
      aspects: z.array(
        z.strictObject({
          name: z.enum(["completeness", "integrity", "age", "size"]),
          points: count,
          of: count,
          evidence: z.string(),
        }),
      ),
    }),
  ),
});
export type BackupQualityJson = Printed<typeof quality>;

/** `rewind backup choose` */
export const choose = z.strictObject({
  stack,
  chosen: z.exactOptional(id).describe("Left out when none fits"),
  unproven,
  wanted: parts,
  weighed: z.array(z.strictObject({ id, chosen: z.boolean(), why: z.string() })).describe("In the order of preference"),
});
export type BackupChooseJson = Printed<typeof choose>;

/** `rewind backup prune` */
export const prune = z.strictObject({
  stack,
  outcome: z.enum(["dry", "pruned"]),
  backups: z.array(z.strictObject({ id, keep: z.boolean(), why: z.string() })),
  leftovers: z.array(z.string()).describe("What interrupted backups left behind"),
});
export type BackupPruneJson = Printed<typeof prune>;

/** `rewind restore` */
export const restore = z.union([
  z.strictObject({
    stack,
    outcome: z.literal("restored"),
    id,
    before: id.describe("The backup of what was there"),
    unproven,
    restored: z.array(z.strictObject({ part, evidence: z.string(), milliseconds })),
  }),
  aborted,
]);
export type RestoreJson = Printed<typeof restore>;
