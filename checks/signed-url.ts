import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { milliseconds, type Duration } from "../release/primitives";
import type { Settings } from "../release/parse";
import type { CheckDefinition } from "../release/schema/verification";
import type { Clients } from "./clients";
import { measureRequests, type HttpContext } from "./http";
import { denials, removeProbe } from "./policy";
import { defaultTiming, type Measurement } from "./probe";
import { fetchOutside } from "./outbound";

const life = 60;
/** How long ago the expired one was signed: clocks that are a few minutes apart do not matter. */
const age = 600;

/**
 * Whether a signed URL of a bucket reads, and one is refused that was signed so long ago that it has expired. It differs
 * in nothing but its date from one that was waited out, and nobody has to wait for it.
 */
export async function measureExpiry(clients: Clients, bucket: string, signal: AbortSignal): Promise<Measurement> {
  const Key = `rewind-probe-${randomUUID()}`;
  const own = clients.objectStore("own");
  await own.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "probe" }), { abortSignal: signal });
  const signed = (secondsAgo: number): Promise<string> => {
    const signingDate = new Date(Date.now() - secondsAgo * 1_000);
    return getSignedUrl(own, new GetObjectCommand({ Bucket: bucket, Key }), { expiresIn: life, signingDate });
  };
  try {
    const fresh = await answerOf(await signed(0), signal);
    if (fresh !== 200) return { result: "failed", evidence: `a fresh signed URL answered ${fresh}, expected 200` };
    const expired = await answerOf(await signed(age), signal);
    if (!denials.has(expired)) {
      return { result: "failed", evidence: `a signed URL answered ${expired} ${age - life} s after its end` };
    }
    return {
      result: "passed",
      evidence: `a signed URL of ${life} s reads; one that was signed ${age} s ago is refused`,
    };
  } finally {
    await removeProbe(clients, bucket, Key);
  }
}

type Definition = Extract<CheckDefinition, { kind: "signed-url" }>;

/** Asks an application for a signed URL, of an object that was laid for it where the check says so. */
export async function measureSignedUrl(
  { environment, verification }: Settings,
  clients: Clients,
  http: HttpContext,
  definition: Definition,
  signal: AbortSignal,
): Promise<Measurement> {
  const { object, url, longest, timeout } = definition;
  const Bucket = object === undefined ? undefined : environment.objectStore?.buckets[object.bucket];
  const Key = `${object?.prefix ?? ""}rewind-probe-${randomUUID()}`;
  const own = Bucket === undefined ? undefined : clients.objectStore("own");
  await own?.send(new PutObjectCommand({ Bucket, Key, Body: "probe" }), { abortSignal: signal });
  try {
    const captured = new Map<string, string>();
    const request = { ...definition, expect: { status: 200 }, capture: { url } };
    const { result, evidence } = await measureRequests([request], http, signal, captured);
    if (result !== "passed") return { result, evidence };
    const patience = milliseconds(timeout ?? verification?.timeout ?? defaultTiming.timeout);
    return await measureGivenUrl(captured.get("url") ?? "", longest, patience, signal);
  } finally {
    if (Bucket !== undefined) await removeProbe(clients, Bucket, Key);
  }
}

/**
 * Whether a signed URL that an application gave away lives no longer than allowed, reads, and is refused after its end
 * where that comes soon enough to be waited for.
 */
async function measureGivenUrl(
  url: string,
  longest: Duration,
  patience: number,
  signal: AbortSignal,
): Promise<Measurement> {
  if (!URL.canParse(url)) return { result: "failed", evidence: "the answer holds no URL" };
  const { searchParams, origin, pathname } = new URL(url);
  const seconds = Number(searchParams.get("X-Amz-Expires") ?? Number.NaN);
  if (!searchParams.has("X-Amz-Signature") || !Number.isInteger(seconds) || seconds < 1) {
    return { result: "failed", evidence: `${origin}${pathname} is not a signed URL that ends` };
  }
  if (seconds * 1_000 > milliseconds(longest)) {
    return { result: "failed", evidence: `a signed URL lives ${seconds} s, the longest allowed is ${longest}` };
  }
  if (seconds * 1_000 + 2_000 > patience) {
    const status = await answerOf(url, signal);
    const evidence = `a signed URL lives ${seconds} s (at most ${longest}) and answered ${status}; its end was not waited for`;
    return { result: status === 200 ? "passed" : "failed", evidence };
  }
  const told = await readsThenNot(url, seconds, signal);
  const evidence = told ?? `a signed URL of ${seconds} s reads, and is refused once it has expired`;
  return { result: told === undefined ? "passed" : "failed", evidence };
}

async function answerOf(url: string, signal: AbortSignal): Promise<number> {
  const response = await fetchOutside(url, { signal });
  await response.body?.cancel();
  return response.status;
}

/** What went wrong with a signed URL, undefined when it read and was refused after its end. */
async function readsThenNot(url: string, seconds: number, signal: AbortSignal): Promise<string | undefined> {
  const fresh = await answerOf(url, signal);
  if (fresh !== 200) return `a fresh signed URL answered ${fresh}, expected 200`;
  // Signatures count in whole seconds, and the store's clock is another one.
  const end = performance.now() + seconds * 1_000 + 3_000;
  let late = 200;
  // A signature says the second in which it was made, so its last second may be over sooner.
  await sleep((seconds - 1) * 1_000 + 50, undefined, { signal });
  while (performance.now() < end) {
    late = await answerOf(url, signal);
    if (denials.has(late)) return undefined;
    await sleep(100, undefined, { signal });
  }
  return `a signed URL of ${seconds} s still answered ${late} after its end`;
}
