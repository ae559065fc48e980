/**
 * What a resource looks like to the vendor's plugin: which properties it has, what they default to, which of them
 * the platform decides and which cannot be changed in place. Check, diff and preview follow from this table alone.
 */

/** A property value as it travels between engine and plugin; an unknown one is the text `UNKNOWN`. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Bag = Record<string, Value>;

/** The engine's stand-in for a value that a preview cannot know yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** `block` is one nested object, `blocks` a list of them, `blockSet` a list whose order means nothing. */
export type Kind = "text" | "number" | "flag" | "list" | "set" | "map" | "block" | "blocks" | "blockSet";

export interface Options {
  readonly required?: boolean;
  /** The platform fills it in when the program leaves it out. */
  readonly computed?: boolean;
  /** Never an input. */
  readonly output?: boolean;
  /** An input that the plugin itself fills in, never the program. */
  readonly derived?: boolean;
  /** A change replaces the resource. */
  readonly immutable?: boolean;
  readonly secret?: boolean;
  readonly fallback?: Value;
  /** The fallback is listed among `__defaults` although it is a zero value. */
  readonly listed?: boolean;
  /** The resource gets a name of its own when the program gives none. */
  readonly autoname?: { readonly maximum?: number; readonly lowercase?: boolean; readonly unless?: string };
  /** The name upstream, where it is not this one in snake case. */
  readonly upstream?: string;
  /** True when going from one value to the other is no change. */
  readonly same?: (old: Value, wanted: Value) => boolean;
  /** An object is accepted as well and becomes JSON text. */
  readonly json?: boolean;
  /** Upstream rewrites this value and keeps the original beside the preview. */
  readonly rewritten?: boolean;
  /** Upstream counts it among what stays even when a part of it changes in place. */
  readonly stable?: boolean;
  /** Upstream names it as added when it goes from nothing to an empty map beside a real change. */
  readonly announced?: boolean;
}

export interface Property extends Options {
  readonly kind: Kind;
  readonly fields?: Fields;
}
export type Fields = Readonly<Record<string, Property>>;

export const text = (options: Options = {}): Property => ({ kind: "text", ...options });
export const number = (options: Options = {}): Property => ({ kind: "number", ...options });
export const flag = (options: Options = {}): Property => ({ kind: "flag", ...options });
export const list = (options: Options = {}): Property => ({ kind: "list", ...options });
export const set = (options: Options = {}): Property => ({ kind: "set", ...options });
export const map = (options: Options = {}): Property => ({ kind: "map", ...options });
export const block = (fields: Fields, options: Options = {}): Property => ({ kind: "block", fields, ...options });
export const blocks = (fields: Fields, options: Options = {}): Property => ({ kind: "blocks", fields, ...options });
export const blockSet = (fields: Fields, options: Options = {}): Property => ({ kind: "blockSet", fields, ...options });

/** The table of one resource type. */
export interface Shape {
  readonly fields: Fields;
  /** Time limits in seconds that the vendor's plugin writes beside the state; it expects them there. */
  readonly timeouts?: Readonly<Record<string, number>>;
  readonly version?: number;
  /** Outputs that every update decides anew, so that a preview cannot know them. */
  readonly renewed?: readonly string[];
  /** The vendor's plugin asks for every replacement to delete the old one first, whatever the name. */
  readonly deletesFirst?: boolean;
  /** The vendor's plugin answers a read without an empty `__defaults`. */
  readonly bareInputs?: boolean;
  /** What upstream shows of a resource that a preview would create, where that is not what it will be. */
  readonly previewed?: (created: Bag) => Bag;
  /** Inputs that follow from others. */
  readonly derive?: (inputs: Bag) => Bag;
}

/** Whether `value` is an object with properties, and neither a list nor null. */
export function isBag(value: Value | undefined): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` says nothing: upstream cannot tell null, "", 0, false, [] and {} apart. */
export function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isBag(value) && Object.keys(value).length === 0;
}

/** Whether an unknown stands anywhere within `value`. */
export function hasUnknown(value: Value | undefined): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (isBag(value)) return Object.values(value).some(hasUnknown);
  return value === UNKNOWN;
}

/** `value` as text that is equal for equal meaning: empty parts dropped, keys in order. */
export function identity(value: Value | undefined): string {
  return JSON.stringify(essence(value));
}

function essence(value: Value | undefined): Value {
  if (Array.isArray(value)) return value.map(essence);
  if (!isBag(value)) return value ?? null;
  const kept = Object.entries(value).filter(([key, part]) => key !== "__defaults" && !isEmpty(part));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, part]) => [key, essence(part)]));
}

/** `value` as text; what is missing is "", what has parts is JSON. */
export function textOf(value: Value | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
