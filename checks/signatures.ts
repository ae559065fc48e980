import type { Bundle } from "@sigstore/bundle";
import { toSignedEntity, Verifier, type SignedEntity } from "@sigstore/verify";
import type { Trust } from "./trust";
import { parseBundle } from "./signature-bundle";
import { certificateSigner } from "./signer";
import { describeError, type Measurement } from "./probe";
import { checkContent } from "./signed-content";
import { printable } from "../release/problems";

/** A bundle as it was found, not believed yet. */
export interface FoundBundle {
  /** Where it was found, for messages. */
  readonly name: string;
  readonly text: string;
  /** What a message signature is over. */
  readonly artifact?: Buffer | undefined;
}

/** Who signed, as it was proved: an identity and who vouches for it, or one of the demanded keys by its name. */
export type SignedBy = { readonly identity: string; readonly issuer: string } | { readonly key: string };

/**
 * Who signed this very image, by a bundle and the pinned roots alone; nothing is asked over a network.
 *
 * @param digest the image's, `sha256:<hex>`
 * @throws Error with the reason in one line
 */
export function verifyBundle({ text, artifact }: FoundBundle, digest: string, trust: Trust): SignedBy {
  const bundle = parseBundle(text);
  if (bundle.content.$case === "messageSignature" && artifact === undefined) {
    throw new Error("a signature over something that is not there");
  }
  checkLogs(bundle, trust);
  const entity = entityOf(bundle, artifact);
  const { content } = bundle.verificationMaterial;
  const signedBy = content.$case === "publicKey" ? keySigner(entity, trust) : certificateSigner(content, entity, trust);
  // Only now is what it says worth reading.
  checkContent(bundle, digest, artifact);
  return signedBy;
}

function entityOf(bundle: Bundle, artifact: Buffer | undefined): SignedEntity {
  try {
    return toSignedEntity(bundle, artifact);
  } catch (error) {
    throw new Error("a certificate or a time that cannot be read", { cause: error });
  }
}

/** Whether every demanded identity and key has signed an image, each by at least one of the bundles. */
export function measureSignatures(bundles: readonly FoundBundle[], digest: string, trust: Trust): Measurement {
  const reasons: string[] = [];
  const signers = bundles.flatMap((bundle) => {
    try {
      return [verifyBundle(bundle, digest, trust)];
    } catch (error) {
      reasons.push(`${bundle.name}: ${describeError(error)}`);
      return [];
    }
  });
  const demanded = [
    ...trust.identities.map(({ issuer, identity }) => ({
      name: `${typeof identity === "string" ? identity : identity.pattern} (issuer ${issuer})`,
      by: (signer: SignedBy) =>
        "identity" in signer && signer.issuer === issuer && isIdentity(signer.identity, identity),
    })),
    ...trust.keys.map(({ name }) => ({
      name: `the key ${name}`,
      by: (signer: SignedBy) => "key" in signer && signer.key === name,
    })),
  ];
  const met = demanded.map((each) => signers.find(each.by));
  const missing = demanded.filter((_, index) => met[index] === undefined);
  if (missing.length === 0 && demanded.length > 0) {
    const names = met.flatMap((signer) => (signer === undefined ? [] : [nameOf(signer)]));
    return { result: "passed", evidence: `signed by ${[...new Set(names)].join(" and by ")}` };
  }
  const others = signers.filter((signer) => !demanded.some(({ by }) => by(signer)));
  const seen = [...others.map((signer) => `signed by ${nameOf(signer)}`), ...reasons];
  const found = bundles.length === 0 ? "no signature found" : seen.slice(0, 5).join("; ");
  const more = seen.length > 5 ? ` and ${seen.length - 5} more` : "";
  return {
    result: "failed",
    evidence: `not signed by ${missing.map(({ name }) => name).join(" and by ")}: ${found}${more}`,
  };
}

/** Exactly the text, or the pattern from its first letter to its last. */
function isIdentity(identity: string, demanded: string | { readonly pattern: string }): boolean {
  if (typeof demanded === "string") return identity === demanded;
  const parts = demanded.pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${parts.join("[A-Za-z0-9._-]+")}$`).test(identity);
}

function nameOf(signer: SignedBy): string {
  return "key" in signer ? `the key ${signer.key}` : printable(`${signer.identity} (issuer ${signer.issuer})`);
}

/** Entries must be in logs that the root knows, and in as many different ones as are demanded. */
function checkLogs({ verificationMaterial: { tlogEntries } }: Bundle, { material, thresholds }: Trust): void {
  const known = material().tlogs.map(({ logID }) => logID.subarray(0, 4).toString("hex"));
  // A log of the second generation is named by the first four bytes alone.
  const named = tlogEntries.map(({ logId }) => logId?.keyId.subarray(0, 4).toString("hex"));
  if (named.some((log) => log === undefined || !known.includes(log)))
    throw new Error("an entry in a log that the trusted root does not know");
  const wanted = thresholds.tlogThreshold ?? 1;
  const logs = new Set(named).size;
  if (logs < wanted) throw new Error(`entries in ${logs} transparency logs, demanded are ${wanted}`);
}

function keySigner(entity: SignedEntity, { keys, material, thresholds }: Trust): SignedBy {
  if (keys.length === 0) throw new Error("signed with a bare key where an identity is demanded");
  let reason: unknown;
  for (const { name, key } of keys) {
    try {
      new Verifier(material(key), thresholds).verify(entity);
      return { key: name };
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}
