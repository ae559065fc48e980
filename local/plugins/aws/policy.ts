import type { Value } from "../schema";

/** Whether two bucket policies say the same: order, and one text instead of a list of one, make no difference. */
export function samePolicy(old: Value, wanted: Value): boolean {
  if (typeof old !== "string" || typeof wanted !== "string") return old === wanted;
  const [before, after] = [meaning(old), meaning(wanted)];
  return before !== undefined && before === after;
}

function meaning(text: string): string | undefined {
  try {
    const policy = JSON.parse(text) as unknown;
    return JSON.stringify(sorted(isRecord(policy) ? { ...policy, Statement: statements(policy.Statement) } : policy));
  } catch {
    // No JSON at all: only the very same text is the same, and that is no difference to begin with.
    return undefined;
  }
}

function statements(value: unknown): unknown[] {
  const found: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return byText(
    found.map((statement) => {
      if (!isRecord(statement)) return statement;
      const parts = Object.entries(statement).map(([key, part]) => {
        if (/^(Not)?(Action|Resource)$/.test(key)) return [key, listed(part)];
        if (/^(Not)?Principal$/.test(key)) return [key, part === "*" ? { AWS: ["*"] } : eachListed(part)];
        if (key === "Condition" && isRecord(part)) {
          return [key, Object.fromEntries(Object.entries(part).map(([test, keys]) => [test, eachListed(keys)]))];
        }
        return [key, part];
      });
      return Object.fromEntries(parts) as unknown;
    }),
  );
}

function eachListed(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, listed(part)]));
}

function listed(value: unknown): unknown[] {
  return byText((Array.isArray(value) ? (value as unknown[]) : [value]).map(String));
}

function byText(values: unknown[]): unknown[] {
  const text = (value: unknown): string => JSON.stringify(sorted(value));
  return [...values].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
