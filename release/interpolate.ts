/** A name, or a path in which a step with other characters stands in brackets and quotes: `config["Account"].eu.value`. */
const variable = /\$\{((?:[A-Za-z0-9_.-]|\["(?:[^"\\{}]|\\.)*"\]){1,200})\}/g;

/** The names of the variables that a text holds, in order: `${session}` is `session`. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(variable)].map(([, name]) => name ?? "");
}

/** The text with every `${name}` replaced by its value, once: a value that looks like a variable stays as it is. */
export function interpolate(text: string, valueOf: (name: string) => string): string {
  return text.replace(variable, (_, name: string) => valueOf(name));
}

/** A JSON value with `interpolate` applied to every text in it. Keys stay as they are. */
export function interpolateJson<T>(value: T, valueOf: (name: string) => string): T {
  if (typeof value === "string") return interpolate(value, valueOf) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => interpolateJson(item, valueOf)) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolateJson(item, valueOf)])) as T;
  }
  return value;
}

/** The texts of a JSON value, at any depth. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(textsIn);
  return [];
}
