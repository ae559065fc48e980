import type { Bucket, ObjectStore } from "../release/schema/storage";
import { measureAccess } from "./access";
import type { Clients } from "./clients";
import { measureCors } from "./cors";
import type { Probe } from "./probe";
import { measureExpiry } from "./signed-url";

/** What a pinned bucket is asked after a change without anybody declaring it: each setting by what it does. */
export function bucketProbes(clients: Clients, objectStore: ObjectStore, name: string, pin: Bucket): Probe[] {
  const bucket = objectStore.buckets[name];
  if (bucket === undefined) return [];
  const { cors, signedUrls } = pin;
  // Two rounds of requests by every identity, for each pattern.
  const access: Probe = {
    name: `access ${name}`,
    timeout: "20s",
    ask: (signal) => measureAccess(clients, objectStore, bucket, pin, signal),
  };
  return [
    ...(objectStore.untried === undefined ? [access] : []),
    ...(cors === undefined
      ? []
      : [{ name: `cors ${name}`, ask: (signal: AbortSignal) => measureCors(objectStore, bucket, cors, signal) }]),
    ...(signedUrls === undefined
      ? []
      : [
          {
            name: `signed URL ${name}`,
            timeout: "10s",
            ask: (signal: AbortSignal) => measureExpiry(clients, bucket, signal),
          } as const,
        ]),
  ];
}
