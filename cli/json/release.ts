import { z } from "zod";
import { broughtKeys } from "../../release/brought";
import { Release } from "../../release/schema/release";
import { change, count, digest, release, result, risk, time, type Printed } from "./shapes";

const bytes = count.describe("Of configuration, as the engine hands it over");
const listed = z.strictObject({
  release,
  from: z.enum(["inline", "file", "archive"]).describe("Where its record stands"),
  recordDigest: digest.describe("The SHA-256 of the whole record, whatever of it a pin selects"),
  pinned: z.boolean(),
  applied: time.nullable().describe("When last, as the log says"),
  verified: time.nullable().describe("When it passed verification last"),
  held: z.string().nullable().describe("The reason for which it is on hold"),
});
export type ListedRelease = Printed<typeof listed>;

/** `rewind release list` */
export const list = z.strictObject({ stack: z.string(), bytes, releases: z.array(listed) });
export type ReleaseListJson = Printed<typeof list>;

/** `rewind release show` */
export const show = z.strictObject({
  ...listed.shape,
  file: z.string().describe("Where its record stands"),
  deploys: digest.describe("Of what it deploys"),
  record: Release.describe("The release itself"),
  changed: z.boolean().describe("Whether it is not any more what was applied first"),
  appliedAs: digest.nullable().describe("Of its record as it was applied first"),
  history: z.array(z.strictObject({ at: time, by: z.string(), result: z.union([result, z.literal("interrupted")]) })),
});
export type ReleaseShowJson = Printed<typeof show>;

/** `rewind release add` */
export const add = z.strictObject({
  release,
  recordDigest: digest.describe("The SHA-256 of the whole record, whatever of it a pin selects"),
  changes: z.array(change).describe("Against the pin"),
  risk: risk.nullable(),
  moved: z.array(release).describe("Moved out of the stack file, to keep it small"),
  pinned: z.boolean(),
  bytes,
});
export type ReleaseAddJson = Printed<typeof add>;

/** `rewind release archive` */
export const archive = z.strictObject({ moved: z.array(release), bytes });
export type ReleaseArchiveJson = Printed<typeof archive>;

/** `rewind release take` */
export const take = z.strictObject({
  stack: z.string(),
  keys: z.array(z.enum(broughtKeys)).describe("The keys of the stack file that were taken"),
  added: z.array(release),
  changed: z.array(release).describe("Releases that have another record or file than here"),
  removed: z.array(release),
  files: z.array(z.string()).describe("Release files, row files, migrations and signatures that were written"),
});
export type ReleaseTakeJson = Printed<typeof take>;
