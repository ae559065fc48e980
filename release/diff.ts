import microdiff from "microdiff";
import { canonicalJson } from "./canonical";
import type { Pinned } from "./pinned";
import { shortDigests } from "./primitives";
import { facets, type Facet } from "./schema/release";

/** How much a change can hurt: configuration and functions are low, whatever touches data medium, a schema high. */
export type Risk = "low" | "medium" | "high";

/** One thing that differs between two pins. */
export interface Change {
  readonly facet: Facet;
  /** The entry within its facet: `score_prism`, `scoring_config`. */
  readonly entry: string;
  readonly action: "added" | "removed" | "changed";
  /** Every value that differs inside the entry, by its path; empty for an entry that came or went as a whole. */
  readonly values: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
  readonly risk: Risk;
}

/** What each facet risks. A table's rows can be put back as they were; so can images, functions and policies. */
const risks: Readonly<Record<Facet, Risk>> = {
  services: "low",
  functions: "low",
  frontend: "low",
  config: "low",
  storage: "low",
  toggles: "low",
  schema: "high",
};

/** What would change from one pin to another, facet by facet, in a stable order. Equal pins have no changes. */
export function diffPinned(before: Pinned, after: Pinned): Change[] {
  return facets.flatMap((facet) => {
    const [from, to] = [entriesOf(before, facet), entriesOf(after, facet)];
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return names.flatMap((entry): Change[] => {
      const [a, b] = [from[entry], to[entry]];
      const common = { facet, entry, risk: risks[facet] };
      if (a === undefined) return [{ ...common, action: "added", values: [] }];
      if (b === undefined) return [{ ...common, action: "removed", values: [] }];
      if (canonicalJson(a) === canonicalJson(b)) return [];
      const values = valuesThatDiffer(a, b);
      return values.length === 0 ? [] : [{ ...common, action: "changed", values }];
    });
  });
}

/** A line per value that differs: `functions/score_prism image: scoring@sha256:… → scoring@sha256:…`. */
export function describeChange({ facet, entry, action, values }: Change): string[] {
  const name = `${facet}/${entry}`;
  if (action !== "changed") return [`${name} ${action}`];
  const show = (value: unknown): string => (value === undefined ? "nothing" : shorten(JSON.stringify(value)));
  return values.map(({ path, before, after }) => `${name}${path && ` ${path}`}: ${show(before)} → ${show(after)}`);
}

function entriesOf(pinned: Pinned, facet: Facet): Record<string, unknown> {
  return pinned.facets[facet];
}

function valuesThatDiffer(a: unknown, b: unknown): Change["values"] {
  if (typeof a !== "object" || typeof b !== "object") return [{ path: "", before: a, after: b }];
  const [from, to] = byKey(a, b);
  return microdiff(from, to).map((difference) => ({
    path: difference.path.join("."),
    before: difference.type === "CREATE" ? undefined : (difference.oldValue as unknown),
    after: difference.type === "REMOVE" ? undefined : (difference.value as unknown),
  }));
}

type Fields = Record<string, unknown>;

/** The rows of two entries in objects, so that a row that moved in the list is not a difference. */
function byKey(...entries: readonly [object | null, object | null]): [Fields, Fields] {
  const lists = entries.map((entry) => (entry as { rows?: Fields[] }).rows);
  const [from, to] = lists;
  if (!Array.isArray(from) || !Array.isArray(to)) return entries as [Fields, Fields];
  // The key is the first column that tells the rows of either side apart; where none does, the whole row is.
  const distinct = (rows: Fields[], key: (row: Fields) => string) => new Set(rows.map(key)).size === rows.length;
  const column = Object.keys(from[0] ?? to[0] ?? {}).find((name) =>
    [from, to].every((rows) => distinct(rows, (row) => canonicalJson(row[name] ?? null))),
  );
  const keyOf = (row: Fields): string => {
    const value = column === undefined ? row : row[column];
    return typeof value === "string" ? value : canonicalJson(value ?? null);
  };
  return [from, to].map((rows) => Object.fromEntries(rows.map((row) => [keyOf(row), row]))) as [Fields, Fields];
}

/** Digests keep their first twelve digits, other long texts their first hundred. */
function shorten(text: string): string {
  const short = shortDigests(text);
  return short.length > 100 ? `${short.slice(0, 99)}…` : short;
}
