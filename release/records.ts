import { digestOf } from "./canonical";
import { isProtected } from "./holdings";
import type { Settings } from "./parse";
import type { Digest, ReleaseId } from "./primitives";
import type { Release } from "./schema/release";

/** A release whose record is not the one that was applied under its id. */
export interface ChangedRecord {
  readonly release: ReleaseId;
  readonly applied: Digest;
  readonly now: Digest;
}

/** The SHA-256 of the record of each release that a pin takes something from. */
export function recordsOf({ pinned, releases }: Pick<Settings, "pinned" | "releases">): Record<ReleaseId, Digest> {
  const involved = [...new Set([pinned.release, ...Object.values(pinned.sources)])];
  return Object.fromEntries(
    involved.flatMap((id) => {
      const release = releases.get(id);
      return release === undefined ? [] : [[id, digestOf(release)] as const];
    }),
  );
}

/** The SHA-256 of what a release deploys, without its description: the same under another id has the same. */
export const contentOf = (release: Release): Digest => digestOf({ ...release, description: null });

/** The same of a release of the catalogue, as a hold keeps it; empty where the release was not read. */
export function contentIn(releases: Settings["releases"], id: ReleaseId): { readonly content?: Digest } {
  const release = releases.get(id);
  return release === undefined ? {} : { content: contentOf(release) };
}

/**
 * The releases of a pin that were applied before and have another record now. On a developer's machine, where images
 * are built again under the same name, a record may change unless the environment is protected.
 */
export function changedRecords(
  settings: Pick<Settings, "pinned" | "releases" | "environment">,
  applied: ReadonlyMap<ReleaseId, Digest>,
): ChangedRecord[] {
  if (!isProtected(settings.environment)) return [];
  return Object.entries(recordsOf(settings)).flatMap(([release, now]) => {
    const before = applied.get(release);
    return before === undefined || before === now ? [] : [{ release, applied: before, now }];
  });
}

/** A changed record in words: both digests, and what to do. */
export function describeRecord({ release, applied, now }: ChangedRecord): string {
  return `releases.${release} was applied as ${applied} and is now ${now}: a release is immutable once applied; put the record back, and add a new one with: rewind release add <id> --from ${release}`;
}
