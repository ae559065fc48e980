import { createHash, randomBytes } from "node:crypto";
import { isBag, isEmpty, UNKNOWN, type Bag, type Fields, type Property, type Shape, type Value } from "./schema";

export interface CheckRequest {
  /** The resource's logical name, the stem of its own name. */
  readonly name: string;
  readonly news: Bag;
  readonly olds: Bag;
  readonly seed?: Uint8Array;
  readonly autonaming?: { readonly proposed: string; readonly disabled: boolean };
}

export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** What the program asked for with the defaults filled in, as the engine stores it; failures name property and reason. */
export function check(shape: Shape, request: CheckRequest): { inputs: Bag; failures: Failure[] } {
  const failures: Failure[] = [];
  const filled = fill(shape.fields, request.news, request.olds, "", failures, request);
  return { inputs: shape.derive ? shape.derive(filled) : filled, failures };
}

function fill(
  fields: Fields,
  news: Bag,
  olds: Bag,
  path: string,
  failures: Failure[],
  naming: CheckRequest | undefined,
): Bag {
  const inputs: Bag = {};
  const defaults: string[] = [];
  const defaulted = Array.isArray(olds.__defaults) ? olds.__defaults : [];
  for (const key of Object.keys(news)) {
    if (key !== "__defaults" && !inputNames(fields).includes(key)) {
      failures.push({ property: path + key, reason: `no such input; known are ${inputNames(fields).join(", ")}` });
    }
  }
  for (const [key, property] of Object.entries(fields)) {
    if (!isInput(property)) continue;
    const given = news[key];
    if (given !== undefined && given !== null) {
      inputs[key] = accept(property, given, olds[key], path + key, failures);
      continue;
    }
    const standIn = standInFor(property, key, news, defaulted.includes(key) ? olds[key] : undefined, naming, failures);
    if (standIn !== undefined) {
      inputs[key] = standIn;
      defaults.push(key);
    } else if (property.required) {
      failures.push({ property: path + key, reason: "required, but no value was given" });
    }
  }
  inputs.__defaults = defaults.sort();
  return inputs;
}

function standInFor(
  property: Property,
  key: string,
  news: Bag,
  old: Value | undefined,
  naming: CheckRequest | undefined,
  failures: Failure[],
): Value | undefined {
  if (property.autoname && naming) {
    if (property.autoname.unless !== undefined && !isEmpty(news[property.autoname.unless])) return undefined;
    // The name given at creation stays; a replacement comes without old inputs and so gets a fresh one.
    return old ?? newName(property.autoname, key, naming, failures);
  }
  if (property.fallback === undefined || (isEmpty(property.fallback) && !property.listed)) return undefined;
  return old ?? property.fallback;
}

function newName(
  rule: NonNullable<Property["autoname"]>,
  key: string,
  naming: CheckRequest,
  failures: Failure[],
): string | undefined {
  if (naming.autonaming?.disabled) {
    failures.push({ property: key, reason: "automatic naming is disabled; give a name" });
    return undefined;
  }
  if (naming.autonaming && naming.autonaming.proposed !== "") return naming.autonaming.proposed;
  const source = naming.seed && naming.seed.length > 0 ? naming.seed : randomBytes(32);
  const suffix = createHash("sha256").update(source).digest("hex").slice(0, 7);
  const name = `${naming.name}-${suffix}`;
  if (rule.maximum !== undefined && name.length > rule.maximum) {
    failures.push({ property: key, reason: `${name} is longer than ${rule.maximum} characters; give a name` });
  }
  return rule.lowercase ? name.toLowerCase() : name;
}

function accept(property: Property, given: Value, old: Value | undefined, path: string, failures: Failure[]): Value {
  if (given === UNKNOWN) return given;
  const wrong = (expected: string): Value => {
    failures.push({ property: path, reason: `expected ${expected}, got ${describe(given)}` });
    return given;
  };
  const fields = property.fields ?? {};
  switch (property.kind) {
    case "text":
      if (property.json && typeof given === "object") return JSON.stringify(given);
      return typeof given === "object" ? wrong("text") : String(given);
    case "number":
      if (typeof given === "number") return given;
      return typeof given === "string" && /^-?\d+(\.\d+)?$/.test(given) ? Number(given) : wrong("a number");
    case "flag":
      if (typeof given === "boolean") return given;
      return given === "true" || given === "false" ? given === "true" : wrong("true or false");
    case "list":
    case "set":
      return Array.isArray(given) ? given : wrong("a list");
    case "map":
      return isBag(given) ? given : wrong("a map");
    case "block":
      return isBag(given)
        ? fill(fields, given, isBag(old) ? old : {}, `${path}.`, failures, undefined)
        : wrong("an object");
    case "blocks":
    case "blockSet": {
      if (!Array.isArray(given)) return wrong("a list of objects");
      const olds = Array.isArray(old) ? old : [];
      return given.map((element, index) => {
        const before = olds[index];
        const place = `${path}[${index}]`;
        if (element === UNKNOWN) return element;
        if (isBag(element)) return fill(fields, element, isBag(before) ? before : {}, `${place}.`, failures, undefined);
        failures.push({ property: place, reason: `expected an object, got ${describe(element)}` });
        return element;
      });
    }
  }
}

function inputNames(fields: Fields): string[] {
  return Object.keys(fields).filter((key) => isInput(fields[key]));
}

function isInput(property: Property | undefined): property is Property {
  return property !== undefined && !property.output && !property.derived;
}

/** Says the kind and never the value: an input may be a secret. */
function describe(value: Value): string {
  if (Array.isArray(value)) return "a list";
  return value === null ? "null" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
