import { z } from "zod";
import { Duration, ReleaseId, SecretName } from "../primitives";
import { Backups } from "./backups";
import { Verification } from "./verification";
import { Environment } from "./environment";
import { Objectives } from "../objectives";
import { LetGo } from "./let-go";
import { PinPath, Release, ReleaseReference } from "./release";
import { Toggles } from "./toggles";

/** The stack's own configuration, `rewind:…`, without the values of its secrets. */
export const Settings = z.strictObject({
  release: ReleaseId.describe("The pin: the release this stack runs"),
  pins: z.record(PinPath, ReleaseId).optional().describe("A facet, or one entry of it, pinned apart from the rest"),
  toggles: Toggles.optional().describe("Toggles laid over those of the release, without a new one"),
  releases: z.record(ReleaseId, z.union([Release, ReleaseReference])).describe("The catalogue"),
  archive: ReleaseReference.optional().describe("Older releases: a file of their digests, beside which they lie"),
  letGo: LetGo.optional().describe("What may be dropped from this stack although it holds data, each with the reason"),
  lostEntries: z
    .record(
      z.string().regex(/^[0-9TZ]{16}-[0-9a-f]{8}$/, { error: "expected the id of an entry of the deployment log" }),
      z
        .string()
        .min(10, { error: "expected a reason of ten characters or more" })
        .max(500, { error: "expected a reason of at most 500 characters" }),
    )
    .optional()
    .describe("Entries that were verified last when the deployment log was lost for good, each with the reason"),
  environment: Environment,
  verification: Verification.optional(),
  objectives: Objectives.optional().describe("How long a rollback, and each part of it, may take"),
  backups: Backups.optional().describe("What backups hold, who can decrypt them, how long they are kept"),
  onFailure: z
    .enum(["wait", "rollback"], { error: "expected wait or rollback" })
    .optional()
    .describe(
      "What rewind does when verification fails: wait for a person, unless said, or go back to the last known good",
    ),
  approval: z
    .strictObject({ validFor: Duration.optional().describe("How long an approval holds; 30m unless said") })
    .optional()
    .describe("A rollback by rewind needs somebody else's agreement to its plan: rewind approve"),
  secrets: z.array(SecretName).optional(),
});
