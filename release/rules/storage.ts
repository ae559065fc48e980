import { decide, isObjectAction, principalsOf, resourcesOf } from "../access";
import { actionsMatching, matchesPattern } from "../actions";
import { isConditionKey, isOperator } from "../conditions";
import { textsIn, variablesIn } from "../interpolate";
import type { Settings } from "../parse";
import { namesByType, renderPolicy, statementsOf } from "../policy";
import { statementMeaning } from "../policy-meaning";
import { canonicalJson } from "../canonical";
import { quote } from "../primitives";
import type { Problem } from "../problems";
import type { Bucket, ObjectStore, Policy, Statement } from "../schema/storage";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

/** A pinned bucket with its policy as the environment's store would get it. */
export interface PinnedPolicy {
  readonly at: readonly PropertyKey[];
  readonly pin: Bucket;
  readonly policy: Policy;
  readonly bucket: string;
  readonly store: ObjectStore;
}

export const eachBucket = (settings: Settings, look: (pinned: PinnedPolicy) => Problem[]): Problem[] =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.storage ?? {}).flatMap(([name, pin]) => {
      const store = settings.environment.objectStore;
      const bucket = has(store?.buckets, name) ? store?.buckets[name] : undefined;
      if (store === undefined || bucket === undefined) return [];
      const policy = renderPolicy(pin.policy, bucket, store.principals ?? {});
      return look({ at: [...at, "storage", name], pin, policy, bucket, store });
    }),
  );

export const eachStatement = (
  settings: Settings,
  look: (statement: Statement, at: readonly PropertyKey[], pinned: PinnedPolicy) => Problem[],
): Problem[] =>
  eachBucket(settings, (pinned) =>
    statementsOf(pinned.policy).flatMap((statement, index) =>
      look(statement, [...pinned.at, "policy", "Statement", index], pinned),
    ),
  );

export const principalsAreKnown: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.storage ?? {}).flatMap(([name, { policy, writers = [] }]) => [
      ...statementsOf(policy).flatMap((statement, index) =>
        textsIn(statement)
          .flatMap(variablesIn)
          .filter((variable) => variable !== "bucket" && !principalIsKnown(settings, variable))
          .map((variable) =>
            problem([...at, "storage", name, "policy", "Statement", index], `nothing is known as \${${variable}}`),
          ),
      ),
      ...writers
        .filter((writer) => !has(settings.environment.objectStore?.principals, writer))
        .map((writer) => problem([...at, "storage", name, "writers"], `nothing is known as \${principal.${writer}}`)),
    ]),
  );

function principalIsKnown({ environment }: Settings, variable: string): boolean {
  const [, name] = /^principal\.(.+)$/.exec(variable) ?? [];
  return name !== undefined && has(environment.objectStore?.principals, name);
}

/** A policy that the store would refuse half-way through an update is refused here. */
export const statementsAreSound: Rule = (settings) =>
  eachStatement(settings, (statement, at) => {
    // What is not among some resources is both: objects and the bucket.
    const [named, excepts] = [resourcesOf(statement), statement.NotResource !== undefined];
    const forObjects = excepts || named.some((resource) => resource.includes("/"));
    const forBucket = excepts || named.some((resource) => !resource.includes("/"));
    const element = statement.Action === undefined ? "NotAction" : "Action";
    return [
      ...[statement.Action ?? statement.NotAction ?? []].flat().flatMap((pattern): Problem[] => {
        const meant = actionsMatching(pattern);
        if (meant.length === 0) return [problem([...at, element], `S3 has no action ${quote(pattern)}`)];
        if (element === "NotAction") return [];
        if (meant.some((action) => (isObjectAction(action) ? forObjects : forBucket))) return [];
        const wanted = isObjectAction(meant[0] ?? "") ? "objects, ${bucket}/…" : "the bucket itself, ${bucket}";
        return [problem([...at, "Action"], `${pattern} needs a resource that names ${wanted}`)];
      }),
      ...wildcardsOf(statement).map((principal) =>
        problem([...at, "Principal"], `${quote(principal)}: a principal is named in full, or is everybody`),
      ),
      ...Object.entries(statement.Condition ?? {}).flatMap(([operator, block]) => [
        ...(isOperator(operator) ? [] : [problem([...at, "Condition"], `there is no operator ${quote(operator)}`)]),
        ...Object.keys(block)
          .filter((key) => !isConditionKey(key))
          .map((key) => problem([...at, "Condition", operator], `S3 has no condition key ${quote(key)}`)),
      ]),
    ];
  });

/** Names with a wildcard inside, which no store takes; `*` alone is everybody among the principals of AWS only. */
function wildcardsOf(statement: Statement): string[] {
  const { Principal, NotPrincipal } = statement;
  const principal = Principal ?? NotPrincipal ?? "*";
  if (principal === "*") return [];
  return namesByType(principal).flatMap(([type, names]) =>
    names.filter((name) => /[*?]/.test(name) && !(type === "AWS" && name === "*")),
  );
}

export const statementsCount: Rule = (settings) =>
  eachBucket(settings, ({ at, policy }) => {
    const statements = statementsOf(policy);
    return statements.flatMap((statement, index): Problem[] => {
      const here = [...at, "policy", "Statement", index];
      const earlier = statements.slice(0, index);
      if (statement.Sid !== undefined && statement.Sid !== "" && earlier.some(({ Sid }) => Sid === statement.Sid)) {
        return [problem([...here, "Sid"], `a second statement ${statement.Sid}`)];
      }
      if (earlier.some((other) => meaning(other) === meaning(statement))) {
        return [problem(here, "says what an earlier statement says")];
      }
      const denier = statement.Effect === "Allow" ? statements.findIndex((other) => silences(other, statement)) : -1;
      return denier < 0 ? [] : [problem(here, `allows nothing: Statement ${denier} denies all of it`)];
    });
  });

const meaning = (statement: Statement): string => canonicalJson(statementMeaning(statement));

/** Whether a Deny takes back everything that an Allow gives. */
function silences(deny: Statement, allow: Statement): boolean {
  if (deny.Effect !== "Deny" || deny.Condition !== undefined) return false;
  const simple = ({ Principal, Action, Resource }: Statement): boolean =>
    [Principal, Action, Resource].every((element) => element !== undefined);
  if (!simple(deny) || !simple(allow)) return false;
  const covers = (patterns: string | readonly string[], all: string | readonly string[]): boolean =>
    [all].flat().every((each) => [patterns].flat().some((pattern) => contains(pattern, each)));
  return (
    covers(principalsOf(deny), principalsOf(allow)) &&
    covers(lower(deny.Action), lower(allow.Action)) &&
    covers(resourcesOf(deny), resourcesOf(allow))
  );
}

export const productionTriesItsPolicies: Rule = ({ environment }) =>
  environment.kind === "production" && environment.objectStore?.untried !== undefined
    ? [problem(["environment", "objectStore", "untried"], "a production environment tries its policies")]
    : [];

const lower = (patterns: Statement["Action"]): string[] => [patterns ?? []].flat().map((each) => each.toLowerCase());

/** Whether a pattern matches everything that another one matches. A `?` of the first is no match for a `*`. */
function contains(pattern: string, other: string): boolean {
  return matchesPattern(pattern.replace(/\?/g, "\u0000"), other);
}

/** Node and the engine's plugins speak no older TLS, so a policy may demand it. */
const oldestTls = { "s3:tlsversion": "1.2" };

/** What a stack needs of a bucket to put anything right again. */
const needed = ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutObject", "s3:GetObject"];

export const nobodyIsLockedOut: Rule = (settings) =>
  eachBucket(settings, ({ at, pin, policy, bucket, store }) => {
    const here = [...at, "policy"];
    const isSecure = store.endpoint === undefined || store.endpoint.startsWith("https:");
    const facts = {
      "aws:securetransport": String(isSecure),
      ...(isSecure ? oldestTls : {}),
      "s3:signatureage": "0",
    };
    const own = needed.filter((action) => {
      const on = isObjectAction(action) ? { key: "rewind-probe" } : {};
      // An Allow cannot lock anybody out, so only what is denied counts, for certain or perhaps.
      const denials: Policy = {
        ...policy,
        Statement: statementsOf(policy).flatMap((each) =>
          each.Effect === "Deny" ? [each, { ...withoutCondition(each), Effect: "Allow" as const }] : [],
        ),
      };
      const said = decide(denials, {
        principals: store.self === undefined ? [] : [store.self],
        action,
        bucket,
        facts,
        ...on,
      });
      // Objects that are only taken encrypted are no lock-out; a policy that nobody can take back may be one.
      return said === "deny" || (said === "depends" && !isObjectAction(action));
    });
    const locked =
      own.length === 0
        ? []
        : [problem(here, `locks out the stack itself: it denies everybody, or the stack, ${listed(own)}`)];
    const lost = (pin.writers ?? []).filter((writer) => {
      const principals = [store.principals?.[writer] ?? []].flat();
      const keys = writableKeys(policy, bucket);
      return !keys.some((key) =>
        ["allow", "depends"].includes(decide(policy, { principals, action: "s3:PutObject", bucket, key, facts })),
      );
    });
    return [
      ...locked,
      ...lost.map((writer) => problem(here, `locks out its own writer: ${writer} may not write anywhere`)),
    ];
  });

function withoutCondition(statement: Statement): Statement {
  return Object.fromEntries(Object.entries(statement).filter(([key]) => key !== "Condition")) as Statement;
}

/** A key below each pattern that some statement allows. */
function writableKeys(policy: Policy, bucket: string): string[] {
  const allows = statementsOf(policy).filter(({ Effect }) => Effect === "Allow");
  const beside = allows.some(({ NotResource }) => NotResource !== undefined) ? ["rewind-probe"] : [];
  return beside.concat(
    allows.flatMap(resourcesOf).flatMap((resource) => {
      const path = resource.replace(/^arn:[a-z-]+:s3:::/, "");
      return path.startsWith(`${bucket}/`) ? [path.slice(bucket.length + 1).replace(/[*?]/g, "x")] : [];
    }),
  );
}
