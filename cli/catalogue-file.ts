import {
  isAlias,
  isMap,
  isScalar,
  parse,
  parseDocument,
  stringify,
  visit,
  type Document,
  type Pair,
  type YAMLMap,
} from "yaml";
import { canonicalJson } from "../release/canonical";
import type { Digest, ReleaseId } from "../release/primitives";

/** What changes in a stack file's catalogue. */
export interface CatalogueEdit {
  readonly add?: { readonly id: ReleaseId; readonly record: unknown };
  /** Releases that go, because the archive has them. */
  readonly remove?: readonly ReleaseId[];
  readonly archive?: { readonly file: string; readonly digest: Digest };
}

const catalogue = "rewind:releases";
const archiveKey = "rewind:archive";

/**
 * A stack file with another catalogue. Lines are put in and taken out; everything else, comments and anchors too, stays
 * as it is. The result is parsed again and compared with what was meant.
 * @throws Error when the file is written in a way that cannot be edited so
 */
export function withCatalogue(text: string, { add, remove = [], archive }: CatalogueEdit): string {
  let edited = text;
  for (const id of remove) edited = withoutEntry(edited, id);
  if (add !== undefined) edited = withEntry(edited, add.id, add.record);
  if (archive !== undefined) edited = withArchive(edited, archive);
  const before = configOf(text);
  const after = configOf(edited);
  const releases = { ...(before[catalogue] as object) } as Record<string, unknown>;
  for (const id of remove) Reflect.deleteProperty(releases, id);
  if (add !== undefined) releases[add.id] = add.record;
  const meant = { ...before, [catalogue]: releases, ...(archive === undefined ? {} : { [archiveKey]: archive }) };
  if (canonicalJson(meant) !== canonicalJson(after)) {
    throw new Error(
      "the stack file cannot be edited line by line; write rewind:releases as a block, an entry per line",
    );
  }
  return edited;
}

/** The releases whose own lines hold an anchor that another place refers to: they cannot be taken out. */
export function anchored(text: string): Set<ReleaseId> {
  const document = parseDocument(text);
  const used = new Set<string>();
  visit(document, { Alias: (_, { source }) => void used.add(source) });
  const found = new Set<ReleaseId>();
  for (const { key, value } of mapOf(document)?.items ?? []) {
    visit(value as Parameters<typeof visit>[0], {
      Node: (_, node) => {
        if (!isAlias(node) && node.anchor !== undefined && used.has(node.anchor) && isScalar(key)) {
          found.add(String(key.value));
        }
      },
    });
  }
  return found;
}

/**
 * A release as YAML that every parser reads alike: texts in quotes, because the engine's own takes `2012-10-17` for a
 * date.
 */
export function releaseText(record: unknown): string {
  const plain = everyKey(record).every(
    (key) => /^[A-Za-z_](?:[A-Za-z0-9_.:-]*[A-Za-z0-9_.-])?$/.test(key) && !ambiguous.test(key),
  );
  return stringify(record, {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: plain ? "PLAIN" : "QUOTE_DOUBLE",
  });
}

const ambiguous = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

function everyKey(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.values(value).flatMap(everyKey);
  return Array.isArray(value) ? inside : [...Object.keys(value), ...inside];
}

function configOf(text: string): Record<string, unknown> {
  const { config } = parse(text, { maxAliasCount: 1_000, logLevel: "error" }) as { config?: Record<string, unknown> };
  return config ?? {};
}

function mapOf(document: Document): YAMLMap | undefined {
  const config = document.get("config");
  const releases = isMap(config) ? config.get(catalogue, true) : undefined;
  return isMap(releases) ? releases : undefined;
}

interface Lines {
  /** The first character of the entry's first line, comments right above it included. */
  readonly start: number;
  /** Behind the line break of its last line. */
  readonly end: number;
  readonly indent: string;
}

function linesOf(text: string, { key, value }: Pair): Lines {
  const [from = 0] = (key as { range?: number[] }).range ?? [];
  const [, keyEnd = from] = (key as { range?: number[] }).range ?? [];
  const [, valueEnd = keyEnd] = (value as { range?: number[] } | null)?.range ?? [];
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const last = text.slice(0, Math.max(valueEnd, keyEnd)).trimEnd().length;
  const lineEnd = text.indexOf("\n", last);
  return {
    start: withCommentsAbove(text, lineStart),
    end: lineEnd < 0 ? text.length : lineEnd + 1,
    indent: text.slice(lineStart, from),
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

function withEntry(text: string, id: ReleaseId, record: unknown): string {
  const { items = [] } = mapOf(parseDocument(text)) ?? {};
  const last = items.at(-1);
  const cannot = new Error("the stack file has no rewind:releases with a release in it");
  if (last === undefined) throw cannot;
  const { end, indent } = linesOf(text, last);
  if (indent.trim() !== "") throw new Error("rewind:releases is written on one line; write it as a block");
  const block = releaseText({ [id]: record });
  const lines = block
    .trimEnd()
    .split("\n")
    .map((line) => `${indent}${line}`.trimEnd());
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const before = text.slice(0, end);
  const glue = before.endsWith("\n") ? "" : newline;
  return `${before}${glue}${newline}${lines.join(newline)}${newline}${text.slice(end)}`;
}

function withoutEntry(text: string, id: ReleaseId): string {
  const pair = mapOf(parseDocument(text))?.items.find(({ key }) => isScalar(key) && key.value === id);
  if (pair === undefined) throw new Error(`the stack file has no release ${id}`);
  const { start, end } = linesOf(text, pair);
  const rest = text.slice(end);
  // The blank line that parted it from the next one goes along.
  return text.slice(0, start) + rest.replace(/^[ \t]*\r?\n/, "");
}

function withArchive(text: string, { file, digest }: { readonly file: string; readonly digest: Digest }): string {
  const config = parseDocument(text).get("config");
  const line = `${archiveKey}: { file: ${JSON.stringify(file)}, digest: ${digest} }`;
  const pairs = isMap(config) ? config.items : [];
  const named = (name: string) => pairs.find(({ key }) => isScalar(key) && key.value === name);
  const present = named(archiveKey);
  const releases = named(catalogue);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  if (present !== undefined) {
    const { end, indent } = linesOf(text, present);
    const [from = 0] = (present.key as { range?: number[] }).range ?? [];
    return `${text.slice(0, from - indent.length)}${indent}${line}${newline}${text.slice(end)}`;
  }
  if (releases === undefined) throw new Error("the stack file has no rewind:releases");
  const { start, indent } = linesOf(text, releases);
  return `${text.slice(0, start)}${indent}${line}${newline}${newline}${text.slice(start)}`;
}
