import { actions, matchesPattern } from "./actions";
import { conditionHolds, type RequestFacts } from "./conditions";
import type { Policy, Statement } from "./schema/storage";

/** A request as a policy sees it. */
export interface AccessRequest {
  /** What the policy may call who asks; empty for nobody in particular, and for somebody whom no policy names. */
  readonly principals: readonly string[];
  readonly action: string;
  readonly bucket: string;
  /** The object's key; left out for an action on the bucket itself. */
  readonly key?: string;
  readonly facts?: RequestFacts;
}

/**
 * What a policy says: `deny` explicitly, `allow`, or `none` where no statement speaks of it, which denies unless
 * something beside the policy allows. `depends`: on a condition of which nothing is known.
 */
export type Decision = "allow" | "deny" | "none" | "depends";

/** What a rendered policy says to a request: any Deny wins, then any Allow. */
export function decide(policy: Policy, request: AccessRequest): Decision {
  let [allowed, allowedPerhaps, deniedPerhaps] = [false, false, false];
  for (const statement of policy.Statement) {
    if (!concerns(statement, request)) continue;
    const holds = conditionHolds(statement.Condition, request.facts ?? {});
    if (holds === "no") continue;
    if (statement.Effect === "Deny") {
      if (holds === "yes") return "deny";
      deniedPerhaps = true;
    } else if (holds === "yes") allowed = true;
    else allowedPerhaps = true;
  }
  if (allowed) return deniedPerhaps ? "depends" : "allow";
  // What nothing allows is denied whether the other condition holds or not.
  return allowedPerhaps ? "depends" : "none";
}

/** Whether a statement speaks of a request, its condition aside. */
export function concerns(statement: Statement, { principals, action, bucket, key }: AccessRequest): boolean {
  const arn = `:s3:::${key === undefined ? bucket : `${bucket}/${key}`}`;
  return (
    names(statement, principals) &&
    [statement.Action].flat().some((pattern) => matchesPattern(pattern.toLowerCase(), action.toLowerCase())) &&
    [statement.Resource].flat().some((resource) => matchesPattern(resource.replace(/^arn:[a-z-]+(?=:s3:::)/, ""), arn))
  );
}

function names(statement: Statement, principals: readonly string[]): boolean {
  const named = principalsOf(statement);
  return named.some((each) => each === "*" || principals.includes(each));
}

/** The principals of a statement; `*` is everybody. */
export function principalsOf({ Principal }: Statement): readonly string[] {
  return Principal === "*" ? ["*"] : [Principal.AWS].flat();
}

/** Whether an action is one on objects; an unknown one is not. */
export function isObjectAction(action: string): boolean {
  return actions.get(action)?.on === "object";
}

/** Keys that stand for the objects of which a rendered policy speaks: one below each of its patterns, and one beside. */
export function telltaleKeys(policy: Policy, bucket: string, name: string): string[] {
  const patterns = policy.Statement.flatMap(({ Resource }) => [Resource].flat()).flatMap((resource) => {
    const path = resource.replace(/^arn:[a-z-]+:s3:::/, "");
    return path.startsWith(`${bucket}/`) ? [path.slice(bucket.length + 1)] : [];
  });
  // The last star becomes the name, so that the key is no customer's; a pattern without one is a customer's key itself.
  const below = patterns.flatMap((pattern) => {
    const last = pattern.lastIndexOf("*");
    if (last < 0) return [];
    const [before, after] = [pattern.slice(0, last), pattern.slice(last + 1)];
    return [`${before.replace(/[*?]/g, "x")}${name}${after.replace(/\?/g, "x")}`];
  });
  return [...new Set([...below, name])];
}
