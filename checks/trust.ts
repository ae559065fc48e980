import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial, type VerifierOptions } from "@sigstore/verify";
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import type { ProjectFiles } from "../release/project-files";
import type { Signatures } from "../release/schema/signatures";
import { parseStrictJson } from "./signature-bundle";

/** Who must have signed, and what proves it: read from the project, each file against its digest. */
export interface Trust {
  /** The pinned root; its keys are those of one demanded key at a time. */
  readonly material: (key?: KeyObject) => TrustMaterial;
  readonly identities: NonNullable<Signatures["identities"]>;
  readonly keys: readonly { readonly name: string; readonly key: KeyObject }[];
  readonly thresholds: VerifierOptions;
}

const largest = 256 * 1024;
const rootMediaType = /^application\/vnd\.dev\.sigstore\.trustedroot(?:\+json;version=0\.[12]|\.v0\.[12]\+json)$/;
const curves = ["prime256v1", "secp384r1", "secp521r1"];

/** @throws Error with the file and what is wrong with it */
export function readTrust({ trustedRoot, identities, keys, thresholds }: Signatures, files: ProjectFiles): Trust {
  const material = materialOf(readPinned(trustedRoot, files), trustedRoot.file);
  return {
    material: (key) => {
      // A bundle's hint says which key it means; the demanded one is tried whatever it says.
      return key === undefined
        ? material
        : { ...material, publicKey: () => ({ publicKey: key, validFor: () => true }) };
    },
    identities: identities ?? [],
    keys: (keys ?? []).map(({ name, ...pinned }) => ({ name, key: keyOf(readPinned(pinned, files), pinned.file) })),
    thresholds: {
      tlogThreshold: thresholds?.transparencyLogs ?? 1,
      timestampThreshold: thresholds?.timestamps ?? 1,
      ctlogThreshold: thresholds?.certificateLogs ?? 1,
    },
  };
}

/** Why a key is too weak to believe, undefined when it is not. */
export function weaknessOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === "ed25519") return undefined;
  if (type === "ec") return curves.includes(details?.namedCurve ?? "") ? undefined : `the curve ${details?.namedCurve}`;
  if (type !== "rsa") return `a key of the type ${type}`;
  const bits = details?.modulusLength ?? 0;
  return bits >= 2_048 ? undefined : `an RSA key of ${bits} bits`;
}

function readPinned({ file, digest }: Signatures["trustedRoot"], files: ProjectFiles): string {
  const bytes = files.read(file, largest);
  const actual = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (actual !== digest) throw new Error(`${file} has ${actual}: it is not the file that the stack pins, ${digest}`);
  return bytes.toString("utf8");
}

function materialOf(text: string, file: string): TrustMaterial {
  const json = parseStrictJson(text, file);
  const root = TrustedRoot.fromJSON(json);
  if (!rootMediaType.test(root.mediaType)) throw new Error(`${file} is no Sigstore trusted root`);
  try {
    return toTrustMaterial(root);
  } catch (error) {
    throw new Error(`${file} holds a key or certificate that cannot be read`, { cause: error });
  }
}

function keyOf(text: string, file: string): KeyObject {
  let key: KeyObject;
  try {
    // A private key would give its public one away without a word.
    if (!text.trimStart().startsWith("-----BEGIN PUBLIC KEY-----")) throw new Error("expected PEM");
    key = createPublicKey(text);
  } catch {
    throw new Error(`${file} is no public key in PEM`);
  }
  const weakness = weaknessOf(key);
  if (weakness !== undefined) throw new Error(`${file} is too weak: ${weakness}`);
  return key;
}
