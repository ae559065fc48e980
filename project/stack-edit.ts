import { isMap, isScalar, stringify, visit, type Document, type Node, type Pair, type YAMLMap } from "yaml";
import { readYaml, type YamlFile } from "./yaml";
import { canonicalJson } from "../release/canonical";

type Entries = YAMLMap<Node, Node | null>;
type Entry = Pair<Node, Node | null>;

/** A change of one place below `config`. */
export interface StackEdit {
  /** The keys from `config` on: `["rewind:toggles", "NAME"]`. */
  readonly path: readonly [string, ...string[]];
  /** Undefined takes the key out. */
  readonly value: unknown;
  /** How a new key is written: on one line at the head of its map, or as a block of its own at the end. */
  readonly as?: "line" | "block";
}

/**
 * The one editor of stack files: other values at some places, and every other character as it was: comments, order, line
 * ends and anchors. A map that holds a place as a block keeps its comments; one in braces is written again. The result is
 * read again, as the engine reads it, and compared with what was meant.
 * @throws Error when the file is written in a way that cannot be edited so; it says what to write by hand
 */
export function withEdits(text: string, edits: readonly StackEdit[]): string {
  let meant = configOf(text);
  let edited = text;
  for (const step of stepsOf(edits)) {
    const next = step.reduce((config, { path, value }) => changed(config, path, value) ?? {}, meant);
    const [{ path, value, as = "line" }] = step;
    if (canonicalJson(next) === canonicalJson(meant)) continue;
    edited = (step.length > 1 ? withoutAll(edited, step) : edit(edited, path, value, as)) ?? cannot(path, value);
    if (!holds(edited, next)) cannot(path, value);
    meant = next;
  }
  return edited;
}

type Step = readonly [StackEdit, ...StackEdit[]];

/** Edits one by one, but what goes out of one map in one step: an archive takes a hundred releases, each of them large. */
function stepsOf(edits: readonly StackEdit[]): Step[] {
  const steps: [StackEdit, ...StackEdit[]][] = [];
  const parentOf = ({ path, value }: StackEdit): string | undefined =>
    value === undefined ? JSON.stringify(path.slice(0, -1)) : undefined;
  for (const each of edits) {
    const last = steps.at(-1);
    const parent = parentOf(each);
    if (last !== undefined && parent !== undefined && parentOf(last[0]) === parent) last.push(each);
    else steps.push([each]);
  }
  return steps;
}

/** The lines of several keys of one map, taken out from the end on, so that those before stay where they are. */
function withoutAll(text: string, step: Step): string | undefined {
  const keys = new Set<unknown>(step.map(({ path }) => path.at(-1)));
  const map: unknown = readYaml(text).document.getIn(["config", ...step[0].path.slice(0, -1)]);
  if (!isMap<Node, Node | null>(map) || map.flow === true) return undefined;
  const going = map.items.filter(({ key }) => isScalar(key) && keys.has(key.value));
  if (going.length === map.items.length) return edit(text, step[0].path.slice(0, -1), {}, "line");
  return going.reverse().reduce((rest, pair) => withoutLines(rest, linesOf(text, pair)), text);
}

/** One edit, on one line. Throws like `withEdits`. */
export function withValueAt(text: string, path: readonly [string, ...string[]], value: unknown): string {
  return withEdits(text, [{ path, value }]);
}

function cannot(path: readonly string[], value: unknown): never {
  const place = path.join(".");
  const what = value === undefined ? `take ${place} out` : `set ${place} to ${flow(value).slice(0, 200)}`;
  throw new Error(`the stack file cannot be edited line by line; ${what} by hand`);
}

function edit(text: string, path: readonly string[], value: unknown, as: "line" | "block"): string | undefined {
  const { document } = readYaml(text);
  const config: unknown = document.get("config", true);
  if (isEmpty(config)) return value === undefined ? text : withConfig(text, document, path, value);
  if (!isMap<Node, Node | null>(config)) return undefined;
  let holder: Entries = config;
  for (const [depth, key] of path.entries()) {
    const pair = holder.items.find((item) => isScalar(item.key) && item.key.value === key);
    const last = depth === path.length - 1;
    if (pair === undefined) {
      return value === undefined ? text : added(text, holder, key, nested(path.slice(depth + 1), value), as);
    }
    if (last) return value === undefined ? removed(text, path, holder, pair) : replaced(text, pair, value);
    if (!isMap<Node, Node | null>(pair.value) || pair.value.items.length === 0) {
      return value === undefined ? text : replaced(text, pair, nested(path.slice(depth + 1), value));
    }
    // A map in braces stands on one line with what is around it.
    if (pair.value.flow === true) {
      const inner = valueAt(text, path.slice(0, depth + 1));
      return replaced(text, pair, changed(inner, path.slice(depth + 1), value));
    }
    holder = pair.value;
  }
  return undefined;
}

const isEmpty = (config: unknown): boolean =>
  config === undefined ||
  (isScalar(config) && (config.value === "" || config.value === null)) ||
  (isMap(config) && config.items.length === 0 && config.anchor === undefined);

/** The first value of a file that has none: where everything is in the project's file, or was only just made. */
function withConfig(
  text: string,
  { contents }: Document.Parsed,
  [key = "", ...rest]: readonly string[],
  value: unknown,
): string | undefined {
  const end = lineEnd(text);
  const line = `  ${flow(key)}: ${flow(nested(rest, value))}${end}`;
  if (contents === null) return `${text}${text === "" || text.endsWith("\n") ? "" : end}config:${end}${line}`;
  if (!isMap<Node, Node | null>(contents) || contents.flow === true) return undefined;
  const pair = contents.items.find((item) => isScalar(item.key) && item.key.value === "config");
  if (pair === undefined) return `${text}${text.endsWith("\n") ? "" : end}config:${end}${line}`;
  const colon = text.indexOf(":", pair.key.range[1]) + 1;
  const empty = isMap(pair.value) ? pair.value.range[1] : colon;
  const stop = text.indexOf("\n", empty);
  const head = `${text.slice(0, colon)}${text.slice(empty, stop < 0 ? text.length : stop).trimEnd()}${end}`;
  return `${head}${line}${stop < 0 ? "" : text.slice(stop + 1)}`;
}

const lineEnd = (text: string): string => (text.includes("\r\n") ? "\r\n" : "\n");

/** The characters of a pair's value, from its colon on, give way to a space and the new value; an anchor of it stays. */
function replaced(text: string, { key, value: old }: Entry, value: unknown): string {
  const [, keyEnd] = key.range ?? [0, 0];
  const colon = text.indexOf(":", keyEnd) + 1;
  const [from, to] = old?.range ?? [colon, colon];
  const kept = /\s*$/.exec(text.slice(from, to))?.[0].length ?? 0;
  const anchor = old?.anchor === undefined ? "" : `&${old.anchor} `;
  return `${text.slice(0, colon)} ${anchor}${flow(value)}${text.slice(Math.max(colon, to - kept))}`;
}

/** Lines of their own, indented like the first of the block. */
function added(text: string, holder: Entries, key: string, value: unknown, as: "line" | "block"): string | undefined {
  const [first] = holder.items;
  const last = holder.items.at(-1);
  if (first === undefined || last === undefined || holder.flow === true) return undefined;
  const { start: head, indent } = linesOf(text, first);
  if (indent.trim() !== "") return undefined;
  const end = lineEnd(text);
  if (as === "line") {
    const at = text.lastIndexOf("\n", (first.key.range?.[0] ?? head) - 1) + 1;
    return `${text.slice(0, at)}${indent}${flow(key)}: ${flow(value)}${end}${text.slice(at)}`;
  }
  const lines = blockText({ [key]: value })
    .trimEnd()
    .split("\n");
  const block = lines.map((line) => `${indent}${line}`.trimEnd()).join(end);
  const before = text.slice(0, linesOf(text, last).end);
  return `${before}${before.endsWith("\n") ? "" : end}${end}${block}${end}${text.slice(before.length)}`;
}

/** The whole lines of a pair go, comments right above it too; the last pair of a block leaves an empty map behind. */
function removed(text: string, path: readonly string[], holder: Entries, pair: Entry): string | undefined {
  if (holder.items.length === 1) return edit(text, path.slice(0, -1), {}, "line");
  return withoutLines(text, linesOf(text, pair));
}

/** A text without the lines of an entry. The blank line that parted a block from the next one goes along. */
function withoutLines(text: string, { start, end }: Lines): string {
  const blank = text.slice(start, end).trimEnd().includes("\n") ? /^[ \t]*\r?\n/ : /^$/;
  return text.slice(0, start) + text.slice(end).replace(blank, "");
}

interface Lines {
  /** The first character of the entry's first line, comments right above it included. */
  readonly start: number;
  /** Behind the line break of its last line. */
  readonly end: number;
  readonly indent: string;
}

function linesOf(text: string, { key, value }: Entry): Lines {
  const [from, keyEnd] = key.range ?? [0, 0];
  const valueEnd = value?.range?.[1] ?? keyEnd;
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const last = text.slice(0, Math.max(valueEnd, keyEnd)).trimEnd().length;
  const stop = text.indexOf("\n", last);
  return {
    start: withCommentsAbove(text, lineStart),
    end: stop < 0 ? text.length : stop + 1,
    indent: text.slice(lineStart, from).replace("\ufeff", ""),
  };
}

function withCommentsAbove(text: string, start: number): number {
  let at = start;
  for (;;) {
    const above = text.lastIndexOf("\n", at - 2) + 1;
    if (at === 0 || above === at || !/^[ \t]*#/.test(text.slice(above, at))) return at;
    at = above;
  }
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

/** What stands under `config`; undefined where the file cannot be read. */
function configOf(text: string): unknown {
  const { value, problems } = readYaml(text);
  if (problems.some(({ fatal }) => fatal)) return undefined;
  return ((value ?? {}) as { config?: unknown }).config ?? {};
}

const valueAt = (text: string, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], configOf(text));

function holds(text: string, meant: unknown): boolean {
  const config = configOf(text);
  return config !== undefined && canonicalJson(config) === canonicalJson(meant);
}

/** A value on one line. JSON is YAML; plain keys and words read better without quotes. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => `${flow(key)}: ${flow(inner)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  if (typeof value !== "string") return JSON.stringify(value);
  return isPlain(value) ? value : JSON.stringify(value);
}

const isPlain = (text: string): boolean =>
  /^[A-Za-z_](?:[A-Za-z0-9_.:/-]*[A-Za-z0-9_.-])?$/.test(text) &&
  !/^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i.test(text);

/** Characters that YAML's readers refuse, or take for line breaks, unless they are escaped. */
const unwritable = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A value as a block: texts in quotes, so that every reader takes them for texts. */
export function blockText(value: unknown): string {
  return stringify(value, {
    lineWidth: 0,
    // A text stays on one line: over several the engine could read another one.
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    aliasDuplicateObjects: false,
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: everyKey(value).every(isPlain) ? "PLAIN" : "QUOTE_DOUBLE",
  }).replace(unwritable, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function everyKey(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.values(value).flatMap(everyKey);
  return Array.isArray(value) ? inside : [...Object.keys(value), ...inside];
}

/** The keys of a map below `config` whose own lines hold an anchor that another place refers to. */
export function anchoredIn({ document }: YamlFile, key: string): Set<string> {
  const used = new Set<string>();
  visit(document, { Alias: (_, { source }) => void used.add(source) });
  const holders = new Set<string>();
  const map: unknown = document.getIn(["config", key]);
  for (const { key: name, value } of isMap<Node, Node | null>(map) ? map.items : []) {
    visit(value, {
      Node: (_, node) => {
        if (node.anchor !== undefined && used.has(node.anchor) && isScalar(name)) {
          holders.add(String(name.value));
        }
      },
    });
  }
  return holders;
}
