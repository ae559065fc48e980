import {
  textOf,
  hasUnknown,
  identity,
  isBag,
  isEmpty,
  UNKNOWN,
  type Bag,
  type Fields,
  type Property,
  type Shape,
  type Value,
} from "./schema";

/**
 * The state that `inputs` lead to: from nothing, where what the platform decides is unknown, or from `prior`.
 * Lists keep the order of the program, which the diff's paths refer to; `arrange` brings them into the stored order.
 */
export function plan(shape: Shape, inputs: Bag, prior?: Bag): Bag {
  const planned: Bag = {};
  for (const [key, property] of Object.entries(shape.fields)) {
    planned[key] = settle(property, inputs[key], prior?.[key], prior === undefined);
  }
  return planned;
}

function settle(property: Property, input: Value | undefined, prior: Value | undefined, fresh: boolean): Value {
  const wanted = want(property, input, prior, fresh);
  return prior !== undefined && property.same?.(prior, wanted) ? prior : wanted;
}

function want(property: Property, input: Value | undefined, prior: Value | undefined, fresh: boolean): Value {
  if (input !== undefined && input !== null && !property.output) return shaped(property, input, prior, fresh);
  if (property.fallback !== undefined) return property.fallback;
  if (property.computed || property.output) return fresh ? UNKNOWN : (prior ?? null);
  if (prior !== undefined && isEmpty(prior)) return prior;
  return property.kind === "blocks" || property.kind === "blockSet" ? [] : null;
}

function shaped(property: Property, input: Value, prior: Value | undefined, fresh: boolean): Value {
  const fields = property.fields;
  if (input === UNKNOWN || fields === undefined) return input;
  if (isBag(input)) return filled(fields, input, isBag(prior) ? prior : undefined, fresh);
  if (!Array.isArray(input)) return input;
  const olds = Array.isArray(prior) ? prior : [];
  return input.map((element, index) => {
    // The elements of a set have no place of their own: an old one helps only if it is the same but for computed parts.
    const old =
      property.kind === "blockSet" ? olds.find((other) => identity(other) === identity(element)) : olds[index];
    return isBag(element) ? filled(fields, element, isBag(old) ? old : undefined, fresh) : element;
  });
}

function filled(fields: Fields, input: Bag, prior: Bag | undefined, fresh: boolean): Bag {
  const element: Bag = {};
  for (const [key, property] of Object.entries(fields)) {
    const given = input[key];
    if (given !== undefined && given !== null) element[key] = shaped(property, given, prior?.[key], fresh);
    else if (property.fallback !== undefined) element[key] = property.fallback;
    else if (property.computed || property.output) element[key] = prior?.[key] ?? UNKNOWN;
    else element[key] = nothing(property, prior?.[key], fresh);
  }
  return element;
}

/** What upstream stores for a part that a nested object leaves out; on an update numbers and flags become zero. */
function nothing(property: Property, prior: Value | undefined, fresh: boolean): Value {
  switch (property.kind) {
    case "text":
      // A text that goes is null, one that was never there is empty.
      return isEmpty(prior) ? "" : null;
    case "number":
      return fresh ? null : 0;
    case "flag":
      return fresh ? null : false;
    case "map":
      return {};
    case "block":
      return null;
    case "list":
    case "set":
    case "blocks":
    case "blockSet":
      return [];
  }
}

/** `state` with every set in order, at every depth: upstream keeps none. */
export function arrange(fields: Fields, state: Bag): Bag {
  const arranged: Bag = {};
  for (const [key, value] of Object.entries(state)) {
    const property = fields[key];
    arranged[key] = property === undefined ? value : arrangeValue(property, value);
  }
  return arranged;
}

function arrangeValue(property: Property, value: Value): Value {
  if (property.fields) {
    const { fields } = property;
    if (isBag(value)) return arrange(fields, value);
    if (!Array.isArray(value)) return value;
    const elements = value.map((element) => (isBag(element) ? arrange(fields, element) : element));
    return property.kind === "blockSet" ? inOrder(elements, identity) : elements;
  }
  return property.kind === "set" && Array.isArray(value) ? inOrder(value, textOf) : value;
}

/** Upstream orders a set by what its elements hold, part by part in the order of their names. */
function inOrder(elements: Value[], keyOf: (element: Value) => string): Value[] {
  if (hasUnknown(elements)) return elements;
  return [...elements].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
