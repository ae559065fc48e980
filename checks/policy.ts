import { randomUUID } from "node:crypto";
import { DeleteObjectCommand, GetBucketPolicyCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Digest } from "../release/primitives";
import { policyDigest } from "../release/policy";
import type { Clients, Identity } from "./clients";
import { describeError, type Measurement } from "./probe";

/** The policy that a bucket has, undefined for none. */
export async function readPolicy(clients: Clients, bucket: string): Promise<unknown> {
  try {
    const { Policy } = await clients.objectStore("own").send(new GetBucketPolicyCommand({ Bucket: bucket }));
    return Policy === undefined ? undefined : (JSON.parse(Policy) as unknown);
  } catch (error) {
    if (error instanceof Error && (error.name === "NoSuchBucketPolicy" || error.name === "NoSuchBucket"))
      return undefined;
    throw error;
  }
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
        evidence: `the policy of ${bucket} is not ${words}: ${live === undefined ? "there is none" : JSON.stringify(live).slice(0, 300)}`,
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
  await own.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "probe" }), { abortSignal: signal });
  try {
    for (const identity of hasStranger ? (["anonymous", "stranger"] as const) : (["anonymous"] as const)) {
      const allowed = await whatIsAllowed(clients, identity, bucket, Key, signal);
      if (allowed !== undefined) return allowed;
    }
    const url = await getSignedUrl(own, new GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: 60 });
    const signed = await fetch(url, { signal });
    const text = await signed.text();
    if (signed.status !== 200 || text !== "probe") {
      return { result: "failed", evidence: `a signed URL answered ${signed.status}, expected 200` };
    }
    const denied = hasStranger ? "anonymous and stranger are denied" : "anonymous is denied";
    return { result: "passed", evidence: `${denied} in ${bucket}/${prefix}, a signed URL reads` };
  } finally {
    await own.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
  }
}

/** A failed measurement when the identity may do anything; denial is the status 401 or 403 and nothing else. */
async function whatIsAllowed(
  clients: Clients,
  identity: Exclude<Identity, "own">,
  Bucket: string,
  Key: string,
  abortSignal: AbortSignal,
): Promise<Measurement | undefined> {
  const store = clients.objectStore(identity);
  const attempts = {
    read: () => store.send(new GetObjectCommand({ Bucket, Key }), { abortSignal }),
    write: () => store.send(new PutObjectCommand({ Bucket, Key, Body: "intruder" }), { abortSignal }),
  };
  for (const [deed, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      return { result: "failed", evidence: `${identity} may ${deed} ${Bucket}/${Key}` };
    } catch (error) {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status !== 401 && status !== 403) {
        return { result: "error", evidence: `${identity} tried to ${deed}: ${describeError(error)}` };
      }
    }
  }
  return undefined;
}
