import { isMap, isScalar, parseDocument, type Document, type Node } from "yaml";
import type { ReleaseId } from "../release/primitives";

/**
 * A stack file with another pin. Only the pin's own characters change: comments, order and layout stay as they are.
 * @param pins what is pinned apart from the rest; an empty object removes what was
 * @throws Error when the text has no pin
 */
export function withPin(text: string, release: ReleaseId, pins: Readonly<Record<string, ReleaseId>>): string {
  const document = parseDocument(text, { keepSourceTokens: true });
  const pin = nodeAt(document, "rewind:release");
  if (!isScalar(pin)) throw new Error("the stack file has no rewind:release");
  const edits: { node: Node; text: string }[] = [{ node: pin, text: release }];
  const pinsNode = nodeAt(document, "rewind:pins");
  const list = Object.entries(pins).map(([path, id]) => `${JSON.stringify(path)}: ${id}`);
  const flow = `{ ${list.join(", ")} }`.replace("{  }", "{}");
  if (pinsNode !== undefined) edits.push({ node: pinsNode, text: flow });
  const edited = edits
    .sort((a, b) => start(b.node) - start(a.node))
    .reduce((rest, { node, text: replacement }) => splice(rest, node, replacement), text);
  if (pinsNode !== undefined || list.length === 0) return edited;
  return edited.replace(
    /^(\s*)rewind:release:.*$/m,
    (line, indent: string) => `${line}\n${indent}rewind:pins: ${flow}`,
  );
}

function nodeAt(document: Document, key: string): Node | undefined {
  const config = document.get("config");
  return isMap(config) ? config.get(key, true) : undefined;
}

function start(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** Replaces a node's own characters. One written over several lines leaves its line break behind it. */
function splice(text: string, node: Node, replacement: string): string {
  const [from, to] = node.range ?? [0, 0];
  const old = text.slice(from, to);
  const trailing = /\s*$/.exec(old)?.[0] ?? "";
  return `${text.slice(0, from)}${replacement}${trailing}${text.slice(to)}`;
}
