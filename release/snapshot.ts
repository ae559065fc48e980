import type { Settings } from "./parse";
import type { Digest } from "./primitives";
import { policyDigest, storedPolicy } from "./policy";
import { rowDigests } from "./rows";

/**
 * What the pin of a stack leaves behind, as digests: rows by table and key, policies by bucket. The deployment log
 * keeps it, so that drift can be named later without the release at hand.
 */
export function snapshotOf({ pinned, environment }: Pick<Settings, "pinned" | "environment">): {
  rows: Record<string, Record<string, Digest>>;
  policies: Record<string, Digest>;
} {
  const { tables = {} } = environment.database ?? {};
  const { objectStore } = environment;
  const rows = Object.entries(pinned.facets.config).flatMap(([name, { rows }]) => {
    const table = tables[name];
    return table === undefined ? [] : [[name, rowDigests(rows, table)] as const];
  });
  const policies = Object.entries(pinned.facets.storage).flatMap(([name, pin]) => {
    const bucket = objectStore?.buckets[name];
    if (objectStore === undefined || bucket === undefined) return [];
    return [[name, policyDigest(storedPolicy(pin, bucket, objectStore))] as const];
  });
  return { rows: Object.fromEntries(rows), policies: Object.fromEntries(policies) };
}
