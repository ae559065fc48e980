import { randomUUID } from "node:crypto";
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { decide, principalsOf, telltaleKeys, type Decision } from "../release/access";
import type { RequestFacts } from "../release/conditions";
import { statementsOf, storedPolicy } from "../release/policy";
import { isOnAws } from "../release/runtime";
import type { Bucket, ObjectStore, Policy } from "../release/schema/storage";
import type { Clients } from "./clients";
import { denials, readProbe, removeProbe, statusOf } from "./policy";
import type { Measurement } from "./probe";
import { fetchOutside } from "./outbound";
import { counted } from "../release/text";

/** Somebody who tries a bucket, and what policies call them. */
interface Visitor {
  readonly name: string;
  readonly principals: readonly string[];
  /** Undefined for nobody in particular. */
  readonly store: S3Client | undefined;
}

const deeds = ["get", "list", "put", "delete"] as const;
type Deed = (typeof deeds)[number];
const actionOf = {
  get: "s3:GetObject",
  list: "s3:ListBucket",
  put: "s3:PutObject",
  delete: "s3:DeleteObject",
} as const;
/** More kinds of keys than this say nothing new, and every one is a round of requests. */
const mostKeys = 8;

/**
 * Whether everybody may do with a bucket what its pinned policy lets them, and nothing else: reading, listing, writing
 * and deleting an object below each pattern of the policy, and one beside them, tried without a signature and with
 * every identity whose keys are known. What depends on a condition that cannot be known from here is left out and said.
 */
export async function measureAccess(
  clients: Clients,
  objectStore: ObjectStore,
  bucket: string,
  pin: Bucket,
  signal: AbortSignal,
): Promise<Measurement> {
  const policy = storedPolicy(pin, bucket, objectStore);
  const keys = telltaleKeys(policy, bucket, `rewind-probe-${randomUUID()}`).slice(0, mostKeys);
  const visitors = visitorsOf(clients, objectStore);
  const found = await Promise.all(
    keys.map((key) => tryKey(clients, objectStore, policy, bucket, key, visitors, signal)),
  );
  const wrong = found.flatMap(({ wrong }) => wrong);
  if (wrong.length > 0) return { result: "failed", evidence: wrong.slice(0, 5).join("; ") };
  const [tried, left] = [sum(found.map(({ tried }) => tried)), sum(found.map(({ left }) => left))];
  const who = visitors.map(({ name }) => name).join(", ");
  const untried = unprobed(policy, visitors);
  const unknown = [
    ...(left === 0 ? [] : [`${counted(left, "attempt")} not tried: only the store knows what they depend on`]),
    ...(untried.length === 0 ? [] : [`unprobed: ${untried.join(", ")}`]),
  ]
    .map((each) => `; ${each}`)
    .join("");
  if (tried === 0) return { result: "inconclusive", evidence: `nothing of ${bucket} could be tried${unknown}` };
  return {
    result: "passed",
    evidence: `${counted(tried, "attempt")} on ${bucket} by ${who} ended as its policy says${unknown}`,
  };
}

/** The statements that no visitor can try, and why, for people: whom they are for has no keys here. */
export function unprobed(policy: Policy, visitors: readonly { readonly principals: readonly string[] }[]): string[] {
  const most = 5;
  const found = statementsOf(policy).flatMap((statement, index): string[] => {
    const { Sid = "", Principal, NotPrincipal, Condition } = statement;
    const name = Sid === "" ? `Statement ${index}` : Sid;
    if (NotPrincipal !== undefined) return [`${name} (for everybody but ${principalsOf(statement).join(", ")})`];
    if (Principal !== "*" && !principalsOf(statement).includes("*")) {
      const keys = new Set(visitors.flatMap(({ principals }) => principals));
      const others = principalsOf(statement).filter((principal) => !keys.has(principal));
      if (others.length > 0) return [`${name} (no keys of ${others.slice(0, most).join(", ")})`];
    }
    return Condition === undefined ? [] : [`${name} (its condition holds for some requests only)`];
  });
  return found.length > most ? [...found.slice(0, most), `${found.length - most} more`] : found;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function visitorsOf(clients: Clients, { identities = {}, principals = {}, stranger }: ObjectStore): Visitor[] {
  const known = Object.keys(identities).map((name): Visitor => ({
    name,
    principals: [principals[name] ?? []].flat(),
    store: clients.objectStore({ principal: name }),
  }));
  return [
    { name: "anonymous", principals: [], store: undefined },
    ...known,
    ...(stranger === undefined ? [] : [{ name: "stranger", principals: [], store: clients.objectStore("stranger") }]),
  ];
}

interface Tried {
  readonly wrong: readonly string[];
  readonly tried: number;
  /** How many attempts nothing could be expected of. */
  readonly left: number;
}

async function tryKey(
  clients: Clients,
  objectStore: ObjectStore,
  policy: Policy,
  bucket: string,
  key: string,
  visitors: readonly Visitor[],
  signal: AbortSignal,
): Promise<Tried> {
  const own = clients.objectStore("own");
  const lay = () =>
    own.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "probe" }), { abortSignal: signal });
  const wrong: string[] = [];
  let [tried, left] = [0, 0];
  try {
    await lay();
    for (const visitor of visitors) {
      for (const deed of deeds) {
        const expected = expectedOf(objectStore, policy, bucket, key, visitor, deed);
        if (expected === undefined) {
          left += 1;
          continue;
        }
        const status = await attempt(objectStore, visitor, deed, bucket, key, signal);
        tried += 1;
        const done = status >= 200 && status < 300;
        if (done !== expected || (!done && !denials.has(status))) {
          const words = expected ? "the policy allows it" : "the policy does not allow it";
          wrong.push(`${visitor.name}: ${deed} ${bucket}/${key} answered ${status}, but ${words}`);
        }
        if (deed === "delete" && done) await lay();
      }
    }
    return { wrong, tried, left };
  } finally {
    await removeProbe(clients, bucket, key);
  }
}

/** Whether an attempt must succeed; undefined where the policy alone does not say. */
function expectedOf(
  objectStore: ObjectStore,
  policy: Policy,
  bucket: string,
  key: string,
  { name, principals }: Visitor,
  deed: Deed,
): boolean | undefined {
  const on = deed === "list" ? {} : { key };
  const facts = factsOf(objectStore, deed, key);
  const decision = decide(policy, { principals, action: actionOf[deed], bucket, facts, ...on });
  const others = isOnAws({ objectStore }) && name !== "anonymous" && name !== "stranger";
  return expectation(decision, others);
}

/** On AWS an identity may be let by its own account what the bucket's policy does not speak of. */
function expectation(decision: Decision, letByOthers: boolean): boolean | undefined {
  switch (decision) {
    case "allow":
      return true;
    case "deny":
      return false;
    case "none":
      return letByOthers ? undefined : false;
    case "depends":
      return undefined;
  }
}

/** What is known of a probe's own request. */
export function factsOf({ endpoint }: ObjectStore, deed: Deed, key: string): RequestFacts {
  return {
    "aws:securetransport": String(endpoint === undefined || endpoint.startsWith("https:")),
    "s3:signatureage": "0",
    ...(deed === "list" ? { "s3:prefix": key } : {}),
  };
}

async function attempt(
  objectStore: ObjectStore,
  { store }: Visitor,
  deed: Deed,
  Bucket: string,
  Key: string,
  abortSignal: AbortSignal,
): Promise<number> {
  if (store === undefined) return attemptAnonymously(objectStore, deed, Bucket, Key, abortSignal);
  const within = { abortSignal };
  switch (deed) {
    case "get":
      return statusOf(readProbe(store, Bucket, Key, abortSignal));
    case "list":
      return statusOf(store.send(new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }), within));
    case "put":
      return statusOf(store.send(new PutObjectCommand({ Bucket, Key, Body: "probe" }), within));
    case "delete":
      return statusOf(store.send(new DeleteObjectCommand({ Bucket, Key }), within));
  }
}

async function attemptAnonymously(
  objectStore: ObjectStore,
  deed: Deed,
  bucket: string,
  key: string,
  signal: AbortSignal,
): Promise<number> {
  const address = addressOfObject(objectStore, bucket, deed === "list" ? "" : key);
  if (deed === "list")
    address.search = new URLSearchParams({ "list-type": "2", "max-keys": "1", prefix: key }).toString();
  const method = { get: "GET", list: "GET", put: "PUT", delete: "DELETE" }[deed];
  const response = await fetchOutside(address, { method, signal, ...(deed === "put" ? { body: "probe" } : {}) });
  await response.body?.cancel();
  return response.status;
}

/** Where an object answers without a signature; the bucket itself for an empty key. */
export function addressOfObject({ endpoint, region }: ObjectStore, bucket: string, key: string): URL {
  const path = key.split("/").map(encodeURIComponent).join("/");
  return endpoint === undefined
    ? new URL(`https://s3.${region}.amazonaws.com/${bucket}/${path}`)
    : new URL(`${endpoint.replace(/\/$/, "")}/${bucket}${path === "" ? "" : `/${path}`}`);
}
