import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { Digest } from "./primitives";

/**
 * The canonical JSON of a value (RFC 8785): one text for equal values, whatever the order of their keys.
 * @throws TypeError when the value has no JSON form (undefined, a function, NaN).
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("a value without a JSON form has no canonical form");
  return text;
}

/** The SHA-256 of a value's canonical JSON, as `sha256:<64 hex>`. */
export function digestOf(value: unknown): Digest {
  return `sha256:${createHash("sha256").update(canonicalJson(value), "utf8").digest("hex")}`;
}

/** The SHA-256 of a text as it stands in its file, as `sha256:<64 hex>`: what `sha256sum` says of it. */
export function digestOfText(text: string): Digest {
  return `sha256:${createHash("sha256").update(text, "utf8").digest("hex")}`;
}
