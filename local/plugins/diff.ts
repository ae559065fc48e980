import { plan } from "./plan";
import { identity, isBag, isEmpty, UNKNOWN, type Bag, type Property, type Shape, type Value } from "./schema";

export type Change = "ADD" | "DELETE" | "UPDATE";
export interface Difference {
  readonly change: Change;
  readonly replaces: boolean;
}
export interface Diff {
  /** By path, as the engine prints it: `ports[0].external`. */
  readonly detailed: ReadonlyMap<string, Difference>;
  /** Top-level names that changed, in order. */
  readonly changed: readonly string[];
  /** Top-level names that call for a replacement, one per path. */
  readonly replaces: readonly string[];
  /** Top-level names that keep their value as long as the resource is not replaced. */
  readonly stables: readonly string[];
  /** The plugin asks for the old one to go first; what the program says of it has the last word. */
  readonly deleteFirst: boolean;
}

/** What stands between `state` and what `inputs` ask for. */
export function diff(shape: Shape, inputs: Bag, state: Bag): Diff {
  const wanted = plan(shape, inputs, state);
  const found = new Map<string, Difference>();
  const changed: string[] = [];
  for (const key of Object.keys(shape.fields).sort()) {
    const property = shape.fields[key];
    if (property === undefined || property.output) continue;
    const before = found.size;
    compare(property, key, state[key] ?? null, wanted[key] ?? null, property.immutable === true, found);
    if (found.size > before) changed.push(key);
  }
  const replacing = [...found.values()].some(({ replaces }) => replaces);
  for (const key of changed) {
    const property = shape.fields[key];
    if (property) announce(property, key, state[key] ?? null, wanted[key] ?? null, replacing, found);
  }
  const replaces = [...found]
    .filter(([, path]) => path.replaces)
    .map(([path]) => path.replace(/[.[].*$/, ""))
    .sort();
  const stables = Object.entries(shape.fields)
    .filter(([key, property]) => property.stable === true || (property.immutable && !changed.includes(key)))
    .map(([key]) => key)
    .sort();
  const deleteFirst = replaces.length > 0 && (shape.deletesFirst === true || isNamed(shape, inputs));
  return { detailed: found, changed, replaces, stables, deleteFirst };
}

/** Adds the empty maps that upstream names beside a real change of the same property; a replacement has all of them. */
function announce(property: Property, path: string, old: Value, wanted: Value, replacing: boolean, found: Found): void {
  if (property.announced === true && old === null && isBag(wanted)) {
    found.set(path, { change: "ADD", replaces: replacing && property.immutable === true });
  }
  if (property.kind !== "block" || !isBag(old) || !isBag(wanted)) return;
  for (const [key, field] of Object.entries(property.fields ?? {})) {
    announce(field, `${path}.${key}`, old[key] ?? null, wanted[key] ?? null, replacing, found);
  }
}

/** Whether the program chose the name of a resource that could have had one of its own. */
function isNamed(shape: Shape, inputs: Bag): boolean {
  const defaults = inputs.__defaults;
  if (!Array.isArray(defaults)) return false;
  return Object.entries(shape.fields).some(
    ([key, property]) => property.autoname !== undefined && inputs[key] !== undefined && !defaults.includes(key),
  );
}

type Found = Map<string, Difference>;

function compare(property: Property, path: string, old: Value, wanted: Value, replaces: boolean, found: Found): void {
  if (isEmpty(old) && isEmpty(wanted)) return;
  if (old === null || wanted === null || wanted === UNKNOWN) {
    const change = old === null ? "ADD" : wanted === null ? "DELETE" : "UPDATE";
    found.set(path, { change, replaces });
  } else if (Array.isArray(old) && Array.isArray(wanted)) {
    const asSet = property.kind === "set" || property.kind === "blockSet";
    const pairs = asSet ? unordered(old, wanted) : ordered(old, wanted);
    for (const [index, pair] of pairs) compareElement(property, `${path}[${index}]`, pair, replaces, found);
  } else if (isBag(old) && isBag(wanted)) {
    compareParts(property, path, old, wanted, replaces, found);
  } else if (identity(old) !== identity(wanted)) {
    found.set(path, { change: "UPDATE", replaces });
  }
}

interface Pair {
  old?: Value;
  wanted?: Value;
}

function compareElement(property: Property, path: string, pair: Pair, replaces: boolean, found: Found): void {
  if (pair.old === undefined) found.set(path, { change: "ADD", replaces });
  else if (pair.wanted === undefined) found.set(path, { change: "DELETE", replaces });
  else if (isBag(pair.old) && isBag(pair.wanted)) compareParts(property, path, pair.old, pair.wanted, replaces, found);
  else if (identity(pair.old) !== identity(pair.wanted)) found.set(path, { change: "UPDATE", replaces });
}

function compareParts(property: Property, path: string, old: Bag, wanted: Bag, replaces: boolean, found: Found): void {
  if (property.fields) {
    for (const [key, field] of Object.entries(property.fields)) {
      compare(
        field,
        `${path}.${key}`,
        old[key] ?? null,
        wanted[key] ?? null,
        replaces || field.immutable === true,
        found,
      );
    }
    return;
  }
  for (const key of [...new Set([...Object.keys(old), ...Object.keys(wanted)])].sort()) {
    const place = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
    const pair: Pair = {};
    if (old[key] !== undefined) pair.old = old[key];
    if (wanted[key] !== undefined) pair.wanted = wanted[key];
    compareElement(property, place, pair, replaces, found);
  }
}

function ordered(old: Value[], wanted: Value[]): [number, Pair][] {
  return Array.from({ length: Math.max(old.length, wanted.length) }, (_, index) => {
    const pair: Pair = {};
    if (index < old.length) pair.old = old[index] ?? null;
    if (index < wanted.length) pair.wanted = wanted[index] ?? null;
    return [index, pair];
  });
}

/** Elements in only one of the two, by their place there; two that share a place count as one that changed. */
function unordered(old: Value[], wanted: Value[]): [number, Pair][] {
  const missing = (from: Value[], other: Value[]): [number, Value][] => {
    const present = new Set(other.map(identity));
    return [...from.entries()].filter(([, element]) => !present.has(identity(element)));
  };
  const pairs = new Map<number, Pair>();
  for (const [index, element] of missing(old, wanted)) pairs.set(index, { old: element });
  for (const [index, element] of missing(wanted, old)) pairs.set(index, { ...pairs.get(index), wanted: element });
  return [...pairs].sort(([a], [b]) => a - b);
}
