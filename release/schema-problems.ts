import type { z } from "zod";
import { pathOf, type Problem } from "./problems";

/** What is said of a key that no schema has. */
export const noSuchKey = "no such key";

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

/**
 * An error of the schema as problems, in the words of the file's format: every misspelled key on a line of its own.
 * @param at where the value stands
 * @param raw the value
 */
export function schemaProblems(
  { issues }: { readonly issues: readonly z.core.$ZodIssue[] },
  at: readonly PropertyKey[],
  raw: unknown,
): Problem[] {
  return issuesOf(issues).flatMap((issue): Problem[] => {
    const path = [...at, ...issue.path];
    const value = valueAt(raw, issue.path);
    if (issue.code === "invalid_type") {
      // Words of the schema's own say more than its library's.
      const expected = issue.message.startsWith("Invalid input")
        ? `expected ${typeWords(issue.expected)}`
        : issue.message;
      if (issue.expected === "string" && ["number", "boolean"].includes(typeof value)) {
        const kind = typeof value === "number" ? `the number ${value}` : String(value);
        return [{ path: pathOf(path), message: `${expected}, got ${kind}; put it in quotes as it is written` }];
      }
      if (expected !== issue.message) return [{ path: pathOf(path), message: `${expected}, ${gotWords(value)}` }];
    }
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: pathOf([...path, key]), message: noSuchKey }));
    }
    if (issue.code === "invalid_key") {
      return [{ path: pathOf(path), message: issue.issues[0]?.message ?? issue.message }];
    }
    // Only a value that has no JSON form, such as a number past 1e308, leaves zod without words.
    const message = issue.message === "Invalid input" ? "expected a JSON value" : issue.message;
    return [{ path: pathOf(path), message: message.replace(/^Invalid (?:input|option): /, "") }];
  });
}

/** What the schema's library calls a type, in the words of the file's format. */
function typeWords(type: string): string {
  const words: Readonly<Record<string, string>> = {
    ...{ object: "an object", record: "an object", array: "a list", string: "a text" },
    ...{ number: "a number", int: "a whole number", boolean: "true or false" },
  };
  return words[type] ?? type;
}

/** What stands there instead; nothing at all is often a key, or a dash, that somebody forgot to fill in. */
function gotWords(value: unknown): string {
  if (value === undefined) return "which is missing";
  if (value === null) return "got null; fill it in, or take it out";
  if (Array.isArray(value)) return "got a list";
  if (typeof value === "string") return "got a text";
  if (typeof value === "number" || typeof value === "boolean") return `got ${value}`;
  return "got an object";
}

/**
 * Every issue, and in place of a union's those of the option that was meant, where it is the only one in which every
 * problem lies deeper than the value itself. A policy's statement, with or without a list, is told by its kind alone.
 */
export function issuesOf(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== "invalid_union") return [issue];
    const isStatement = issue.path.at(-1) === "Statement";
    const meant = issue.errors.filter(
      (option) =>
        option.length > 0 &&
        option.every(({ code, path }) => (isStatement ? path.length > 0 || code !== "invalid_type" : path.length > 1)),
    );
    const [only] = meant;
    if (only === undefined || meant.length > 1) return [issue];
    return issuesOf(only.map((each) => ({ ...each, path: [...issue.path, ...each.path] })));
  });
}
