import { digestOf } from "./canonical";
import type { Pinned } from "./pinned";
import type { Digest } from "./primitives";
import type { Jobs } from "./schema/jobs";

/** The digest of what background jobs are made by and for: a toggle that moves, or a policy, is no reason to cancel. */
export function jobsDigest({ release, facets }: Pick<Pinned, "release" | "facets">): Digest {
  const { services, functions, config, schema } = facets;
  return digestOf({ release, services, functions, config, schema });
}

/** Whether a toggle keeps the workers disabled, whatever verification says. */
export function areDisabled({ disabledBy }: Jobs, { facets }: Pick<Pinned, "facets">): boolean {
  const value = disabledBy === undefined ? undefined : facets.toggles[disabledBy];
  return value === true || value === "true";
}

/** What Rewind writes where it suspends workers, so that it never resumes what somebody else suspended. */
export function markOf(environment: string, name: string): string {
  return `rewind:${environment}:${name}`;
}

/** The Redis key of a hash that says, for a day, which jobs a change cancelled: id to queue and place. */
export function cancelledKey(mark: string, digest: Digest): string {
  return `${mark}:cancelled:${digest.slice("sha256:".length, "sha256:".length + 16)}`;
}
