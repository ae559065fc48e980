import { createHash, timingSafeEqual } from "node:crypto";

const scheme = "bearer ";

/**
 * Whether an Authorization header carries the expected bearer token. Both sides are hashed first, so that the
 * comparison takes the same time whatever the length and the content of what was sent.
 */
export function isAuthorised(header: string | undefined, expected: string): boolean {
  const value = header ?? "";
  const sent = value.slice(0, scheme.length).toLowerCase() === scheme ? value.slice(scheme.length).trim() : "";
  const equal = timingSafeEqual(digest(sent), digest(expected));
  return equal && expected !== "";
}

function digest(value: string): Buffer {
  return createHash("sha256").update(value).digest();
}
