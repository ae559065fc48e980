import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { digestOf } from "../release/canonical";
import type { Loaded } from "../release/config";
import { fullImage } from "../release/images";
import { nameInSwarm } from "../release/runtime";
import type { Service as ServicePin, Workload } from "../release/schema/workloads";
import { variablesFor } from "../release/variables";
import { goDuration } from "./workloads";

/**
 * The services of a stack on a swarm that exists already. The swarm starts a new task first, stops the old one when the
 * new one is healthy, and goes back by itself when it never is.
 */
export class SwarmServices extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(
    name: string,
    loaded: Loaded,
    dependsOn: readonly pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:SwarmServices", name, {}, opts);
    const { environment, pinned } = loaded.settings;
    this.resources = Object.entries(pinned.facets.services).map(([entry, pin]) => {
      const workload = environment.services?.[entry];
      if (workload === undefined) throw new Error(`the environment has no services/${entry}`);
      const args = serviceArgs(loaded, entry, pin, workload);
      return new docker.Service(entry, args, { parent: this, dependsOn: [...dependsOn] });
    });
    this.registerOutputs();
  }
}

function serviceArgs(loaded: Loaded, entry: string, pin: ServicePin, workload: Workload): docker.ServiceArgs {
  const { environment, pinned } = loaded.settings;
  const { swarm = {} } = environment;
  const { healthcheck, memory, port, publish, replicas = 1 } = workload;
  const path = `services/${entry}`;
  if (healthcheck === undefined) throw new Error(`${path} has no health check`);
  const labels = [
    { label: "rewind.stack", value: environment.name },
    { label: "rewind.entry", value: path },
    { label: "rewind.release", value: pinned.sources[path] ?? pinned.release },
    { label: "rewind.digest", value: digestOf(pin) },
  ];
  const policy = {
    order: "start-first",
    parallelism: swarm.parallelism ?? 1,
    delay: "0s",
    monitor: goDuration(swarm.monitor ?? "5s"),
    maxFailureRatio: "0.0",
  };
  return {
    name: nameInSwarm(environment, entry),
    // On the service alone: a label of its containers that changes makes the plugin delete the service first.
    labels,
    mode: { replicated: { replicas } },
    taskSpec: {
      containerSpec: {
        image: fullImage(environment.registry, pin.image),
        env: variablesOf(loaded, path, pin, workload),
        hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
        ...(workload.command === undefined ? {} : { args: workload.command }),
        init: true,
        stopGracePeriod: "10s",
        capDrops: ["ALL"],
        // Read back as empty, never as absent; named, it is no change.
        sysctl: {},
        healthcheck: {
          tests: ["CMD", ...healthcheck.command],
          interval: goDuration(healthcheck.interval ?? "1s"),
          timeout: goDuration(healthcheck.timeout ?? "2s"),
          startPeriod: goDuration(healthcheck.startPeriod ?? "1s"),
          retries: healthcheck.retries ?? 10,
        },
      },
      resources: { limits: { memoryBytes: memory * 1024 * 1024 } },
      // The engine reads an absent window back as "0s", so leaving it out would be a change for ever.
      restartPolicy: { condition: "any", delay: "1s", window: "0s" },
      ...(swarm.network === undefined ? {} : { networksAdvanceds: [{ name: swarm.network, aliases: [entry] }] }),
    },
    ...(port === undefined
      ? {}
      : {
          endpointSpec: {
            ports: [
              {
                targetPort: port,
                publishMode: swarm.ports ?? "ingress",
                ...(publish === undefined ? {} : { publishedPort: publish }),
              },
            ],
          },
        }),
    updateConfig: { ...policy, failureAction: swarm.failureAction ?? "rollback" },
    rollbackConfig: { ...policy, failureAction: "pause" },
    convergeConfig: { delay: "500ms", timeout: goDuration(swarm.patience ?? "3m") },
  };
}

/** What its tasks are told, values of secrets marked as such. */
function variablesOf({ settings, secrets }: Loaded, path: string, pin: ServicePin, workload: Workload) {
  const { plain, secret } = variablesFor(settings, path, pin, workload);
  return {
    ...plain,
    ...Object.fromEntries(Object.entries(secret).map(([name, key]) => [name, pulumi.secret(secrets[key] ?? "")])),
  };
}
