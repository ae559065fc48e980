import { fullImage } from "../release/images";
import { milliseconds } from "../release/primitives";
import type { Settings } from "../release/parse";
import { storedPolicy } from "../release/policy";
import { policyDigest } from "../release/policy-meaning";
import { pinnedValue } from "../release/pinned-value";
import { asContainers, onDocker } from "../release/runtime";
import type { CheckDefinition, Logs } from "../release/schema/verification";
import { addressOnAws, awsProbes } from "./aws";
import { bucketProbes } from "./bucket";
import type { Clients } from "./clients";
import { addressOf, measureContainer, type Containers } from "./containers";
import { measureRequests, type HttpContext } from "./http";
import { logSource, measureLogs } from "./logs";
import { measureMigrations } from "./migrations";
import { measurePolicy, measurePolicyDigest } from "./policy";
import { jobsProbes } from "./jobs";
import { measurePages } from "./browser";
import { pinnedFrontends, servedProbes } from "./frontend";
import { defaultTiming, type Probe, type Timing } from "./probe";
import { routeProbes } from "./routes";
import { measureRows } from "./rows";
import { measureSignedUrl } from "./signed-url";
import { pinnedSource } from "../rows/source";
import { locatedTable, patience } from "./row-probes";
import { measureQuery } from "./sql";
import { measureStamps } from "./stamps";
import { addressInSwarm, runningInSwarm } from "./swarm";
import { measureVisibility } from "./visibility";

/** When attempts end on this stack, for checks that do not say it themselves. */
export function timingAfter({ verification }: Settings): Timing {
  return {
    timeout: verification?.timeout ?? defaultTiming.timeout,
    deadline: verification?.deadline ?? defaultTiming.deadline,
  };
}

/**
 * Everything that tells whether a stack runs what it pins: the images, rows and policies themselves, then the checks
 * that the stack declares. Nothing here changes anything but for what a declared check itself posts.
 *
 * @param runsSince when the pinned release was applied, as the deployment log says; ISO 8601
 */
export function probesAfter(settings: Settings, clients: Clients, containers: Containers, runsSince?: string): Probe[] {
  return [
    ...pinnedProbes(settings, clients, containers),
    ...routeProbes(settings, clients, containers),
    ...declaredProbes(settings, clients, containers, runsSince),
  ];
}

/**
 * Starts what verification will need and what takes seconds to start, while the change itself is under way. Where it does
 * not start, the check that needs it says why.
 */
export function startAhead({ verification }: Settings, clients: Pick<Clients, "browser">): void {
  const wanted = Object.values(verification?.checks ?? {}).some(({ kind }) => kind === "browser");
  if (wanted) clients.browser().catch(() => undefined);
}

/** The images, rows and policies themselves, against what is pinned. */
export function pinnedProbes(settings: Settings, clients: Clients, containers: Containers): Probe[] {
  const { pinned, environment } = settings;
  const { facets } = pinned;
  const { objectStore, registry } = environment;
  const running = (["services", "functions"] as const)
    .filter((facet) => asContainers(environment, facet))
    .flatMap((facet) =>
      Object.entries<{ image?: string | undefined }>(facets[facet]).map(([name, { image = "" }]): Probe => {
        const entry = `${facet}/${name}`;
        return {
          name: `running ${entry}`,
          // Its health check may have to be run, which is a process in the container.
          timeout: "30s",
          unhurried: true,
          ask: (signal) => measureContainer(clients.docker, containers[entry], fullImage(registry, image), signal),
        };
      }),
    );
  const rows = Object.entries(facets.config).flatMap(([name, rows]): Probe[] => {
    const located = locatedTable({ environment }, name);
    if (located === undefined) return [];
    const source = () => pinnedSource(rows, clients.project);
    const ask: Probe["ask"] = (signal) => measureRows(clients.database(), located, source(), undefined, signal);
    return [{ name: `rows ${name}`, ...patience("count" in rows ? rows.count : 0), ask }];
  });
  const policies = Object.entries(facets.storage).flatMap(([name, pin]): Probe[] => {
    const bucket = objectStore?.buckets[name];
    if (objectStore === undefined || bucket === undefined) return [];
    const digest = policyDigest(storedPolicy(pin, bucket, objectStore));
    return [
      { name: `policy ${name}`, ask: () => measurePolicyDigest(clients, bucket, [digest], "the pinned one") },
      ...bucketProbes(clients, objectStore, name, pin),
    ];
  });
  const schema: Probe[] =
    facets.schema.migration === undefined
      ? []
      : [{ name: "migrations", ask: () => measureMigrations(settings, clients) }];
  const tasks = [...runningInSwarm({ pinned, environment }, clients), ...awsProbes({ pinned, environment }, clients)];
  const [jobs, served] = [jobsProbes(settings, clients), servedProbes(settings, clients)];
  return [...running, ...tasks, ...rows, ...policies, ...schema, ...jobs, ...served];
}

function declaredProbes(
  settings: Settings,
  clients: Clients,
  containers: Containers,
  runsSince: string | undefined,
): Probe[] {
  const http: HttpContext = {
    addressOf: (entry) =>
      addressOnAws(settings.environment, entry) ??
      addressInSwarm(settings.environment, clients, entry) ??
      addressOf(clients.docker, clients.host, entry, containers),
    isInside: (entry) => onDocker(settings.environment, entry.startsWith("services/") ? "services" : "functions"),
    secret: (name) => clients.secret(name),
    pinned: (variable) => pinnedValue(settings, variable),
  };
  return Object.entries(settings.verification?.checks ?? {}).map(([name, definition]): Probe => ({
    name,
    // A browser takes seconds to start.
    timeout: definition.timeout ?? (definition.kind === "browser" ? "30s" : undefined),
    deadline: definition.deadline ?? (definition.kind === "browser" ? "30s" : undefined),
    // Rows and lines that are there do not go away by asking again.
    factual: definition.kind === "stamps" || definition.kind === "logs",
    // What the other checks do shows in the logs.
    last: definition.kind === "logs",
    trigger: definition.trigger,
    ask: (signal) =>
      definition.kind === "logs"
        ? measureLogs(logSource(settings, clients, definition.of, containers), definition, runsSince, signal)
        : measure(settings, clients, http, definition, runsSince, signal),
  }));
}

function measure(
  settings: Settings,
  clients: Clients,
  http: HttpContext,
  definition: Exclude<CheckDefinition, Logs>,
  runsSince: string | undefined,
  signal: AbortSignal,
) {
  const { pinned, environment } = settings;
  switch (definition.kind) {
    case "http":
      return measureRequests([definition], http, signal);
    case "journey":
      return measureRequests(definition.steps, http, signal);
    case "signed-url":
      return measureSignedUrl(settings, clients, http, definition, signal);
    case "sql": {
      const timeout = milliseconds(definition.timeout ?? timingAfter(settings).timeout);
      const { query, expect } = definition;
      return measureQuery(clients.database(), query, expect.rows, timeout, environment.database?.reader);
    }
    case "row": {
      const located = locatedTable(settings, definition.table);
      const rows = pinned.facets.config[definition.table];
      if (located === undefined) throw new Error(`the environment has no table ${definition.table}`);
      if (rows === undefined) throw new Error(`the pinned release has no rows of ${definition.table}`);
      return measureRows(clients.database(), located, pinnedSource(rows, clients.project), definition.key, signal);
    }
    case "visibility": {
      const timeout = milliseconds(definition.timeout ?? timingAfter(settings).timeout);
      return measureVisibility(clients.database(), definition, timeout);
    }
    case "stamps": {
      const timeout = milliseconds(definition.timeout ?? timingAfter(settings).timeout);
      return measureStamps(clients.database(), settings, definition, runsSince, timeout);
    }
    case "browser": {
      const frontend = pinnedFrontends(settings).find(({ name }) => definition.to === `frontend/${name}`);
      if (frontend === undefined) throw new Error(`the environment has no ${definition.to}`);
      return measurePages(clients, frontend, definition, signal);
    }
    case "policy": {
      const { objectStore } = environment;
      const bucket = objectStore?.buckets[definition.bucket];
      if (bucket === undefined) throw new Error(`the environment has no bucket ${definition.bucket}`);
      return measurePolicy(clients, bucket, definition.prefix ?? "", objectStore?.stranger !== undefined, signal);
    }
  }
}
