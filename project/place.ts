import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type YAMLMap } from "yaml";
import { pathOf } from "../release/problems";

/** A place on the way to a value, and how much of the path does not lead anywhere from there. */
interface Place {
  readonly at: number;
  readonly left: number;
}

/** The entry of a map: where its key stands, and its value. */
interface Entry {
  readonly at: number | undefined;
  readonly value: unknown;
}

/**
 * Where a value stands in the text of a YAML file, or the nearest one above it that is written there. What an alias or a
 * merge brings is found where it is written.
 * @param keys the keys that lead there
 * @param path and further on, as problems write it: `v1.2.0.services.api.image`, in which a key may have points itself
 */
export function offsetOf(document: Document.Parsed, keys: readonly string[], path = ""): number {
  const seen = new Set<string>();
  const find = (node: unknown, rest: readonly string[], tail: string, at: number): Place => {
    const left = rest.length * 1_000 + tail.length;
    const here = { at, left };
    if (left === 0) return here;
    if (isAlias(node)) return find(node.resolve(document), rest, tail, at);
    // A map that is merged in from several sides is looked into once.
    const once = `${(node as Node | null | undefined)?.range?.[0] ?? ""} ${left}`;
    if (seen.has(once)) return here;
    seen.add(once);
    const [key, ...others] = rest;
    const into = (entry: Entry | undefined, length: number): Place[] => {
      if (entry === undefined) return [];
      const [keysLeft, pathLeft] = key === undefined ? [[], tail.slice(length + 1)] : [others, tail];
      return [find(entry.value, keysLeft, pathLeft, entry.at ?? at)];
    };
    const names = key === undefined ? beginningsOf(tail) : [key];
    let steps: Place[] = [];
    if (isMap(node)) {
      const { byKey, byPath, merged } = indexOf(node);
      const entries = key === undefined ? byPath : byKey;
      // A map's own keys win over those that it merges.
      steps = names.flatMap((name) => into(entries.get(name), name.length));
      steps.push(...merged.map((each) => find(each, rest, tail, at)).filter((each) => each.left < left));
    } else if (isSeq(node)) {
      const { items } = node as { items: (Node | null)[] };
      steps = names
        .filter((name) => /^\d+$/.test(name) && Number(name) < items.length)
        .flatMap((name) => into({ at: items[Number(name)]?.range?.[0], value: items[Number(name)] }, name.length));
    }
    return steps.reduce((best, each) => (each.left < best.left ? each : best), here);
  };
  return find(document.contents, keys, path, 0).at;
}

/** What of a path may be its first key: up to each of its points. */
function beginningsOf(path: string): string[] {
  const points = [...path.matchAll(/\./g)].map(({ index }) => index);
  return [...points, path.length].map((end) => path.slice(0, end));
}

interface Index {
  readonly byKey: ReadonlyMap<string, Entry>;
  /** By the key as paths have it. */
  readonly byPath: ReadonlyMap<string, Entry>;
  readonly merged: readonly unknown[];
}

/** A file may have thousands of problems in one map. */
const indexes = new WeakMap<YAMLMap, Index>();

function indexOf(map: YAMLMap): Index {
  const known = indexes.get(map);
  if (known !== undefined) return known;
  const byKey = new Map<string, Entry>();
  const byPath = new Map<string, Entry>();
  const merged: unknown[] = [];
  for (const { key, value } of map.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    if (name === "<<") merged.push(...(isSeq(value) ? value.items : [value]));
    const entry = { at: key.range?.[0], value };
    byKey.set(name, entry);
    byPath.set(pathOf([name]), entry);
  }
  const index = { byKey, byPath, merged };
  indexes.set(map, index);
  return index;
}
