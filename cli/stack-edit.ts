import { isMap, isScalar, parse, parseDocument, type Node, type Pair, type YAMLMap } from "yaml";
import { canonicalJson } from "../release/canonical";

type Entries = YAMLMap<Node, Node | null>;

/**
 * A stack file with another value at one place under `config`, and every other character as it was. A map that holds it
 * as a block keeps its comments; one in braces is written anew.
 * @param path the keys from `config` on: `["rewind:toggles", "NAME"]`
 * @param value undefined takes the key out
 * @throws Error when the file is written in a way that cannot be edited so
 */
export function withValueAt(text: string, path: readonly [string, ...string[]], value: unknown): string {
  const wanted = expected(text, path, value);
  if (holds(text, wanted)) return text;
  const edited = edit(text, path, value);
  if (edited === undefined || !holds(edited, wanted)) {
    throw new Error(`the stack file cannot be edited line by line; set ${path.join(".")} to ${flow(value)} by hand`);
  }
  return edited;
}

function edit(text: string, path: readonly string[], value: unknown): string | undefined {
  const config = parseDocument(text).get("config");
  if (!isMap<Node, Node | null>(config)) return undefined;
  let holder: Entries = config;
  for (const [depth, key] of path.entries()) {
    const pair = holder.items.find((item) => isScalar(item.key) && item.key.value === key);
    const last = depth === path.length - 1;
    if (pair === undefined) {
      return value === undefined ? text : added(text, holder, key, nested(path.slice(depth + 1), value));
    }
    if (last) return value === undefined ? removed(text, path, holder, pair) : replaced(text, pair, value);
    if (!isMap<Node, Node | null>(pair.value) || pair.value.items.length === 0) {
      return value === undefined ? text : replaced(text, pair, nested(path.slice(depth + 1), value));
    }
    // A map in braces stands on one line with what is around it.
    if (pair.value.flow === true) {
      const inner = pair.value.toJSON() as Record<string, unknown>;
      return replaced(text, pair, changed(inner, path.slice(depth + 1), value));
    }
    holder = pair.value;
  }
  return undefined;
}

/** The characters of a pair's value, from its colon on, give way to a space and the new value. */
function replaced(text: string, pair: Pair<Node, Node | null>, value: unknown): string {
  const [, keyEnd] = pair.key.range ?? [0, 0];
  const colon = text.indexOf(":", keyEnd) + 1;
  const [from, to] = pair.value?.range ?? [colon, colon];
  const kept = /\s*$/.exec(text.slice(from, to))?.[0].length ?? 0;
  return `${text.slice(0, colon)} ${flow(value)}${text.slice(Math.max(colon, to - kept))}`;
}

/** A line of its own before the first of a block's, indented like it. */
function added(text: string, holder: Entries, key: string, value: unknown): string | undefined {
  const [from] = holder.items[0]?.key.range ?? [];
  if (from === undefined) return undefined;
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const line = `${text.slice(start, from)}${key}: ${flow(value)}${text.includes("\r\n") ? "\r\n" : "\n"}`;
  return `${text.slice(0, start)}${line}${text.slice(start)}`;
}

/** The whole lines of a pair go; the last pair of a block leaves an empty map behind. */
function removed(
  text: string,
  path: readonly string[],
  holder: Entries,
  pair: Pair<Node, Node | null>,
): string | undefined {
  if (holder.items.length === 1) return edit(text, path.slice(0, -1), {});
  const [from] = pair.key.range ?? [0];
  const [, to] = pair.value?.range ?? pair.key.range ?? [0, 0];
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const end = text.indexOf("\n", to - 1);
  return `${text.slice(0, start)}${end < 0 ? "" : text.slice(end + 1)}`;
}

const nested = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

function changed(holder: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const fields = { ...(typeof holder === "object" && holder !== null ? (holder as Record<string, unknown>) : {}) };
  if (value === undefined && !Object.hasOwn(fields, key)) return holder;
  const inner = changed(fields[key], rest, value);
  if (inner === undefined) return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
  return { ...fields, [key]: inner };
}

function expected(text: string, path: readonly string[], value: unknown): unknown {
  return changed((parse(text) as { config?: unknown }).config, path, value);
}

function holds(text: string, wanted: unknown): boolean {
  try {
    const { config } = parse(text) as { config?: unknown };
    return canonicalJson(config) === canonicalJson(wanted);
  } catch {
    return false;
  }
}

/** A value on one line. JSON is YAML; plain keys and words read better without quotes. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${flow(key)}: ${flow(inner)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  if (typeof value !== "string") return JSON.stringify(value);
  const plain = /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(value) && parse(value) === value;
  return plain ? value : JSON.stringify(value);
}
