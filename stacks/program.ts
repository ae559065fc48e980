import * as pulumi from "@pulumi/pulumi";
import type { Containers } from "../checks/containers";
import type { Digest, ReleaseId } from "../release/primitives";
import { CacheClearing } from "./cache-clearing";
import { Database } from "./database";
import { Frontends } from "./frontends";
import { Gates } from "./gates";
import { declareMigrations } from "./migrations";
import type { Loaded } from "../release/config";
import { Routes } from "./routes";
import { leaveWhatIsLetGo } from "./protection";
import { awsProvider, databaseProvider, dockerProvider, DynamicProvider, objectStoreProvider } from "./providers";
import { cancelJobs, resumeJobs } from "./jobs";
import { asContainers, needsDocker, runtimeOf } from "../release/runtime";
import { EcsServices } from "./ecs";
import { LambdaFunctions } from "./lambda";
import { loadSettings, warnOfSize } from "./settings";
import { Storage } from "./storage";
import { SwarmServices } from "./swarm";
import { Workloads } from "./workloads";

/** What a stack tells about itself. */
export interface Outputs {
  readonly release: ReleaseId;
  readonly digest: Digest;
  readonly pins: Readonly<Record<string, ReleaseId>>;
  /** What passed verification last: release, digest, pins and entry of the deployment log. */
  readonly verified: pulumi.Output<unknown>;
  readonly containers: pulumi.Output<Containers>;
}

/** Declares the pinned release between its two gates. */
export function build(): Outputs {
  const loaded = loadSettings();
  warnOfSize();
  const gates = new Gates(loaded);
  gates.guardEverything();
  leaveWhatIsLetGo(loaded.settings);
  const dynamic = new DynamicProvider("dynamic");
  const { resources, containers } = declare(loaded, dynamic, gates.unfinished);
  const verified = gates.verify(resources, containers);
  resumeJobs(loaded, verified, dynamic);
  const { release, digest } = loaded.settings.pinned;
  return { release, digest, pins: loaded.settings.pins, verified: verified.input, containers };
}

/**
 * Everything that the pinned release deploys: jobs first, rows before containers, caches after both.
 * @param unfinished the deployment that ended half-way last: what comes late in an update is done again after it, for the
 *   state knows what comes early only
 */
export function declare(
  loaded: Loaded,
  dynamic = new DynamicProvider("dynamic"),
  unfinished?: string,
): {
  readonly resources: readonly pulumi.CustomResource[];
  readonly containers: pulumi.Output<Containers>;
} {
  const { environment, pinned } = loaded.settings;
  const jobs = cancelJobs(loaded, dynamic);
  const stored =
    environment.objectStore === undefined
      ? undefined
      : new Storage("storage", loaded, { provider: objectStoreProvider(loaded), dependsOn: jobs });
  const based =
    environment.database === undefined
      ? undefined
      : new Database("database", loaded, { providers: [databaseProvider(loaded), dynamic], dependsOn: jobs });
  const first = [...jobs, ...(stored?.resources ?? []), ...(based?.resources ?? [])];
  const workloads = [...workloadsOnDocker(loaded, first, dynamic), ...workloadsOnAws(loaded, first)];
  const running = workloads.flatMap(({ resources }) => resources);
  const containers = Object.fromEntries(
    workloads.flatMap((each) => (each instanceof Workloads ? Object.entries(each.containers) : [])),
  );
  const routed =
    environment.proxy === undefined || environment.docker === undefined
      ? []
      : new Routes("routes", loaded, containers, [...first, ...running], { providers: [dynamic] }).resources;
  // After the workloads: a page asks a service that is there already.
  const frontends =
    Object.keys(pinned.facets.frontend).length === 0
      ? []
      : new Frontends("frontends", loaded, [...first, ...running, ...routed], unfinished, { providers: [dynamic] })
          .resources;
  const after = unfinished === undefined ? {} : { after: unfinished };
  const caches = Object.entries(environment.caches ?? {}).map(
    ([name, { url, keys }]) =>
      new CacheClearing(
        name,
        { url: pulumi.secret(loaded.secrets[url] ?? ""), keys, digest: pinned.digest, ...after },
        { provider: dynamic, dependsOn: [...first, ...running, ...routed] },
      ),
  );
  const ids = Object.fromEntries(Object.entries(containers).map(([entry, { id }]) => [entry, id]));
  const schema = declareMigrations(loaded, "down", after, {
    provider: dynamic,
    dependsOn: [...first, ...running, ...routed],
  });
  return {
    resources: [...first, ...running, ...routed, ...frontends, ...caches, ...schema],
    containers: pulumi.output(ids),
  };
}

/** Containers on a single engine, and services on a swarm, where the environment runs them there. */
function workloadsOnDocker(
  loaded: Loaded,
  first: readonly pulumi.Resource[],
  dynamic: DynamicProvider,
): (Workloads | SwarmServices)[] {
  const { environment } = loaded.settings;
  if (environment.docker === undefined || !needsDocker(environment)) return [];
  const provider = dockerProvider(loaded);
  const swarm = runtimeOf(environment, "services") === "swarm";
  const functions = asContainers(environment, "functions") && environment.functions !== undefined;
  return [
    ...(swarm ? [new SwarmServices("swarm", loaded, first, { provider })] : []),
    ...(swarm && !functions ? [] : [new Workloads("workloads", loaded, first, { providers: [provider, dynamic] })]),
  ];
}

/** Services on ECS and functions on Lambda, where the environment runs them there. */
function workloadsOnAws(loaded: Loaded, first: readonly pulumi.Resource[]): (EcsServices | LambdaFunctions)[] {
  const { environment } = loaded.settings;
  const ecs = runtimeOf(environment, "services") === "ecs";
  const lambda = runtimeOf(environment, "functions") === "lambda";
  if (!ecs && !lambda) return [];
  const provider = awsProvider(loaded);
  return [
    ...(ecs ? [new EcsServices("ecs", loaded, first, { provider })] : []),
    ...(lambda ? [new LambdaFunctions("lambda", loaded, first, { provider })] : []),
  ];
}
