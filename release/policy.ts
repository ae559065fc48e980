import { interpolate, interpolateJson } from "./interpolate";
import { milliseconds } from "./primitives";
import { isOnAws } from "./runtime";
import type { Bucket, ObjectStore, Policy, Statement } from "./schema/storage";

/** What `${principal.NAME}` stands for: one name, or several while a key is rotated. */
export type Principals = NonNullable<ObjectStore["principals"]>;

/** The statements of a policy, which may hold its only one without a list. */
export const statementsOf = ({ Statement }: Policy): readonly Statement[] => [Statement].flat();

/** The names of a principal by their type: AWS, Service, Federated, CanonicalUser. */
export const namesByType = (principal: Exclude<NonNullable<Statement["Principal"]>, "*">): [string, string[]][] =>
  Object.entries<string | string[] | undefined>(principal).map(([type, names]) => [type, [names ?? []].flat()]);

/** A policy with `${bucket}` and `${principal.NAME}` filled in. */
export function renderPolicy(policy: Policy, bucket: string, principals: Principals): Policy {
  const namesOf = (variable: string): readonly string[] => {
    if (variable === "bucket") return [bucket];
    const name = variable.replace(/^principal\./, "");
    const known = Object.hasOwn(principals, name) ? principals[name] : undefined;
    return known === undefined ? [`\${${variable}}`] : [known].flat();
  };
  const first = (name: string): string => namesOf(name)[0] ?? "";
  const named = (principal: Statement["Principal"]): Statement["Principal"] => {
    if (principal === undefined || principal === "*") return principal;
    const entries = namesByType(principal).map(([type, texts]) => {
      const names = texts.flatMap((text) => {
        const [, variable] = /^\$\{([A-Za-z0-9_.-]+)\}$/.exec(text) ?? [];
        return variable === undefined ? [interpolate(text, first)] : namesOf(variable);
      });
      const [only = ""] = names;
      const isText = typeof (principal as Readonly<Record<string, unknown>>)[type] === "string";
      return [type, isText && names.length === 1 ? only : names] as const;
    });
    return Object.fromEntries(entries);
  };
  return {
    ...policy,
    Statement: statementsOf(policy).map((statement) => ({
      ...interpolateJson(statement, first),
      ...(statement.Principal === undefined ? {} : { Principal: named(statement.Principal) }),
      ...(statement.NotPrincipal === undefined ? {} : { NotPrincipal: named(statement.NotPrincipal) }),
    })),
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
  return { ...rendered, Statement: [...statementsOf(rendered), old] };
}
