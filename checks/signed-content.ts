import type { Bundle } from "@sigstore/bundle";
import { createHash } from "node:crypto";
import { z } from "zod";
import { quote } from "../release/primitives";
import { parseStrictJson } from "./signature-bundle";

const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://sigstore.dev/cosign/sign/v1";

const Statement = z.object({
  _type: z.literal(statementType, { error: `expected ${statementType}` }),
  predicateType: z.string(),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })),
});

const SimpleSigning = z.object({
  critical: z.object({
    image: z.object({ "docker-manifest-digest": z.string() }),
    type: z.enum(["cosign container image signature", predicateType]),
  }),
});

/**
 * Whether what a bundle signs is exactly this image. A valid signature over something else proves nothing here: an
 * attestation about the image (what is in it, who built it) is no word that it may run.
 *
 * @param digest the image's, `sha256:<hex>`
 * @param artifact what a message signature is over: the image's manifest, or a payload that names its digest
 * @throws Error with the reason in one line
 */
export function checkContent({ content }: Bundle, digest: string, artifact: Buffer | undefined): void {
  if (content.$case === "dsseEnvelope") checkStatement(content.dsseEnvelope, digest);
  else checkMessage(content.messageSignature.messageDigest, digest, artifact);
}

function checkStatement(envelope: { payloadType: string; payload: Buffer }, digest: string): void {
  if (envelope.payloadType !== payloadType) {
    throw new Error(`a payload of the type ${quote(envelope.payloadType)}, expected ${payloadType}`);
  }
  const parsed = Statement.safeParse(parseStrictJson(envelope.payload.toString("utf8"), "the signed statement"));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`the signed statement at ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
  }
  if (parsed.data.predicateType !== predicateType) {
    throw new Error(`a statement of the type ${quote(parsed.data.predicateType)}, expected ${predicateType}`);
  }
  const { subject } = parsed.data;
  if (subject.length !== 1) throw new Error(`a statement about ${subject.length} subjects, expected this image alone`);
  const [[algorithm, hex] = [], ...others] = Object.entries(subject[0]?.digest ?? {});
  if (algorithm !== "sha256" || others.length > 0) {
    throw new Error("a subject named by another digest than SHA-256 alone");
  }
  if (`sha256:${hex}` !== digest) throw new Error(`signs another image, ${briefly(`sha256:${hex}`)}`);
}

function checkMessage(
  { algorithm, digest: signed }: { algorithm: number; digest: Buffer },
  digest: string,
  artifact: Buffer | undefined,
): void {
  if (algorithm !== 1) throw new Error("a message digest that is not SHA-256");
  if (artifact === undefined) throw new Error("a signature over something that is not there");
  const actual = createHash("sha256").update(artifact).digest();
  if (!actual.equals(signed)) throw new Error("the message digest is not that of what was signed");
  if (`sha256:${actual.toString("hex")}` === digest) return;
  const parsed = SimpleSigning.safeParse(parseStrictJson(artifact.toString("utf8"), "the signed payload"));
  if (!parsed.success) throw new Error("a payload that is no image signature");
  const named = parsed.data.critical.image["docker-manifest-digest"];
  if (named !== digest) throw new Error(`signs another image, ${briefly(named)}`);
}

/** A digest that may be none, as messages show it. */
function briefly(digest: string): string {
  return digest.length > 19 ? quote(`${digest.slice(0, 19)}…`) : quote(digest);
}
