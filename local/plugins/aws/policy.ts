import type { Value } from "../schema";

/**
 * Whether the vendor's plugin takes two policies for the same, by the rules of hashicorp/awspolicyequivalence (read at
 * d596985), which its suppression of differences is built on: order and a text instead of a list of one make no
 * difference, an account's number is its root's ARN, `true` is `"true"`. A Sid, an Id, a version, a repeated action, the
 * case of anything but the effect, and `*` beside `{AWS: "*"}` do.
 */
export function samePolicy(old: Value, wanted: Value): boolean {
  if (typeof old !== "string" || typeof wanted !== "string") return old === wanted;
  const [a, b] = [read(old), read(wanted)];
  if (a === undefined || b === undefined) return false;
  if (text(a.Version) !== text(b.Version) || text(a.Id) !== text(b.Id)) return false;
  const [ours, theirs] = [statements(a.Statement), statements(b.Statement)];
  return ours.length === theirs.length && eachHas(ours, theirs, sameStatement);
}

type Fields = Readonly<Record<string, unknown>>;

function read(policy: string): Fields | undefined {
  try {
    const value = JSON.parse(policy.trim() === "" ? "{}" : policy) as unknown;
    const [only] = Array.isArray(value) && value.length === 1 ? (value as unknown[]) : [value];
    return isFields(only) ? only : undefined;
  } catch {
    // No JSON at all: only the very same text is the same, and that is no difference to begin with.
    return undefined;
  }
}

const statements = (value: unknown): Fields[] => (value === undefined ? [] : [value].flat()).filter(isFields);

function sameStatement(a: Fields, b: Fields): boolean {
  if (text(a.Sid) !== text(b.Sid) || text(a.Effect).toLowerCase() !== text(b.Effect).toLowerCase()) return false;
  const lists = ["Action", "NotAction", "Resource", "NotResource"];
  if (!lists.every((name) => texts(a[name]).sort().join("\0") === texts(b[name]).sort().join("\0"))) return false;
  if (!sameConditions(a.Condition, b.Condition)) return false;
  return ["Principal", "NotPrincipal"].every((name) => samePrincipals(a[name], b[name]));
}

function sameConditions(a: unknown, b: unknown): boolean {
  if (!isFields(a) || !isFields(b)) return a === b;
  return sameKeys(a, b, (ours, theirs) =>
    isFields(ours) && isFields(theirs) ? sameKeys(ours, theirs, sameSet) : ours === theirs,
  );
}

/** As many values, and the same ones. */
function sameSet(a: unknown, b: unknown): boolean {
  const [ours, theirs] = [texts(a), texts(b)];
  return ours.length === theirs.length && eachHas(ours, theirs, (x, y) => x === y);
}

function samePrincipals(a: unknown, b: unknown): boolean {
  if (typeof a === "string" && typeof b === "string" && sameName(a, b)) return true;
  const byType = (value: unknown): Fields =>
    Object.fromEntries(Object.entries(isFields(value) ? value : {}).filter(([, names]) => texts(names).length > 0));
  return sameKeys(byType(a), byType(b), (ours, theirs) => {
    const [x, y] = [texts(ours), texts(theirs)];
    return x.length === y.length && eachHas(x, y, sameName);
  });
}

const sameName = (a: string, b: string): boolean => accountOf(a) === accountOf(b);
const accountOf = (name: string): string => /^arn:[^:]*:iam::(\d{12}):root$/.exec(name)?.[1] ?? name;

function sameKeys(a: Fields, b: Fields, same: (a: unknown, b: unknown) => boolean): boolean {
  const [ours, theirs] = [Object.keys(a), Object.keys(b)];
  return ours.length === theirs.length && ours.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

/** Whether each item has its like on the other side, whichever side is asked. */
function eachHas<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return a.every((x) => b.some((y) => same(x, y))) && b.every((y) => a.some((x) => same(x, y)));
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] => (value === undefined || value === null ? [] : [value].flat().map(String));

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
