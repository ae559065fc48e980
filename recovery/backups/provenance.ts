import { sign, verify, type KeyObject } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { keyId } from "../../records/checkpoint";
import type { BackupNoted, Entry } from "../../records/entry";
import { sha256 } from "../../records/line";
import { manifestText, signatureFile, sumsText, type Manifest } from "../../release/backup-manifest";
import { canonicalJson } from "../../release/canonical";
import { Digest } from "../../release/primitives";
import type { Backup } from "./read";

/**
 * What a backup is proved by. Its own sums prove nothing of who made it: the writer of a backup writes its sums, too.
 * `forged` is said where something contradicts it, and not only where nothing speaks for it.
 */
export type Provenance =
  | { readonly by: "log"; readonly entry: string }
  | { readonly by: "signature"; readonly key: Digest }
  | { readonly by: "nothing"; readonly forged: boolean; readonly why: string };

/** What speaks for the backups of a stack: its deployment log, and the public keys that its maker declared. */
export interface Witnesses {
  readonly entries: readonly Entry[];
  /** Why the log is not believed, where it is not; there are no entries then. */
  readonly unread?: string;
  readonly keys: readonly KeyObject[];
}

/** The SHA-256 of a manifest, as its sums have it. It is of what was read, so that nobody changes the file meanwhile. */
export function manifestDigest(manifest: Manifest): Digest {
  return sha256(manifestText(manifest));
}

/** The SHA-256 of a backup's manifest; of the sums of one of the first form, which has no manifest. */
export function digestOf({ manifest, files }: Backup): Digest {
  if (manifest !== undefined) return manifestDigest(manifest);
  return sha256(sumsText(files.map((file) => ({ path: file.stored, sha256: file.sha256 }))));
}

const Signature = z.strictObject({
  format: z.literal("rewind-backup-signature"),
  version: z.literal(1),
  stack: z.string(),
  backup: z.string(),
  manifest: Digest,
  key: Digest,
  signature: z.string().max(200),
});
type Signature = z.infer<typeof Signature>;

/** How many bytes of a signature are read. */
export const largestSignature = 4_096;

/**
 * Signs a manifest together with the name of its backup: an older backup under the name of a newer one would be proved by
 * its own signature otherwise.
 * @param key a private Ed25519 key
 */
export function signManifest(manifest: Manifest, id: string, key: KeyObject): string {
  const said: Omit<Signature, "signature"> = {
    format: "rewind-backup-signature",
    version: 1,
    stack: manifest.stack,
    backup: id,
    manifest: manifestDigest(manifest),
    key: keyId(key),
  };
  const signature = sign(null, Buffer.from(canonicalJson(said)), key).toString("base64");
  return `${JSON.stringify({ ...said, signature }, null, 2)}\n`;
}

/** Whether something speaks for a backup: the log of its stack, or a signature by one of the keys. */
export function provenanceOf(backup: Backup, { entries, unread, keys }: Witnesses): Provenance {
  const { manifest } = backup;
  const nothing = (why: string, forged = false): Provenance => ({ by: "nothing", forged, why });
  if (manifest === undefined) return nothing("it is of the first form, which has no manifest to prove");
  const digest = manifestDigest(manifest);
  const noted = entries.filter((each): each is BackupNoted => isMade(each) && each.backup === backup.id);
  const entry = noted.find((each) => each.stack === manifest.stack && each.manifest === digest);
  if (entry !== undefined) return { by: "log", entry: entry.id };
  const signed = signatureOf(backup, digest, keys);
  if (signed.by === "signature") return signed;
  const [other] = noted;
  if (other !== undefined) {
    return nothing(
      `the deployment log has another manifest under its name: ${short(other.manifest)}, not ${short(digest)}`,
      true,
    );
  }
  const log = unread ?? "the deployment log does not say that it was made";
  return nothing(`${log}, and ${signed.why}`, signed.forged);
}

const isMade = (entry: Entry): entry is BackupNoted => entry.kind === "backup" && entry.act === "made";
const short = (digest: Digest): string => `${digest.slice(0, 19)}…`;

type Unsigned = Extract<Provenance, { by: "nothing" }>;

function signatureOf(
  { id, place, manifest }: Backup,
  digest: Digest,
  keys: readonly KeyObject[],
): Extract<Provenance, { by: "signature" }> | Unsigned {
  const not = (why: string, forged = false): Unsigned => ({ by: "nothing", forged, why });
  const said = readSignature(place);
  if (said === undefined) return not("no key signed it");
  if (said === "damaged") return not(`${signatureFile} is damaged`, true);
  const { signature, ...rest } = said;
  const key = keys.find((each) => keyId(each) === rest.key);
  if (key === undefined) return not(`the key that signed it, ${short(rest.key)}, is not declared`);
  if (!verify(null, Buffer.from(canonicalJson(rest)), key, Buffer.from(signature, "base64"))) {
    return not("its signature is not true", true);
  }
  if (rest.backup !== id) return not(`its signature is of the backup ${JSON.stringify(rest.backup)}`, true);
  if (rest.stack !== manifest?.stack || rest.manifest !== digest)
    return not("its signature is of another manifest", true);
  return { by: "signature", key: rest.key };
}

function readSignature(place: string): Signature | "damaged" | undefined {
  const file = join(place, signatureFile);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile() || stat.size > largestSignature) return "damaged";
  try {
    return Signature.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return "damaged";
  }
}
