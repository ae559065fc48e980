import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { isBag, UNKNOWN, type Bag, type Value } from "./schema";

/** The key, and its value, by which engine and plugins know a secret on the wire. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Unknowns of a known kind have a stand-in each; here they all mean the same. */
const unknowns = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A message's properties in plain form, and the names of those that came wrapped as secrets, in whole or in part. */
export function decode(struct: Struct | undefined): { bag: Bag; secrets: Set<string> } {
  const secrets = new Set<string>();
  const bag: Bag = {};
  const wire = struct?.toJavaScript() ?? {};
  for (const [key, value] of Object.entries(wire)) {
    const [plain, secret] = unwrap(value);
    bag[key] = plain;
    if (secret) secrets.add(key);
  }
  return { bag, secrets };
}

/** `bag` as a message, with the properties in `secrets` wrapped. */
export function encode(bag: Bag, secrets: Iterable<string> = []): Struct {
  const wire: Bag = { ...bag };
  for (const key of new Set(secrets)) {
    const value = wire[key];
    if (value !== undefined) wire[key] = { [SIGNATURE]: SECRET, value };
  }
  return Struct.fromJavaScript(wire);
}

function unwrap(value: Value): [Value, boolean] {
  if (Array.isArray(value)) {
    const parts = value.map(unwrap);
    return [parts.map(([part]) => part), parts.some(([, secret]) => secret)];
  }
  if (typeof value === "string" && unknowns.has(value)) return [UNKNOWN, false];
  if (!isBag(value)) return [value, false];
  if (value[SIGNATURE] === SECRET) return [unwrap(value.value ?? null)[0], true];
  const entries = Object.entries(value).map(([key, part]) => [key, unwrap(part)] as const);
  const plain = Object.fromEntries(entries.map(([key, [part]]) => [key, part]));
  return [plain, entries.some(([, [, secret]]) => secret)];
}
