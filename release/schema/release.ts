import { z } from "zod";
import { Digest, Name, ProjectPath, ReleaseId, SqlIdentifier } from "../primitives";
import { Text } from "./common";
import { Frontend } from "./frontend";
import { SchemaVersion } from "./migrations";
import { ConfigTable } from "./rows";
import { Bucket } from "./storage";
import { Toggles } from "./toggles";
import { Function, Service } from "./workloads";

/** `config`, or one entry of a facet: `functions/score_prism`. */
export const PinPath = z
  .string()
  .regex(/^(?:services|functions|frontend|config|storage|toggles|schema)(?:\/[A-Za-z_][A-Za-z0-9_-]{0,126})?$/, {
    error: "expected a facet, or one entry of it, such as functions/score_prism",
  });

/** An immutable record of everything that a deployment pins. */
export const Release = z.strictObject({
  description: Text.optional().describe("For people: what this release brought"),
  services: z.record(Name, Service).optional(),
  functions: z.record(Name, Function).optional(),
  frontend: z.record(Name, Frontend).optional(),
  config: z.record(SqlIdentifier, ConfigTable).optional(),
  storage: z.record(Name, Bucket).optional(),
  toggles: Toggles.optional(),
  schema: SchemaVersion.optional(),
  together: z
    .array(z.array(PinPath).min(2, { error: "expected two or more that belong together" }).max(50))
    .max(100)
    .optional()
    .describe("Groups of facets or entries that no pin may take from different releases"),
});
export type Release = z.infer<typeof Release>;

/** A release that stands in a file of its own, referenced by the digest of what the file holds. */
export const ReleaseReference = z.strictObject({ file: ProjectPath, digest: Digest });
export type ReleaseReference = z.infer<typeof ReleaseReference>;

/** The archive: older releases by the digest of what their file, `<id>.yaml` beside it, holds. */
export const Archive = z.record(ReleaseId, Digest);

/** The facets in the order in which a release names them. */
export const facets = ["services", "functions", "frontend", "config", "storage", "toggles", "schema"] as const;
export type Facet = (typeof facets)[number];
