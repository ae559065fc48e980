/**
 * The engine's name of a resource that stands for several names together, and for no other list of them: joined by `-`
 * where none of them has one, else by `/` with each part escaped, so that `a-b` with `c` is not `a` with `b-c`.
 */
export function logicalName(...parts: readonly [string, string, ...string[]]): string {
  return parts.every((part) => /^[A-Za-z0-9_]+$/.test(part))
    ? parts.join("-")
    : parts.map((part) => encodeURIComponent(part)).join("/");
}
