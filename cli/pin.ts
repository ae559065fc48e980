import { isMap, isScalar, parse, parseDocument, type Node, type Pair } from "yaml";
import { canonicalJson } from "../release/canonical";
import type { ReleaseId } from "../release/primitives";

type Pins = Readonly<Record<string, ReleaseId>>;

/**
 * A stack file with another pin. Only the pin's own characters change: comments, order and layout stay as they are.
 * @param pins what is pinned apart from the rest; an empty object removes what was
 * @throws Error when the text has no pin, or is written in a way that cannot be edited line by line
 */
export function withPin(text: string, release: ReleaseId, pins: Pins): string {
  const pin = pairOf(text, "rewind:release");
  if (pin === undefined || !isScalar(pin.value)) throw new Error("the stack file has no rewind:release");
  const flow = flowOf(pins);
  const present = pairOf(text, "rewind:pins");
  const edits: { range: Range; text: string }[] = [{ range: rangeOf(pin.value), text: release }];
  if (present !== undefined) edits.push({ range: valueRange(text, present), text: ` ${flow}` });
  else if (Object.keys(pins).length > 0) edits.push(newLine(text, pin, `rewind:pins: ${flow}`));
  const edited = edits
    .sort((a, b) => b.range[0] - a.range[0])
    .reduce((rest, edit) => `${rest.slice(0, edit.range[0])}${edit.text}${rest.slice(edit.range[1])}`, text);
  if (!pinsAs(edited, release, pins)) {
    throw new Error(
      `the stack file cannot be edited line by line; set rewind:release to ${release} and rewind:pins to ${flow}`,
    );
  }
  return edited;
}

/**
 * What a stack file pins.
 * @throws Error when it has no pin
 */
export function pinIn(text: string): { readonly release: ReleaseId; readonly pins: Pins } {
  const { config } = parse(text) as { config?: Record<string, unknown> };
  const release = config?.["rewind:release"];
  if (typeof release !== "string") throw new Error("the stack file has no rewind:release");
  return { release, pins: (config?.["rewind:pins"] ?? {}) as Pins };
}

/** Whether a stack file really pins what was meant: an edit that went wrong must not reach the engine. */
function pinsAs(text: string, release: ReleaseId, pins: Pins): boolean {
  let config: Record<string, unknown> | undefined;
  try {
    ({ config } = parse(text) as { config?: Record<string, unknown> });
  } catch {
    return false;
  }
  return config?.["rewind:release"] === release && canonicalJson(config["rewind:pins"] ?? {}) === canonicalJson(pins);
}

function flowOf(pins: Pins): string {
  const entries = Object.entries(pins).map(([path, id]) => `${JSON.stringify(path)}: ${id}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

function pairOf(text: string, key: string): Pair<Node, Node | null> | undefined {
  const config = parseDocument(text, { keepSourceTokens: true }).get("config");
  if (!isMap<Node, Node | null>(config)) return undefined;
  return config.items.find((item) => isScalar(item.key) && item.key.value === key);
}

type Range = readonly [number, number];

/** A node's own characters, without the line break that a value over several lines ends with. */
function rangeOf({ range }: Node, text = ""): Range {
  const [from, to] = range ?? [0, 0];
  return [from, to - (/\s*$/.exec(text.slice(from, to))?.[0].length ?? 0)];
}

/** Where a pair's value stands; for `rewind:pins:` without one, the place after the colon. */
function valueRange(text: string, { key, value }: Pair<Node, Node | null>): Range {
  const [, keyEnd] = rangeOf(key);
  const [from, to] = value === null ? [keyEnd, keyEnd] : rangeOf(value, text);
  const colon = text.indexOf(":", keyEnd) + 1;
  // From the colon on, so that a block over the following lines gives way to one line.
  return [colon, Math.max(from, to, colon)];
}

/** A line of its own before that of a pair, indented like it. */
function newLine(text: string, { key }: Pair<Node, Node | null>, line: string): { range: Range; text: string } {
  const [from] = rangeOf(key);
  const start = text.lastIndexOf("\n", from - 1) + 1;
  return { range: [start, start], text: `${text.slice(start, from)}${line}\n` };
}
