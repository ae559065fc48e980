import { randomUUID } from "node:crypto";
import {
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { shortened } from "../release/text";
import type { Digest } from "../release/primitives";
import { policyDigest } from "../release/policy-meaning";
import { readBeginning } from "./bounded";
import type { Clients } from "./clients";
import type { Measurement } from "./probe";
import { fetchOutside } from "./outbound";

/** A probe is some words; a store may answer with what it likes. */
const largestProbe = 1024 * 1024;

/** The policy that a bucket has, undefined when it has none. Throws NoSuchBucket when there is no bucket. */
export async function readPolicy(clients: Clients, bucket: string): Promise<unknown> {
  try {
    const { Policy } = await clients.objectStore("own").send(new GetBucketPolicyCommand({ Bucket: bucket }));
    return Policy === undefined ? undefined : (JSON.parse(Policy) as unknown);
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchBucketPolicy") return undefined;
    throw error;
  }
}

/** Whether an error says that a bucket is not there at all. */
export function isNoSuchBucket(error: unknown): boolean {
  return error instanceof Error && error.name === "NoSuchBucket";
}

/** Whether a bucket's policy is one of those that may stand there (see `measureRowDrift` for why there are several). */
export async function measurePolicyDigest(
  clients: Clients,
  bucket: string,
  states: readonly (Digest | undefined)[],
  words: string,
): Promise<Measurement> {
  const live = await readPolicy(clients, bucket);
  const digest = live === undefined ? undefined : policyDigest(live);
  return states.includes(digest)
    ? { result: "passed", evidence: `the policy of ${bucket} is ${words}` }
    : {
        result: "failed",
        evidence: `the policy of ${bucket} is not ${words}: ${live === undefined ? "there is none" : shortened(JSON.stringify(live))}`,
      };
}

/**
 * Whether a policy does what it is there for, tried and not read: nobody and a stranger are denied reading and writing
 * an object under `prefix`, the stack's own identity may, and a signed URL reads it. The object is removed again.
 */
export async function measurePolicy(
  clients: Clients,
  bucket: string,
  prefix: string,
  hasStranger: boolean,
  signal: AbortSignal,
): Promise<Measurement> {
  const Key = `${prefix}rewind-probe-${randomUUID()}`;
  const own = clients.objectStore("own");
  await own.send(new PutObjectCommand({ Bucket: bucket, Key, Body: content }), { abortSignal: signal });
  try {
    const url = await getSignedUrl(own, new GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: 60 });
    const attempts = [
      ...anonymousAttempts(url, signal),
      ...(hasStranger ? strangersAttempts(clients, bucket, Key, signal) : []),
    ];
    for (const { deed, status } of attempts) {
      const answer = await status();
      if (!denials.has(answer)) return { result: "failed", evidence: `${deed} ${bucket}/${Key} answered ${answer}` };
    }
    const signed = await fetchOutside(url, { signal });
    const { bytes } = await readBeginning(signed.body, content.length + 1);
    if (signed.status !== 200 || bytes.toString("utf8") !== content) {
      return { result: "failed", evidence: `a signed URL answered ${signed.status}, expected 200` };
    }
    const denied = hasStranger ? "anonymous and stranger are denied" : "anonymous is denied";
    return { result: "passed", evidence: `${denied} in ${bucket}/${prefix}, a signed URL reads` };
  } finally {
    await removeProbe(clients, bucket, Key);
  }
}

/**
 * Removes every version of the probe, an intruder's too: a bucket that keeps versions would keep them for ever. A probe
 * that stays is a smaller evil than a finding that is lost, so a failure here says nothing.
 */
export async function removeProbe(clients: Clients, Bucket: string, Key: string): Promise<void> {
  const own = clients.objectStore("own");
  // The probe's own signal may have fired already.
  const within = { abortSignal: AbortSignal.timeout(5_000) };
  const remove = (VersionId?: string) => own.send(new DeleteObjectCommand({ Bucket, Key, VersionId }), within);
  const list = async (): Promise<(string | undefined)[]> => {
    const { Versions = [], DeleteMarkers = [] } = await own.send(
      new ListObjectVersionsCommand({ Bucket, Prefix: Key }),
      within,
    );
    return [...Versions, ...DeleteMarkers].map(({ VersionId }) => VersionId);
  };
  try {
    // One after the other: a store may put an older version in the place of one that goes.
    for (let round = 0; round < 3; round += 1) {
      const listed = await list();
      if (listed.length === 0) return;
      for (const version of listed) await remove(version);
    }
  } catch {
    // Versions that may not be listed or removed are at least hidden.
    await remove().catch(() => undefined);
  }
}

const content = "probe";
/** The answers that are a no. */
export const denials: ReadonlySet<number> = new Set([401, 403]);

interface Attempt {
  readonly deed: string;
  /** The status of the answer; throws when there is none. */
  readonly status: () => Promise<number>;
}

/** What nobody in particular tries: the object's address without a signature. */
function anonymousAttempts(signedUrl: string, signal: AbortSignal): Attempt[] {
  const address = new URL(signedUrl);
  address.search = "";
  const send = async (init: RequestInit) => (await fetchOutside(address, { ...init, signal })).status;
  return [
    { deed: "anonymous reading", status: () => send({}) },
    { deed: "anonymous writing", status: () => send({ method: "PUT", body: "intruder" }) },
  ];
}

/** What somebody with an account, but without a right, tries. */
function strangersAttempts(clients: Clients, Bucket: string, Key: string, abortSignal: AbortSignal): Attempt[] {
  const store = clients.objectStore("stranger");
  const write = { Bucket, Key, Body: "intruder" };
  return [
    {
      deed: "a stranger's reading",
      status: () => statusOf(readProbe(store, Bucket, Key, abortSignal)),
    },
    { deed: "a stranger's writing", status: () => statusOf(store.send(new PutObjectCommand(write), { abortSignal })) },
  ];
}

/** Reads a probe's object: what the store denies, it denies before the first byte. */
export async function readProbe(store: S3Client, Bucket: string, Key: string, abortSignal: AbortSignal): Promise<void> {
  const { Body } = await store.send(new GetObjectCommand({ Bucket, Key }), { abortSignal });
  await readBeginning(Body, largestProbe);
}

/** The status of a request's answer, 200 for a success; throws when there was no answer. */
export async function statusOf(attempt: Promise<unknown>): Promise<number> {
  try {
    await attempt;
    return 200;
  } catch (error) {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (status === undefined) throw error;
    return status;
  }
}
