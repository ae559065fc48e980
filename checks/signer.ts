import type { Bundle } from "@sigstore/bundle";
import { Verifier, type SignedEntity } from "@sigstore/verify";
import { X509Certificate } from "node:crypto";
import { printable } from "../release/problems";
import { weaknessOf, type Trust } from "./trust";

const issuerV1 = "1.3.6.1.4.1.57264.1.1";
const issuerV2 = "1.3.6.1.4.1.57264.1.8";
const subjectAlternativeName = "2.5.29.17";
const codeSigning = "1.3.6.1.5.5.7.3.3";

type Content = Bundle["verificationMaterial"]["content"];

/**
 * The identity of whoever signed, once certificate, logs, times and signature are verified. The verifier reads names as
 * ASCII and drops the eighth bit of every byte, so a look-alike would pass for the name itself: what it read is held
 * against the certificate's own bytes.
 *
 * @throws Error with the reason in one line
 */
export function certificateSigner(
  content: Content,
  entity: SignedEntity,
  { material, thresholds }: Trust,
): { readonly identity: string; readonly issuer: string } {
  const certificate = new X509Certificate(certificateOf(content));
  const { key, identity } = new Verifier(material(), thresholds).verify(entity);
  const weakness = weaknessOf(certificate.publicKey) ?? weaknessOf(key);
  if (weakness !== undefined) throw new Error(`the signer's key is too weak: ${weakness}`);
  const authority = entity.key.$case === "certificate" && entity.key.certificate.extBasicConstraints?.isCA === true;
  if (certificate.ca || authority) throw new Error("the signer's certificate is that of an authority");
  // Node calls the extended key usage so, and has none where the certificate has none.
  const usage = (certificate.keyUsage as string[] | undefined) ?? [];
  if (!usage.includes(codeSigning)) throw new Error("the signer's certificate is not for signing code");
  const extensions = (oid: string): Buffer[] =>
    (identity?.oids ?? []).flatMap(({ oid: each, value }) => (each?.id.join(".") === oid ? [value] : []));
  const name = identity?.subjectAlternativeName;
  const [said, ...second] = extensions(subjectAlternativeName);
  const written = certificate.subjectAltName;
  if (name === undefined || said === undefined || written === undefined) {
    throw new Error("the signer's certificate names nobody");
  }
  if (second.length > 0 || (written !== `URI:${name}` && written !== `email:${name}`)) {
    throw new Error(`the signer's certificate has names that can be read in two ways: ${printable(written)}`);
  }
  return { identity: name, issuer: issuerOf(extensions(issuerV1), extensions(issuerV2)) };
}

function certificateOf(content: Content): Buffer {
  if (content.$case === "certificate") return content.certificate.rawBytes;
  const [first, ...others] = content.$case === "publicKey" ? [] : content.x509CertificateChain.certificates;
  if (first === undefined) throw new Error("no certificate");
  // Only the first would be looked at; the way from it to the root is the pinned root's to know.
  if (others.length > 0) throw new Error("a certificate chain with more than the signer's own certificate");
  return first.rawBytes;
}

/** The issuer that a certificate names, in its older form (bytes), its newer one (UTF8String), or both alike. */
function issuerOf(older: readonly Buffer[], newer: readonly Buffer[]): string {
  const texts = [...older, ...newer.map(utf8String)].map((bytes) => {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new Error("the signer's certificate names an issuer that is no text");
    }
  });
  const [issuer] = texts;
  if (issuer === undefined) throw new Error("the signer's certificate names no issuer");
  if (older.length > 1 || newer.length > 1 || new Set(texts).size > 1) {
    throw new Error("the signer's certificate names two issuers");
  }
  return issuer;
}

function utf8String(der: Buffer): Buffer {
  const [tag, length = 0] = der;
  const header = length < 0x80 ? 2 : 3;
  const size = length < 0x80 ? length : (der[2] ?? 0);
  if (tag !== 0x0c || length > 0x81 || der.length !== header + size) {
    throw new Error("the signer's certificate names an issuer that is no text");
  }
  return der.subarray(header);
}
