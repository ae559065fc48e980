import { canonicalJson, digestOf } from "./canonical";
import { interpolateJson } from "./interpolate";
import type { Digest } from "./primitives";
import type { Policy } from "./schema/storage";

/** A policy as the object store gets it: `${bucket}` and `${principal.NAME}` filled in. */
export function renderPolicy(policy: Policy, bucket: string, principals: Readonly<Record<string, string>>): Policy {
  return interpolateJson(policy, (name) =>
    name === "bucket" ? bucket : (principals[name.replace(/^principal\./, "")] ?? `\${${name}}`),
  );
}

/**
 * A policy in the one form in which policies are compared. Stores give back what they were given in other words: a
 * list of one as a text, statements' lists in another order, `{AWS: "*"}` for `*`.
 */
export function normalPolicy(policy: unknown): unknown {
  if (Array.isArray(policy)) {
    const items = policy.map(normalPolicy);
    return items.length === 1 ? items[0] : items.sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  }
  if (typeof policy !== "object" || policy === null) return policy;
  const entries = Object.entries(policy).map(([key, value]) => [key, normalPolicy(value)] as const);
  if (entries.length === 1 && entries[0]?.[0] === "AWS" && entries[0][1] === "*") return "*";
  return Object.fromEntries(entries);
}

/** The digest of a rendered policy, the same for policies that say the same. */
export function policyDigest(policy: unknown): Digest {
  return digestOf(normalPolicy(policy));
}
