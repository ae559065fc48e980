import {
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
  ValidationError,
  bundleFromJSON,
  bundleToJSON,
  type Bundle,
  type SerializedBundle,
} from "@sigstore/bundle";
import { parseDocument } from "yaml";
import { outOfBounds } from "../release/bounds";
import { quote } from "../release/primitives";

/** A bundle for one image has some ten thousand bytes. */
export const largestBundle = 256 * 1024;

const mediaTypes: readonly unknown[] = [
  BUNDLE_V01_MEDIA_TYPE,
  BUNDLE_V02_MEDIA_TYPE,
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
];

/**
 * A Sigstore bundle from its text. The decoder reads generously (it skips what it does not know and takes any letters
 * for base64), so what it understood is held against what was written: every byte must have counted.
 * @throws Error with the reason in one line
 */
export function parseBundle(text: string): Bundle {
  const json = parseStrictJson(text, "the bundle");
  const { mediaType } = json as { mediaType?: unknown };
  if (!mediaTypes.includes(mediaType)) {
    throw new Error(`a bundle of the media type ${quote(mediaType)}; known are versions 0.1 to 0.3`);
  }
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(json);
  } catch (error) {
    if (!(error instanceof ValidationError)) throw new Error("malformed bundle", { cause: error });
    throw new Error(`the bundle lacks ${error.fields.join(", ")}`);
  }
  const serialized: SerializedBundle = bundleToJSON(bundle);
  const misread = firstMisread(json, serialized, "");
  if (misread !== undefined) throw new Error(`malformed bundle at ${misread}`);
  checkCheckpoints(bundle);
  return bundle;
}

/** An object from JSON in which no key stands twice: of two, each reader would believe another. */
export function parseStrictJson(text: string, what: string): object {
  if (text.trim() === "") throw new Error(`${what} is empty`);
  if (text.length > largestBundle) throw new Error(`${what} has more than ${largestBundle} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${what} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} is no JSON object`);
  const [bound] = outOfBounds(value);
  if (bound !== undefined) throw new Error(`${what} at ${bound.path}: ${bound.message}`);
  const { errors } = parseDocument(text, { uniqueKeys: true, logLevel: "silent", schema: "json" });
  if (errors.some(({ code }) => code === "DUPLICATE_KEY")) throw new Error(`${what} has a key twice`);
  return value;
}

/** The first place where what was written is not what was understood, undefined when all of it was. */
function firstMisread(written: unknown, understood: unknown, path: string): string | undefined {
  // A field that says nothing may be left out.
  if (understood === undefined && isDefault(written)) return undefined;
  if (typeof written !== "object" || written === null) {
    // Whole numbers may stand as numbers or as texts.
    return JSON.stringify(String(written)) === JSON.stringify(understood) || written === understood ? undefined : path;
  }
  if (typeof understood !== "object" || understood === null) return path;
  if (Array.isArray(written) && (!Array.isArray(understood) || written.length !== understood.length)) return path;
  for (const [key, inner] of Object.entries(written)) {
    const known = Object.hasOwn(understood, key) ? (understood as Record<string, unknown>)[key] : undefined;
    const misread = firstMisread(inner, known, path === "" ? key : `${path}.${key}`);
    if (misread !== undefined) return misread;
  }
  return undefined;
}

function isDefault(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "" || value === 0 || value === "0" || value === false || value === null || value === undefined;
}

/**
 * A proof says twice how large the log was and what its root; only the signed checkpoint is believed, and they must
 * agree. The verifier takes the name of a checkpoint's signer for a regular expression, and one that never ends would
 * hold up the gate.
 */
function checkCheckpoints(bundle: Bundle): void {
  for (const { inclusionProof } of bundle.verificationMaterial.tlogEntries) {
    if (inclusionProof === undefined) continue;
    const lines = (inclusionProof.checkpoint?.envelope ?? "").split("\n");
    const signers = lines.flatMap((line) => /^\u2014 (\S+) /.exec(line)?.[1] ?? []);
    if (signers.length > 16 || signers.some((name) => !/^[A-Za-z0-9][A-Za-z0-9./:_-]{0,200}$/.test(name))) {
      throw new Error("a checkpoint whose signer has no proper name");
    }
    const [, size, root] = lines;
    if (size !== inclusionProof.treeSize || root !== inclusionProof.rootHash.toString("base64")) {
      throw new Error("the inclusion proof and its checkpoint are of two trees");
    }
  }
}
