import { createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { canonicalJson } from "../release/canonical";
import type { Digest } from "../release/primitives";
import { lineFeed, sha256 } from "./line";
import { lastChained } from "./tail";
import { isEntry, resultOf, verifyLog, type Finding, type Flaw, type Line, type Verified } from "./verify";

/** How far a log had come, signed, to be kept where whoever writes the log cannot write. */
export interface Checkpoint {
  readonly format: "rewind-checkpoint";
  readonly version: 1;
  readonly stack: string;
  readonly entries: number;
  /** Of the file. */
  readonly bytes: number;
  /** What the next entry would be bound to: the SHA-256 of everything since the beginning of the last bound line. */
  readonly head: Digest;
  /** The id of the last entry. */
  readonly last: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The SHA-256 of the public key, in DER. */
  readonly key: Digest;
  /** Ed25519, over the canonical JSON of all the rest; base64. */
  readonly signature: string;
}

/** A checkpoint that is none, is of another stack, or was signed by nobody who is trusted. The message says which. */
export class BadCheckpoint extends Error {
  override readonly name = "BadCheckpoint";
}

/**
 * Signs how far a log has come, up to the end of its last whole line.
 * @param key a private Ed25519 key
 * @returns undefined of a log without an entry
 */
export function signCheckpoint(
  bytes: Buffer,
  lines: readonly Line[],
  { stack, at, key }: { readonly stack: string; readonly at: string; readonly key: KeyObject },
): Checkpoint | undefined {
  const size = bytes.lastIndexOf(lineFeed) + 1;
  const signed = lines.filter((line) => isEntry(line) && line.end < size);
  const last = signed.at(-1)?.id;
  if (last === undefined) return undefined;
  const said: Omit<Checkpoint, "signature"> = {
    format: "rewind-checkpoint",
    version: 1,
    stack,
    entries: signed.length,
    bytes: size,
    head: headOf(bytes.subarray(0, size)),
    last,
    at,
    key: keyId(key),
  };
  return { ...said, signature: sign(null, Buffer.from(canonicalJson(said)), key).toString("base64") };
}

/** What a key is called: the SHA-256 of the public one, whichever of the two it is. */
export function keyId(key: KeyObject): Digest {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return sha256(open.export({ type: "spki", format: "der" }));
}

const headOf = (bytes: Buffer): Digest => sha256(bytes.subarray(lastChained(bytes)?.start ?? 0));

/**
 * Reads a checkpoint that somebody kept.
 * @param key the public Ed25519 key that is trusted, or the private one that it belongs to
 * @throws BadCheckpoint
 */
export function readCheckpoint(text: string, stack: string, key: KeyObject): Checkpoint {
  const checkpoint = parse(text);
  const { signature, ...said } = checkpoint;
  if (said.key !== keyId(key))
    throw new BadCheckpoint(`it was signed with the key ${said.key}, not with ${keyId(key)}`);
  if (!verify(null, Buffer.from(canonicalJson(said)), key, Buffer.from(signature, "base64"))) {
    throw new BadCheckpoint("its signature is not true");
  }
  if (said.stack !== stack) throw new BadCheckpoint(`it is of the stack ${said.stack}`);
  return checkpoint;
}

function parse(text: string): Checkpoint {
  let value: Partial<Record<string, unknown>>;
  try {
    value = Object(JSON.parse(text)) as typeof value;
  } catch {
    throw new BadCheckpoint("it is no JSON");
  }
  if (value.format !== "rewind-checkpoint") throw new BadCheckpoint("it is no checkpoint of a deployment log");
  if (value.version !== 1) {
    throw new BadCheckpoint(`it has version ${String(value.version)}; this Rewind reads version 1`);
  }
  // Whatever else is wrong with it, its signature is not true then.
  if (typeof value.signature !== "string") throw new BadCheckpoint("it has no signature");
  return value as unknown as Checkpoint;
}

/**
 * Holds every line of a log against the chain, and the log against a checkpoint: whether what was signed still stands
 * there as it did.
 * @throws NewerLog when an entry is of a newer version
 */
export function verifyAgainst(bytes: Buffer, path: string, checkpoint: Checkpoint | undefined): Verified {
  const { lines, ...verified } = verifyLog(bytes, path);
  const found = checkpoint === undefined ? undefined : brokenPromise(bytes, lines, checkpoint);
  if (found === undefined) return verified;
  const findings = [...verified.findings, found];
  return { ...verified, findings, result: resultOf(findings) };
}

/** What is wrong at the entry that a checkpoint names, named by it and the last line that is there. */
function brokenPromise(bytes: Buffer, lines: readonly Line[], checkpoint: Checkpoint): Finding | undefined {
  const { bytes: size, head, last, entries, at } = checkpoint;
  const found = (flaw: Flaw, reason: string): Finding => ({ line: lines.at(-1)?.number ?? 0, id: last, flaw, reason });
  if (bytes.length < size)
    return found("cut", `the log ends before entry ${entries}, which a checkpoint of ${at} signed`);
  if (headOf(bytes.subarray(0, size)) === head) return undefined;
  return found("rewritten", `what stands up to entry ${entries} is not what a checkpoint of ${at} signed`);
}
