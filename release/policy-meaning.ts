import { isFields, type Fields } from "./fields";
import { canonicalJson, digestOf } from "./canonical";
import type { Digest } from "./primitives";

/**
 * The digest of a rendered policy, the same for all policies that say the same. Stores give a policy back in other words:
 * in another order, a list of one as a text, an account's number for its ARN, `{AWS: "*"}` for `*`. The Sid and the Id are
 * names, which nothing depends on.
 */
export function policyDigest(policy: unknown): Digest {
  return digestOf(policyMeaning(policy));
}

function policyMeaning(policy: unknown): unknown {
  if (!isFields(policy)) return policy;
  const { Version = "2008-10-17", Statement } = policy;
  const statements = (Statement === undefined ? [] : listOf(Statement)).map(statementMeaning);
  // The older version differs in one thing: it takes `${aws:username}` for a text.
  const variables = canonicalJson(statements).includes("${");
  const version = Version === "2008-10-17" && !variables ? "2012-10-17" : Version;
  return { ...without(policy, "Id"), Version: version, Statement: unique(statements) };
}

/** What a statement says, in the one form in which statements are compared. */
export function statementMeaning(statement: unknown): unknown {
  if (!isFields(statement)) return statement;
  const conditions = conditionMeaning(statement.Condition);
  const elements = Object.entries(without(statement, "Sid", "Condition"))
    .filter(([, value]) => value !== undefined)
    .map(([element, value]) => [element, elementMeaning(element, value)] as const);
  return Object.fromEntries([...elements, ...(conditions === undefined ? [] : [["Condition", conditions] as const])]);
}

function elementMeaning(element: string, value: unknown): unknown {
  if (/^(?:Not)?Action$/.test(element)) return unique(listOf(value).map(lowerCase));
  if (/^(?:Not)?Resource$/.test(element)) return unique(listOf(value));
  if (/^(?:Not)?Principal$/.test(element)) return principalMeaning(value);
  return value;
}

function principalMeaning(principal: unknown): unknown {
  if (principal === "*") return { AWS: ["*"] };
  if (!isFields(principal)) return principal;
  return Object.fromEntries(
    Object.entries(principal).map(([type, value]) => {
      if (type !== "AWS") return [type, unique(listOf(value))];
      const names = unique(listOf(value).map(accountMeaning));
      return [type, names.includes("*") ? ["*"] : names];
    }),
  );
}

/** An account by its number, whichever way it is named. */
const accountMeaning = (name: unknown): unknown =>
  typeof name === "string" ? (/^arn:aws[a-z-]*:iam::(\d{12}):root$/.exec(name)?.[1] ?? name) : name;

/** Every condition of its own, sorted: operator, key, values; undefined without conditions. */
function conditionMeaning(condition: unknown): unknown {
  if (condition === undefined) return undefined;
  if (!isFields(condition)) return condition;
  const all = Object.entries(condition).flatMap(([operator, block]): unknown[] => {
    if (!isFields(block)) return [[operator, block]];
    const name = operator.toLowerCase();
    const isBool = /(?:^|:)(?:bool|null)(?:ifexists)?$/.test(name);
    const valueMeaning = (value: unknown): unknown => {
      const text = typeof value === "boolean" || typeof value === "number" ? String(value) : value;
      return isBool ? lowerCase(text) : text;
    };
    return Object.entries(block).map(([key, values]) => [
      name,
      keyMeaning(key),
      unique(listOf(values).map(valueMeaning)),
    ]);
  });
  return all.length === 0 ? undefined : unique(all);
}

/** A condition key in lower case; what follows a slash is the name of a tag, whose case counts. */
function keyMeaning(key: string): string {
  const slash = key.indexOf("/");
  return slash < 0 ? key.toLowerCase() : `${key.slice(0, slash).toLowerCase()}${key.slice(slash)}`;
}

const without = (fields: Fields, ...names: string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value]);
const lowerCase = (value: unknown): unknown => (typeof value === "string" ? value.toLowerCase() : value);

/** A list in one order, each item once. */
function unique(items: readonly unknown[]): unknown[] {
  const byText = new Map(items.map((item) => [canonicalJson(item), item]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}
