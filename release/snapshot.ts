import { digestOf } from "./canonical";
import { keptHoldings, type KeptHolding } from "./holdings";
import type { Settings } from "./parse";
import type { Digest } from "./primitives";
import { storedPolicy } from "./policy";
import { policyDigest } from "./policy-meaning";
import { rowsDigest, type RowsDigest } from "./rows";

/** The SHA-256 of what surrounds a release: a change there is a change too, and is verified. */
export function surroundingsOf({
  environment,
  verification,
  letGo,
}: Pick<Settings, "environment" | "verification" | "letGo">): Digest {
  // What is let go is unprotected by an update of its own, which the log must know of.
  return digestOf({ environment, verification: verification ?? null, ...(letGo === undefined ? {} : { letGo }) });
}

/**
 * What the pin of a stack leaves behind, as digests: rows by table, policies by bucket. The deployment log keeps it,
 * and the rows themselves lie beside the log under their digest, so that drift can be named later, row by row, without
 * the release at hand.
 */
export function snapshotOf(settings: Pick<Settings, "pinned" | "environment" | "letGo">): {
  tables: Record<string, RowsDigest>;
  policies: Record<string, Digest>;
  holds?: readonly KeptHolding[];
  migration?: string;
} {
  const { pinned, environment } = settings;
  const { tables: known = {} } = environment.database ?? {};
  const { objectStore } = environment;
  const tables = Object.entries(pinned.facets.config).flatMap(([name, rows]) =>
    known[name] === undefined ? [] : [[name, rowsDigest(rows)] as const],
  );
  const policies = Object.entries(pinned.facets.storage).flatMap(([name, pin]) => {
    const bucket = objectStore?.buckets[name];
    if (objectStore === undefined || bucket === undefined) return [];
    return [[name, policyDigest(storedPolicy(pin, bucket, objectStore))] as const];
  });
  const holds = keptHoldings(settings);
  const { migration } = pinned.facets.schema;
  return {
    tables: Object.fromEntries(tables),
    policies: Object.fromEntries(policies),
    ...(holds.length === 0 ? {} : { holds }),
    ...(migration === undefined ? {} : { migration }),
  };
}
