import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { Clients } from "../checks/clients";
import { isOnAws } from "../release/runtime";
import type { ObjectStore } from "../release/schema/storage";
import { iam } from "./iam";
import { Refusal } from "./result";
import { awsOutbound } from "../checks/outbound";

/** An access key, which is a name, and its secret. */
export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Where an identity's keys are made and taken back. */
export interface KeyIssuer {
  /**
   * The name that the next key will have, where the store lets it be chosen; empty where the store decides. Refuses
   * where there can be none beside the old one.
   */
  readonly next: (old: string) => Promise<string>;
  /** Makes a key beside the old one, with the same rights but for what policies say of its name. */
  readonly create: (old: string, name: string) => Promise<Keys>;
  /** Takes back what a rotation that began at a moment, and was interrupted, may have made beside the old key. */
  readonly discard: (old: string, name: string, began: Date) => Promise<void>;
  /** Takes a key back. One that is gone already is no error. */
  readonly revoke: (accessKey: string) => Promise<void>;
}

/**
 * What makes keys for this store.
 * @throws Refusal when nothing is known to
 */
export function keyIssuerFor(store: ObjectStore, clients: Clients): KeyIssuer {
  const kind = store.accounts ?? (isOnAws({ objectStore: store }) ? "iam" : undefined);
  if (kind === "versitygw") return versitygw(clients.objectStore("own"));
  if (kind === "iam") return iam(store);
  throw new Refusal(
    "the environment does not say how this store makes keys",
    "set objectStore.accounts under rewind:environment",
  );
}

/** Accounts of versitygw: each has one key, so another key is another account. Asked through its admin API. */
function versitygw(own: S3Client): KeyIssuer {
  const revoke = async (accessKey: string): Promise<void> => {
    await administer(own, "/delete-user", { access: accessKey }, "");
  };
  return {
    next: (old) =>
      Promise.resolve(`${old.replace(/[^A-Z]/g, "").slice(0, 8)}${randomBytes(6).toString("hex").toUpperCase()}`),
    create: async (_old, accessKey) => {
      const secretKey = randomBytes(24).toString("base64url");
      const fields = { Access: accessKey, Secret: secretKey, Role: "user", UserID: 0, GroupID: 0, ProjectID: 0 };
      const xml = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
      await administer(own, "/create-user", {}, `<Account>${xml.join("")}</Account>`);
      return { accessKey, secretKey };
    },
    discard: async (_old, name) => {
      if (name !== "") await revoke(name);
    },
    revoke,
  };
}

/** A request of versitygw's admin API. The SDK signs it: the smallest command of S3 gets another method and path. */
async function administer(own: S3Client, path: string, query: Record<string, string>, body: string): Promise<void> {
  const command = new ListBucketsCommand({});
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign(args.request as object, { method: "PATCH", path, query, body });
      const { headers } = args.request as { headers: Record<string, string> };
      headers["content-type"] = "application/xml";
      headers["content-length"] = String(Buffer.byteLength(body));
      return next(args);
    },
    { step: "build", priority: "low", name: "admin" },
  );
  await own.send(command, { abortSignal: AbortSignal.timeout(10_000) });
}

/**
 * Whether the store knows a key: `accepted` also when it may do nothing, `unknown` when there is no such key, `wrong`
 * when there is and its secret is another. Throws when the store does not answer.
 */
export async function stateOfKey(
  { endpoint, region }: ObjectStore,
  bucket: string,
  { accessKey, secretKey }: Keys,
): Promise<"accepted" | "unknown" | "wrong"> {
  const store = new S3Client({
    region,
    maxAttempts: 1,
    ...awsOutbound(),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  try {
    await store.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }));
    return "accepted";
  } catch (error) {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) throw error;
    if (name === "InvalidAccessKeyId") return "unknown";
    return name === "SignatureDoesNotMatch" ? "wrong" : "accepted";
  } finally {
    store.destroy();
  }
}

/** Asks until the store says what is wanted: a change of keys takes seconds to reach every part of a large store. */
export async function becomes(wanted: string, ask: () => Promise<string>, patience = 30_000): Promise<boolean> {
  const end = performance.now() + patience;
  for (;;) {
    if ((await ask()) === wanted) return true;
    if (performance.now() > end) return false;
    await sleep(250);
  }
}
