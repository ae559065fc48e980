import { z } from "zod";
import { Digest, Name, ProjectPath, quote, ReleaseId, SqlIdentifier, ToggleName } from "../primitives";
import { Text } from "./common";
import { Frontend } from "./frontend";
import { SchemaVersion } from "./migrations";
import { ConfigTable } from "./rows";
import { Bucket } from "./storage";
import { Toggles } from "./toggles";
import { Function, Service } from "./workloads";

/** The facets in the order in which a release names them. */
export const facets = ["services", "functions", "frontend", "config", "storage", "toggles", "schema"] as const;
export type Facet = (typeof facets)[number];

/** The parts of `config`, or of one entry of a facet: `functions/score_prism`. What follows the first `/` is the entry. */
export function facetAndEntry(path: string): readonly [facet: string, entry: string | undefined] {
  const at = path.indexOf("/");
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)];
}

const entryNames: Readonly<Record<Facet, z.ZodType>> = {
  ...{ services: Name, functions: Name, frontend: Name, storage: Name },
  ...{ config: SqlIdentifier, toggles: ToggleName, schema: z.literal("migration") },
};

/** `config`, or one entry of a facet: `functions/score_prism`. */
export const PinPath = z.string().refine(
  (path) => {
    const [facet, entry] = facetAndEntry(path);
    const known = facets.find((each) => each === facet);
    return known !== undefined && (entry === undefined || entryNames[known].safeParse(entry).success);
  },
  {
    error: (issue) =>
      `expected a facet (${facets.join(", ")}), or one entry of it, such as functions/score_prism, got ${quote(issue.input)}`,
  },
);

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
