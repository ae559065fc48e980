import { canonicalJson, digestOf } from "./canonical";
import { interpolate, interpolateJson } from "./interpolate";
import { milliseconds, type Digest } from "./primitives";
import { isOnAws } from "./runtime";
import type { Bucket, ObjectStore, Policy, Statement } from "./schema/storage";

/** What `${principal.NAME}` stands for: one name, or several while a key is rotated. */
export type Principals = NonNullable<ObjectStore["principals"]>;

/** A policy with `${bucket}` and `${principal.NAME}` filled in. */
export function renderPolicy(policy: Policy, bucket: string, principals: Principals): Policy {
  const namesOf = (variable: string): readonly string[] => {
    if (variable === "bucket") return [bucket];
    const name = variable.replace(/^principal\./, "");
    const known = Object.hasOwn(principals, name) ? principals[name] : undefined;
    return known === undefined ? [`\${${variable}}`] : [known].flat();
  };
  const first = (name: string): string => namesOf(name)[0] ?? "";
  return {
    ...policy,
    Statement: policy.Statement.map((statement) => {
      const { Principal } = statement;
      const rendered = interpolateJson(statement, first);
      if (Principal === "*") return rendered;
      const named = [Principal.AWS].flat().flatMap((text) => {
        const [, variable] = /^\$\{([A-Za-z0-9_.-]+)\}$/.exec(text) ?? [];
        return variable === undefined ? [interpolate(text, first)] : namesOf(variable);
      });
      const [only, ...others] = named;
      const one = typeof Principal.AWS === "string" && only !== undefined && others.length === 0;
      return { ...rendered, Principal: { AWS: one ? only : named } };
    }),
  };
}

/**
 * The policy of a bucket as the object store gets it. AWS itself refuses what was signed too long ago; other stores
 * know no such condition.
 */
export function storedPolicy(pin: Bucket, bucket: string, objectStore: ObjectStore): Policy {
  const rendered = renderPolicy(pin.policy, bucket, objectStore.principals ?? {});
  if (pin.signedUrls === undefined || !isOnAws({ objectStore })) return rendered;
  const old: Statement = {
    Sid: "RewindSignatureAge",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: `arn:aws:s3:::${bucket}/*`,
    Condition: { NumericGreaterThan: { "s3:signatureAge": String(milliseconds(pin.signedUrls.longest)) } },
  };
  return { ...rendered, Statement: [...rendered.Statement, old] };
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
