import { Service } from "@pulumi/aws/ecs/service";
import { TaskDefinition } from "@pulumi/aws/ecs/taskDefinition";
import * as pulumi from "@pulumi/pulumi";
import { canonicalJson, digestOf } from "../release/canonical";
import type { Loaded } from "../release/config";
import { fullImage } from "../release/images";
import { milliseconds } from "../release/primitives";
import { nameOnAws } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import type { Service as ServicePin, Workload } from "../release/schema/workloads";
import { variablesFor } from "../release/variables";
import { KeptSecrets } from "./kept-secrets";

type Ecs = NonNullable<Environment["ecs"]>;

/**
 * The services of a stack on ECS, on Fargate: a revision of a task definition for what is pinned, and a service that
 * moves to it. ECS starts the new tasks first, stops the old ones when the new are healthy, and goes back by itself when
 * they never are; old revisions stay.
 */
export class EcsServices extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(
    name: string,
    loaded: Loaded,
    dependsOn: readonly pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:EcsServices", name, {}, opts);
    const { environment, pinned } = loaded.settings;
    const { ecs } = environment;
    if (ecs === undefined) throw new Error("the environment has no ECS cluster");
    const parent = { parent: this };
    const entries = Object.entries(pinned.facets.services).map(([entry, pin]) => {
      const workload = environment.services?.[entry];
      if (workload === undefined) throw new Error(`the environment has no services/${entry}`);
      return { entry, pin, workload };
    });
    // All that the environment names, whatever is pinned: a secret that went with one release could not come back with the
    // next, for its name stays taken while it waits for its deletion.
    const used = Object.values(environment.services ?? {}).flatMap(({ secrets }) => Object.values(secrets ?? {}));
    const kept = new KeptSecrets("secrets", loaded, used, parent);
    const services = entries.flatMap(({ entry, pin, workload }) => {
      const named = nameOnAws(environment, entry);
      const revision = new TaskDefinition(
        entry,
        {
          family: named,
          containerDefinitions: containerDefinitions(loaded, entry, pin, workload, kept),
          requiresCompatibilities: ["FARGATE"],
          networkMode: "awsvpc",
          cpu: String(workload.cpu ?? 256),
          memory: String(workload.memory),
          executionRoleArn: ecs.executionRole,
          ...(ecs.taskRole === undefined ? {} : { taskRoleArn: ecs.taskRole }),
          runtimePlatform: {
            operatingSystemFamily: "LINUX",
            cpuArchitecture: ecs.architecture === "arm64" ? "ARM64" : "X86_64",
          },
          skipDestroy: true,
          tags: tagsOf(loaded, entry),
        },
        // Said here, so that nothing depends on what the plugin would ask for: the service runs the old one until it moves.
        { ...parent, deleteBeforeReplace: false },
      );
      const service = new Service(entry, serviceArgs(named, entry, ecs, workload, revision, tagsOf(loaded, entry)), {
        ...parent,
        dependsOn: [...dependsOn],
      });
      return [revision, service];
    });
    this.resources = [...kept.resources, ...services];
    this.registerOutputs();
  }
}

function serviceArgs(
  named: string,
  entry: string,
  ecs: Ecs,
  { port, replicas, targetGroup }: Workload,
  revision: TaskDefinition,
  tags: Record<string, string>,
): ConstructorParameters<typeof Service>[1] {
  return {
    name: named,
    cluster: ecs.cluster,
    taskDefinition: revision.arn,
    desiredCount: replicas ?? 1,
    launchType: "FARGATE",
    networkConfiguration: {
      subnets: ecs.subnets,
      securityGroups: ecs.securityGroups,
      assignPublicIp: ecs.assignPublicIp ?? false,
    },
    // The old tasks go only when the new ones are healthy.
    deploymentMinimumHealthyPercent: 100,
    deploymentMaximumPercent: 200,
    deploymentCircuitBreaker: { enable: true, rollback: true },
    waitForSteadyState: true,
    ...(targetGroup === undefined || port === undefined
      ? {}
      : { loadBalancers: [{ targetGroupArn: targetGroup, containerName: entry, containerPort: port }] }),
    propagateTags: "SERVICE",
    tags,
  };
}

function tagsOf({ settings }: Loaded, entry: string): Record<string, string> {
  return { "rewind.stack": settings.environment.name, "rewind.entry": `services/${entry}` };
}

/** What runs in a task, as JSON: no value of a secret, only where it lies. */
function containerDefinitions(
  { settings }: Loaded,
  entry: string,
  pin: ServicePin,
  workload: Workload,
  kept: KeptSecrets,
): pulumi.Output<string> {
  const { environment, pinned } = settings;
  const path = `services/${entry}`;
  const { plain, secret } = variablesFor(settings, path, pin, workload);
  const { healthcheck, port, command } = workload;
  const { logGroup } = environment.ecs ?? {};
  const seconds = (duration: string) => milliseconds(duration) / 1_000;
  const places = Object.entries(secret)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, key]) => kept.whereIs(key).apply((valueFrom) => ({ name, valueFrom })));
  return pulumi.all(places).apply((secrets) =>
    canonicalJson([
      {
        name: entry,
        image: fullImage(environment.registry, pin.image),
        essential: true,
        environment: Object.entries(plain).map(([name, value]) => ({ name, value })),
        secrets,
        dockerLabels: {
          "rewind.stack": environment.name,
          "rewind.entry": path,
          "rewind.release": pinned.sources[path] ?? pinned.release,
          "rewind.digest": digestOf(pin),
        },
        ...(command === undefined ? {} : { command }),
        ...(port === undefined ? {} : { portMappings: [{ containerPort: port, hostPort: port, protocol: "tcp" }] }),
        ...(healthcheck === undefined
          ? {}
          : {
              healthCheck: {
                command: ["CMD", ...healthcheck.command],
                interval: seconds(healthcheck.interval ?? "5s"),
                timeout: seconds(healthcheck.timeout ?? "2s"),
                startPeriod: seconds(healthcheck.startPeriod ?? "10s"),
                retries: healthcheck.retries ?? 3,
              },
            }),
        linuxParameters: { initProcessEnabled: true, capabilities: { drop: ["ALL"] } },
        stopTimeout: 10,
        ...(logGroup === undefined
          ? {}
          : {
              logConfiguration: {
                logDriver: "awslogs",
                options: {
                  "awslogs-group": logGroup,
                  "awslogs-region": environment.aws?.region ?? "",
                  "awslogs-stream-prefix": entry,
                },
              },
            }),
      },
    ]),
  );
}
