import { actions, matchesPattern } from "./actions";
import { conditionHolds, type Answer, type RequestFacts } from "./conditions";
import { namesByType, statementsOf } from "./policy";
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
  for (const statement of statementsOf(policy)) {
    const holds = both(concerns(statement, request), conditionHolds(statement.Condition, request.facts ?? {}));
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

const both = (...answers: readonly Answer[]): Answer =>
  answers.includes("no") ? "no" : answers.includes("unknown") ? "unknown" : "yes";
const opposite = (answer: Answer): Answer => (answer === "unknown" ? answer : answer === "yes" ? "no" : "yes");

/** Whether a statement speaks of a request, its condition aside. */
export function concerns(statement: Statement, { principals, action, bucket, key }: AccessRequest): Answer {
  const arn = `:s3:::${key === undefined ? bucket : `${bucket}/${key}`}`;
  const { Resource, NotResource } = statement;
  const resource = matchesResource(Resource ?? NotResource ?? [], arn);
  return both(
    isFor(statement, principals),
    isOf(statement, action) ? "yes" : "no",
    Resource === undefined ? opposite(resource) : resource,
  );
}

/** Whether a statement is about an action, by what it names or by what it leaves out. */
export function isOf({ Action, NotAction = [] }: Statement, action: string): boolean {
  const matches = (patterns: string | readonly string[]): boolean =>
    [patterns].flat().some((pattern) => matchesPattern(pattern.toLowerCase(), action.toLowerCase()));
  return Action === undefined ? !matches(NotAction) : matches(Action);
}

function matchesResource(patterns: string | readonly string[], arn: string): Answer {
  let answer: Answer = "no";
  for (const resource of [patterns].flat()) {
    const pattern = resource.replace(/^arn:[a-z-]+(?=:s3:::)/, "");
    const variable = pattern.includes("${");
    // The store alone knows what a variable stands for.
    if (!matchesPattern(variable ? pattern.replace(/\$\{[^}]*\}/g, "*") : pattern, arn)) continue;
    if (!variable) return "yes";
    answer = "unknown";
  }
  return answer;
}

/** Whether a statement is for who asks. */
function isFor({ Principal, NotPrincipal = "*" }: Statement, principals: readonly string[]): Answer {
  if (Principal !== undefined) return namedIn(Principal, principals);
  const named = namedIn(NotPrincipal, principals);
  if (named !== "yes" || NotPrincipal === "*") return opposite(named);
  // AWS excepts a user only where the account is named as well, and a role only with each of its sessions.
  const listed = [NotPrincipal.AWS ?? []].flat().map(accountOr);
  const excepted = principals.some((name) => {
    const [, account, kind] = iamArn.exec(name) ?? [];
    return listed.includes(name) && (account === undefined || (kind === "user" && listed.includes(account)));
  });
  return excepted ? "no" : "unknown";
}

const iamArn = /^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):([a-z-]+)/;
/** The number of an account that is named by it or by its ARN; any other name as it is. */
const accountOr = (name: string): string => (name.endsWith(":root") ? (iamArn.exec(name)?.[1] ?? name) : name);

function namedIn(principal: NonNullable<Statement["Principal"]>, principals: readonly string[]): Answer {
  if (principal === "*") return "yes";
  const listed = [principal.AWS ?? []].flat().map(accountOr);
  if (listed.includes("*") || principals.some((name) => listed.includes(accountOr(name)))) return "yes";
  // What an account is allowed, its own administrators hand on; a canonical user is an account by another name.
  const accounts = principals.flatMap((name) => iamArn.exec(name)?.[1] ?? []);
  const perhaps = accounts.some((account) => listed.includes(account));
  return perhaps || (principal.CanonicalUser !== undefined && principals.length > 0) ? "unknown" : "no";
}

/** The principals that a statement names or excepts, of every type. */
export function principalsOf({ Principal, NotPrincipal }: Statement): readonly string[] {
  const principal = Principal ?? NotPrincipal ?? "*";
  return principal === "*" ? ["*"] : namesByType(principal).flatMap(([, names]) => names);
}

/** Whether a statement is for everybody, or for everybody but some. */
export const isForEverybody = ({ Principal, NotPrincipal }: Statement): boolean =>
  NotPrincipal !== undefined || Principal === "*" || [Principal?.AWS ?? []].flat().includes("*");

/** The patterns of resources that a statement names or excepts. */
export const resourcesOf = ({ Resource, NotResource = [] }: Statement): readonly string[] =>
  [Resource ?? NotResource].flat();

/** Whether an action is one on objects; an unknown one is not. */
export function isObjectAction(action: string): boolean {
  return actions.get(action)?.on === "object";
}

/** Keys that stand for the objects of which a rendered policy speaks: one below each of its patterns, and one beside. */
export function telltaleKeys(policy: Policy, bucket: string, name: string): string[] {
  const patterns = statementsOf(policy)
    .flatMap(resourcesOf)
    .flatMap((resource) => {
      const path = resource.replace(/^arn:[a-z-]+:s3:::/, "");
      return path.startsWith(`${bucket}/`) ? [path.slice(bucket.length + 1)] : [];
    });
  // The last star becomes the name, so that the key is no customer's; a pattern without one is a customer's key itself.
  const below = patterns.flatMap((pattern) => {
    const last = pattern.lastIndexOf("*");
    if (last < 0 || pattern.includes("${")) return [];
    const [before, after] = [pattern.slice(0, last), pattern.slice(last + 1)];
    return [`${before.replace(/[*?]/g, "x")}${name}${after.replace(/\?/g, "x")}`];
  });
  return [...new Set([...below, name])];
}
