import { z } from "zod";
import { BucketName, Duration, ProjectPath } from "../primitives";

/** What backups of a stack hold beside what they always do, where they go, and what is asked of them. */
export const Backups = z.strictObject({
  extra: z.array(ProjectPath).max(100).optional().describe("Folders and files of the project that belong to it, too"),
  beforeRollback: z
    .enum(["quick", "full"], { error: "expected quick or full" })
    .optional()
    .describe("Whether a rollback's own backup has the database, the records and the extra folders; quick unless said"),
  recipients: z
    .array(
      z.string().regex(/^age1[0-9a-z]{1,5000}$/, { error: "expected a recipient of age, such as age1ql3z7hjy54pw…" }),
    )
    .min(1)
    .max(20)
    .optional()
    .describe("Who can decrypt: backups are encrypted for them; not encrypted unless said"),
  signers: z
    .array(
      z.string().regex(/^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$/, {
        error: "expected a public Ed25519 key in base64, the line between those of its PEM file",
      }),
    )
    .min(1)
    .max(20)
    .optional()
    .describe("The keys whose signature proves a backup, beside the deployment log (REWIND_BACKUP_KEY signs)"),
  copy: z
    .strictObject({
      bucket: BucketName.describe("A bucket of the environment's object store, which no release pins"),
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, { error: "expected a prefix such as backups/prod" })
        .max(200)
        .optional(),
    })
    .optional()
    .describe("Where --copy puts a backup"),
  keep: z.int().min(1).max(10_000).optional().describe("How many of the newest are kept at least; 14 unless said"),
  objectives: z
    .strictObject({
      age: Duration.optional().describe("How old the newest may be; 24h unless said"),
      restore: Duration.optional().describe("How long a restore may take; 30m unless said"),
    })
    .optional(),
  programs: z
    .string()
    .regex(/^\/[A-Za-z0-9._/-]{1,300}$/, { error: "expected the absolute path of a folder" })
    .optional()
    .describe("The folder of pg_dump and pg_restore; that of the recovery, or the PATH, unless said"),
});
export type Backups = z.infer<typeof Backups>;
