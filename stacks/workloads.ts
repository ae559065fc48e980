import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "../release/canonical";
import { fullImage, pinnedImages } from "../release/images";
import type { Pinned } from "../release/pinned";
import { milliseconds, type Duration } from "../release/primitives";
import { asContainers } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import type { Workload } from "../release/schema/workloads";
import type { Loaded } from "../release/config";
import { variablesFor } from "../release/variables";
import { HealthyContainers, type Awaiting } from "./healthy-containers";
import { mountsOf, volumesOf } from "./volumes";

/** How long a container may take to be healthy beside what its health check allows for the start, in milliseconds. */
const patienceFor = 60_000;

type Pin = Pinned["facets"]["services" | "functions"][string];

/**
 * The services and functions of a stack, each a container made from its pinned image. A new version is created before
 * the old one goes, and only when it is healthy; each has an address of its own, so the two never meet.
 */
export class Workloads extends pulumi.ComponentResource {
  /** The containers by entry: `services/api`. */
  readonly containers: Readonly<Record<string, docker.Container>>;
  /** All that was declared. */
  readonly resources: readonly pulumi.CustomResource[];

  constructor(
    name: string,
    loaded: Loaded,
    dependsOn: readonly pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:Workloads", name, {}, opts);
    const { environment, pinned } = loaded.settings;
    const network = new docker.Network(
      "network",
      { name: `rewind-${environment.name}`, driver: "bridge" },
      { parent: this },
    );
    const images = this.pull(environment, pinned);
    const facets = (["services", "functions"] as const).filter((facet) => asContainers(environment, facet));
    const volumes = volumesOf(loaded.settings, facets, { parent: this });
    const containers = facets.flatMap((facet) =>
      Object.entries<Pin>(pinned.facets[facet]).map(([entry, pin]) => {
        const workload = environment[facet]?.[entry];
        const image = images.get(fullImage(environment.registry, pin.image ?? ""));
        if (workload === undefined || image === undefined) throw new Error(`the environment has no ${facet}/${entry}`);
        const path = `${facet}/${entry}`;
        const args = {
          ...containerArgs(loaded, path, pin, workload, image, network),
          ...(workload.volumes === undefined ? {} : { volumes: mountsOf(path, workload.volumes, volumes) }),
        };
        const opts = { parent: this, dependsOn: [...dependsOn], ...createdFirst };
        const patience = patienceFor + milliseconds(workload.healthcheck?.startPeriod ?? "0s");
        return { path, container: new docker.Container(entry, args, opts), patience };
      }),
    );
    this.containers = Object.fromEntries(containers.map(({ path, container }) => [path, container]));
    const made = [...Object.values(volumes), ...Object.values(this.containers)];
    const awaited = containers.map(({ path, container: { id }, patience }) => [path, { container: id, patience }]);
    const args = { host: environment.docker?.host ?? "", containers: Object.fromEntries(awaited) as Awaiting };
    const healthy = awaited.length === 0 ? [] : [new HealthyContainers("healthy", args, { parent: this })];
    this.resources = [network, ...images.values(), ...made, ...healthy];
    this.registerOutputs();
  }

  /** Every distinct image once, whatever the number of entries that it serves. */
  private pull(environment: Environment, pinned: Pinned): Map<string, docker.RemoteImage> {
    const { services, functions } = pinned.facets;
    const here = {
      services: asContainers(environment, "services") ? services : {},
      functions: asContainers(environment, "functions") ? functions : {},
    };
    const names = pinnedImages(here, environment.registry);
    return new Map(
      names.map((name) => [
        name,
        new docker.RemoteImage(imageName(name, environment.registry), { name, keepLocally: true }, { parent: this }),
      ]),
    );
  }
}

/**
 * `127.0.0.1:5000/scoring@sha256:4ed1…` is `scoring-4ed1c0b9de72`, and with a tag alone `scoring:v1.2.0`. The folders
 * before the last part belong to it, for two teams may have the same image each in a repository of its own.
 */
function imageName(image: string, registry: string): string {
  const own = image.slice(registry.length + 1);
  if (!own.includes("@")) return own.includes(":") ? own : `${own}:latest`;
  return own.replace(/@sha256:([0-9a-f]{12}).*/, "-$1");
}

/**
 * The plugin asks for the old container to be deleted before the new one is made, which would be an outage with every
 * release. It also says of a changed health check that it was updated, and leaves the container as it is.
 */
const createdFirst = { deleteBeforeReplace: false, replaceOnChanges: ["healthcheck"] };

function containerArgs(
  { settings, secrets }: Loaded,
  path: string,
  pin: Pin,
  workload: Workload,
  image: docker.RemoteImage,
  network: docker.Network,
): docker.ContainerArgs {
  const { environment, pinned } = settings;
  const release = pinned.sources[path] ?? pinned.release;
  const { healthcheck, memory } = workload;
  if (healthcheck === undefined) throw new Error(`${path} has no health check`);
  return {
    image: image.imageId,
    envs: variablesOf({ settings, secrets }, path, pin, workload),
    labels: [
      { label: "rewind.stack", value: environment.name },
      { label: "rewind.entry", value: path },
      { label: "rewind.release", value: release },
      { label: "rewind.digest", value: digestOf(pin) },
    ],
    networksAdvanced: [{ name: network.name, aliases: [path.replace(/.*\//, "")] }],
    hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
    ...(workload.command === undefined ? {} : { command: workload.command }),
    ...(workload.port === undefined
      ? {}
      : { ports: [{ internal: workload.port, ip: environment.docker?.address ?? "127.0.0.1" }] }),
    memory,
    // Without its twin, `memory` is a change for ever.
    memorySwap: memory,
    restart: "unless-stopped",
    init: true,
    mustRun: true,
    stopTimeout: 10,
    destroyGraceSeconds: 10,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    healthcheck: {
      tests: ["CMD", ...healthcheck.command],
      interval: goDuration(healthcheck.interval ?? "1s"),
      timeout: goDuration(healthcheck.timeout ?? "2s"),
      startPeriod: goDuration(healthcheck.startPeriod ?? "1s"),
      retries: healthcheck.retries ?? 10,
    },
  };
}

/** A duration as Docker reads it back, `1m30s`: in any other form it would be a change for ever. */
export function goDuration(duration: Duration): string {
  const total = milliseconds(duration);
  if (total < 1_000) return `${total}ms`;
  const [hours, minutes, seconds] = [
    Math.floor(total / 3_600_000),
    Math.floor(total / 60_000) % 60,
    (total % 60_000) / 1_000,
  ];
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}

/** `NAME=value`, sorted, those of secrets marked as such. */
function variablesOf({ settings, secrets }: Loaded, path: string, pin: Pin, workload: Workload) {
  const { plain, secret } = variablesFor(settings, path, pin, workload);
  const lines = [
    ...Object.entries(plain).map(([name, value]) => [name, `${name}=${value}`] as const),
    ...Object.entries(secret).map(([name, key]) => [name, pulumi.secret(`${name}=${secrets[key] ?? ""}`)] as const),
  ];
  return lines.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
}
