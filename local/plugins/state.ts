import { arrange } from "./plan";
import {
  hasUnknown,
  identity,
  isBag,
  isEmpty,
  type Bag,
  type Fields,
  type Property,
  type Shape,
  type Value,
} from "./schema";

/** Under this key upstream keeps a resource's time limits. */
const TIMEOUTS = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0";

/** `state` as the engine stores it: every output key, and what the vendor's plugin needs to read it back. */
export function stored(shape: Shape, id: string, state: Bag, preview: boolean): Bag {
  const complete: Bag = {};
  for (const [key, property] of Object.entries(shape.fields)) {
    complete[key] = state[key] ?? (property.kind === "blocks" || property.kind === "blockSet" ? [] : null);
  }
  const outputs = { ...arrange(shape.fields, complete), id };
  const meta = metadata(shape, outputs, preview);
  return {
    ...outputs,
    ...(meta === undefined ? {} : { __meta: meta }),
    ...(hasUnknown(outputs) ? {} : { __pulumi_raw_state_delta: objectDelta(shape.fields, outputs) }),
  };
}

function metadata(shape: Shape, outputs: Bag, preview: boolean): string | undefined {
  if (shape.timeouts === undefined && shape.version === undefined) return undefined;
  if (shape.timeouts === undefined && preview && !hasUnknown(outputs)) return undefined;
  const nanoseconds = Object.entries(shape.timeouts ?? {}).map(([step, seconds]) => [step, seconds * 1e9]);
  return JSON.stringify({
    ...(preview ? { _new_extra_shim: hasUnknown(outputs) ? rewritten(shape.fields, outputs, "") : {} } : {}),
    ...(shape.timeouts ? { [TIMEOUTS]: Object.fromEntries(nanoseconds) as Bag } : {}),
    ...(shape.version === undefined || preview ? {} : { schema_version: String(shape.version) }),
  });
}

function rewritten(fields: Fields, values: Bag, path: string): Bag {
  const originals: Bag = {};
  for (const [key, property] of Object.entries(fields)) {
    const value = values[key];
    if (property.rewritten && !isEmpty(value)) originals[path + key] = value ?? null;
    if (!property.fields || !Array.isArray(value)) continue;
    for (const [index, element] of value.entries()) {
      if (isBag(element)) Object.assign(originals, rewritten(property.fields, element, `${path}${key}.${index}.`));
    }
  }
  return originals;
}

/**
 * How the stored outputs differ in form from upstream's own state: single objects that are lists of one there, lists,
 * maps, and names that are not merely snake case. Without it the vendor's plugin would have to guess.
 */
function objectDelta(fields: Fields, values: Bag): Bag {
  const parts: Bag = {};
  const renamed: Bag = {};
  for (const [key, property] of Object.entries(fields)) {
    const part = delta(property, values[key] ?? null);
    if (part !== undefined) parts[key] = part;
    if (property.upstream !== undefined) renamed[key] = property.upstream;
  }
  return {
    obj: {
      ...(Object.keys(parts).length > 0 ? { ps: parts } : {}),
      ...(Object.keys(renamed).length > 0 ? { renamed } : {}),
    },
  };
}

function delta(property: Property, value: Value): Bag | undefined {
  const fields = property.fields ?? {};
  if (property.kind === "block") return { plu: { i: isBag(value) ? objectDelta(fields, value) : {} } };
  if (value === null) return undefined;
  if (property.kind === "map") return { map: {} };
  if (!Array.isArray(value)) return undefined;
  if (!property.fields || value.length === 0) return { arr: {} };
  const elements = value.map((element, index) => [String(index), objectDelta(fields, isBag(element) ? element : {})]);
  return { arr: { el: Object.fromEntries(elements) as Bag } };
}

/** The inputs that would lead to `state`, with the keys of `olds`; without `olds` (an import) with all that say something. */
export function inputsOf(shape: Shape, olds: Bag, state: Bag): Bag {
  const imported = Object.keys(olds).length === 0;
  const inputs: Bag = {};
  for (const [key, property] of Object.entries(shape.fields)) {
    const value = state[key] ?? null;
    if (property.output || value === null) continue;
    if (imported) {
      if (!isEmpty(value) && identity(value) !== identity(property.fallback)) inputs[key] = value;
    } else if (olds[key] !== undefined) {
      inputs[key] = inputValue(shape, property, olds[key], value);
    }
  }
  return withDefaults(shape, imported ? [] : olds.__defaults, inputs);
}

function withDefaults({ bareInputs }: Shape, defaults: Value | undefined, inputs: Bag): Bag {
  return defaults === undefined || (bareInputs && isEmpty(defaults)) ? inputs : { ...inputs, __defaults: defaults };
}

function inputValue(shape: Shape, property: Property, old: Value, value: Value): Value {
  const { fields, kind } = property;
  if (kind === "map" && isBag(old) && isBag(value)) {
    // A key that somebody has added on the platform is no input.
    return Object.fromEntries(Object.entries(value).filter(([key]) => Object.hasOwn(old, key)));
  }
  if (!fields) return value;
  if (isBag(old) && isBag(value)) return narrowed(shape, fields, old, value);
  if (!Array.isArray(old) || !Array.isArray(value)) return value;
  if (kind === "blockSet" && sameMembers(fields, old, value)) return old;
  return value.map((element, index) => {
    const before = old[index];
    return isBag(element) && isBag(before) ? narrowed(shape, fields, before, element) : element;
  });
}

function narrowed(shape: Shape, fields: Fields, { __defaults: defaults, ...old }: Bag, value: Bag): Bag {
  const kept: Bag = {};
  for (const [key, before] of Object.entries(old)) {
    const field = fields[key];
    kept[key] = field === undefined ? before : inputValue(shape, field, before, value[key] ?? null);
  }
  return withDefaults(shape, defaults, kept);
}

function sameMembers(fields: Fields, old: Value[], value: Value[]): boolean {
  const names = (values: Value[]): string =>
    values
      .map((element) => identity(isBag(element) ? arrange(fields, element) : element))
      .sort()
      .join();
  return names(old) === names(value);
}
