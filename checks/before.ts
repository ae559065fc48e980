import { HeadBucketCommand } from "@aws-sdk/client-s3";
import { createClient } from "redis";
import type { Settings } from "../release/parse";
import type { Digest } from "../release/primitives";
import type { ProjectFiles } from "../release/project-files";
import { snapshotOf } from "../release/snapshot";
import type { Clients } from "./clients";
import { artifactProbes } from "./artifacts";
import { membershipProbe } from "./memberships";
import { migrationProbes } from "./migrations";
import type { MigrationStep } from "../release/migration-plan";
import { buildProbes } from "./frontend";
import { isNoSuchBucket, measurePolicyDigest } from "./policy";
import type { Probe, Timing } from "./probe";
import { SharedSessions } from "../rows/pooler";
import type { RowsDigest } from "../release/rows";
import type { RowDigests } from "./rows";
import { rowDriftProbes, rowFileProbes, rowPlanProbes } from "./row-probes";
import { proxyProbes } from "./routes";
import type * as signedImages from "./signed-images";
import { swarmProbes } from "./swarm";

/** What verifies signatures takes a while to load, and few stacks on a developer's machine demand any. */
const signing = () => require("./signed-images") as typeof signedImages;

/** A refusal needs no patience: what is down now would be down in the middle of the change. */
export const timingBefore: Timing = { timeout: "5s", deadline: "8s" };

/** What the deployment log knows that a change must respect. */
export interface Known {
  /** Why a release is on hold, and what lifts the hold; undefined when it is not. */
  holdOn(release: string): { readonly reason: string; readonly next: string } | undefined;
  /** The states in which the stack may stand; none before the first verified deployment. */
  readonly states: readonly {
    readonly rows?: Readonly<Record<string, RowDigests>>;
    readonly tables?: Readonly<Record<string, RowsDigest>>;
    readonly policies: Readonly<Record<string, Digest>>;
    readonly migration?: string;
  }[];
  /** The migrations that ran on the stack that rehearses production's. */
  readonly rehearsed?: readonly MigrationStep[];
}

/**
 * What must hold before the first change of any kind: nothing pinned is on hold, every pinned image is in its registry
 * and signed by whoever the stack demands, everything that will be asked to change answers, and nobody changed rows or
 * policies behind Rewind's back.
 */
export function probesBefore(settings: Settings, clients: Clients, known: Known, files: ProjectFiles): Probe[] {
  const { pinned, environment, pins } = settings;
  const { database, objectStore, caches = {} } = environment;
  const releases = [...new Set([pinned.release, ...Object.values(pins), ...Object.values(pinned.sources)])];
  return [
    ...releases.map((release) => holdProbe(release, known)),
    ...swarmProbes(settings, clients),
    ...artifactProbes(settings, clients),
    ...(environment.signatures === undefined ? [] : signing().signedImageProbes(settings, clients, files)),
    ...(database === undefined ? [] : [databaseProbe(clients, database.name), membershipProbe(clients, database)]),
    ...rowFileProbes(settings, clients),
    ...rowPlanProbes(settings, clients, known.states),
    ...Object.entries(objectStore?.buckets ?? {}).map(([, bucket]) => bucketProbe(clients, bucket)),
    ...Object.entries(caches).map(([name, { url }]) => cacheProbe(`cache ${name}`, clients.secret(url))),
    ...Object.entries(environment.jobs ?? {}).map(([name, { url }]) => cacheProbe(`jobs ${name}`, clients.secret(url))),
    ...buildProbes(settings, clients),
    ...proxyProbes(settings),
    ...driftProbes(settings, clients, known),
    ...migrationProbes(settings, clients, {
      rehearsed: known.rehearsed ?? [],
      migrations: known.states.map(({ migration }) => migration),
    }),
  ];
}

function holdProbe(release: string, known: Known): Probe {
  return {
    name: `hold ${release}`,
    factual: true,
    ask: () => {
      const hold = known.holdOn(release);
      return Promise.resolve(
        hold === undefined
          ? { result: "passed", evidence: "not on hold" }
          : { result: "failed", evidence: `${hold.reason}; lift it with: ${hold.next}` },
      );
    },
  };
}

function databaseProbe(clients: Clients, name: string): Probe {
  return {
    name: `database ${name}`,
    factual: true,
    ask: async () => {
      try {
        await clients.database().query("select 1");
        return { result: "passed", evidence: "answers" };
      } catch (error) {
        if (error instanceof SharedSessions) return { result: "failed", evidence: error.message };
        // Before the first deployment the server is there and the database is not.
        if ((error as { code?: string }).code !== "3D000") throw error;
        return { result: "passed", evidence: "the server answers; the database is yet to be made" };
      }
    },
  };
}

function bucketProbe(clients: Clients, bucket: string): Probe {
  return {
    name: `object store ${bucket}`,
    ask: async (abortSignal) => {
      try {
        await clients.objectStore("own").send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal });
        return { result: "passed", evidence: "answers" };
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        if (status === undefined) throw error;
        return status === 404
          ? { result: "passed", evidence: "the store answers; the bucket is yet to be made" }
          : { result: "failed", evidence: `the store answers ${status}` };
      }
    },
  };
}

function cacheProbe(name: string, url: string): Probe {
  return {
    name,
    ask: async () => {
      const cache = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 3_000 } });
      // Without a listener a broken connection would end the process; `connect` rejects with the same error.
      cache.on("error", () => undefined);
      try {
        await cache.connect();
        return { result: "passed", evidence: await cache.ping() };
      } finally {
        if (cache.isOpen) cache.destroy();
      }
    },
  };
}

/**
 * Rows and policies may stand as they were applied, or already as the pin wants them: whoever put a row right by hand
 * in an incident, and pins that release afterwards, is not refused.
 */
function driftProbes(settings: Settings, clients: Clients, { states: applied }: Known): Probe[] {
  const { objectStore } = settings.environment;
  if (applied.length === 0) return [];
  const states: Known["states"] = [...applied, snapshotOf(settings)];
  // An update that was interrupted may have made a bucket and not yet its policy.
  const unfinished = applied.length > 1 ? [undefined] : [];
  const buckets = new Set(states.flatMap(({ policies }) => Object.keys(policies)));
  return [
    ...rowDriftProbes(settings, clients, states),
    ...[...buckets].flatMap((name): Probe[] => {
      const bucket = objectStore?.buckets[name];
      if (bucket === undefined) return [];
      const expected = [...states.map(({ policies }) => policies[name]), ...unfinished];
      const words = "what was last applied";
      return [
        {
          name: `policy ${name}`,
          factual: true,
          // A stack that was destroyed took its buckets along; there is nothing to compare then.
          ask: () =>
            measurePolicyDigest(clients, bucket, expected, words).catch((error: unknown) => {
              if (!isNoSuchBucket(error)) throw error;
              return { result: "passed", evidence: `the bucket ${bucket} is gone as a whole` } as const;
            }),
        },
      ];
    }),
  ];
}
