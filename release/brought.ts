import { canonicalJson } from "./canonical";
import { isFields, own } from "./fields";

/**
 * What a pull request may change of a stack before it is asked about: which release runs, and what releases are. None of
 * these keys names a host, a registry, a bucket or a secret.
 */
export const broughtKeys = ["release", "pins", "releases", "archive", "toggles", "letGo"] as const;

/**
 * The places at which two values differ, each as the keys that lead there. Lists are compared as a whole. A value that is
 * missing on one side is a difference.
 */
export function differences(one: unknown, other: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (isFields(one) && isFields(other)) {
    return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) =>
      differences(own(one, key), own(other, key), [...at, key]),
    );
  }
  return textOf(one) === textOf(other) ? [] : [at];
}

const textOf = (value: unknown): string | undefined => (value === undefined ? undefined : canonicalJson(value));

/** What a file of a pull request is for. */
export type BroughtKind = "release" | "rows" | "migration" | "signature";

const endings: Readonly<Record<BroughtKind, RegExp>> = {
  release: /\.(?:yaml|yml|json)$/,
  rows: /\.(?:jsonl|ndjson|json)$/,
  migration: /\.sql$/i,
  signature: /\.sigstore\.json$/,
};
const expected: Readonly<Record<BroughtKind, string>> = {
  release: ".yaml, .yml or .json",
  rows: ".jsonl, .ndjson or .json",
  migration: ".sql",
  signature: ".sigstore.json",
};

/** A file that Node loads as a program. */
const program = /\.(?:[cm]?[jt]sx?|node)$/;

/**
 * Why a file must not be brought to where it says, or undefined. A release names its files, and so could name one that the
 * program loads: Node takes `x`, `x.js` and `x.json` for `./x` before it takes `x.ts`.
 * @param beside the names in the folder that it would be put into
 */
export function placeProblem(path: string, kind: BroughtKind, beside: readonly string[]): string | undefined {
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  if (!endings[kind].test(name)) return `${path}: expected a file that ends in ${expected[kind]}`;
  if (parts.some((part) => part.startsWith(".") || part.toLowerCase() === "node_modules"))
    return `${path} is not a place for data`;
  if (/^(?:pulumi|package(?:-lock)?\.json$|npm-shrinkwrap\.json$|tsconfig)/i.test(name))
    return `${path} has the name of a project's own file`;
  if (!name.endsWith(".json")) return undefined;
  const stem = name.slice(0, -".json".length);
  if (beside.some((each) => program.test(each) || each === stem))
    return `${path} would lie beside programs, which could load it; put it into a folder of its own`;
  return undefined;
}

/** Whether a file that is there already may be replaced: never one that a program could load, nor a migration. */
export const mayReplace = (path: string): boolean => /\.(?:jsonl|ndjson|yaml|yml)$/.test(path);
