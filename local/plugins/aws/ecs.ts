import type { ContainerDefinition, Service, UpdateServiceCommandInput } from "@aws-sdk/client-ecs";
import type { Resource } from "../plugin";
import { isEmpty, textOf, UNKNOWN, type Bag, type Shape } from "../schema";
import { bagOf, bagsOf, concerning, isGone, known, said, tagPairs, textsOf, until, type Account } from "./account";

/** Revisions of task definitions. */
export function taskDefinitionResource(account: Account, shape: Shape): Resource {
  return {
    shape,
    create: async (planned) => {
      const family = textOf(planned.family);
      const platform = bagOf(planned.runtimePlatform);
      const { taskDefinition } = await (
        await account.ecs()
      )
        .registerTaskDefinition({
          family,
          containerDefinitions: JSON.parse(textOf(planned.containerDefinitions)) as ContainerDefinition[],
          cpu: said(planned.cpu),
          memory: said(planned.memory),
          executionRoleArn: said(planned.executionRoleArn),
          taskRoleArn: said(planned.taskRoleArn),
          networkMode: said(planned.networkMode) as "awsvpc" | undefined,
          requiresCompatibilities: textsOf(planned.requiresCompatibilities) as "FARGATE"[],
          ...(isEmpty(planned.runtimePlatform)
            ? {}
            : {
                runtimePlatform: {
                  cpuArchitecture: said(platform.cpuArchitecture) as "X86_64" | undefined,
                  operatingSystemFamily: said(platform.operatingSystemFamily) as "LINUX" | undefined,
                },
              }),
          ...(isEmpty(planned.tagsAll) ? {} : { tags: tagPairs(planned).map(([key, value]) => ({ key, value })) }),
        })
        .catch((error: unknown) => {
          throw concerning(`task definition ${family}`, error);
        });
      const arn = taskDefinition?.taskDefinitionArn ?? "";
      return {
        id: family,
        state: {
          ...known(planned),
          arn,
          arnWithoutRevision: arn.replace(/:\d+$/, ""),
          networkMode: said(planned.networkMode) ?? "",
          region: said(planned.region) ?? account.region(),
          revision: taskDefinition?.revision ?? 0,
        },
      };
    },
    read: async (id, state) => {
      try {
        const found = await (await account.ecs()).describeTaskDefinition({ taskDefinition: textOf(state.arn) });
        return found.taskDefinition?.status === "INACTIVE" ? undefined : { id, state };
      } catch (error) {
        // The service's word for a revision that is not there.
        if (error instanceof Error && error.name === "ClientException") return undefined;
        throw concerning(`task definition ${id}`, error);
      }
    },
    // What can change in place is only what is asked of this very plugin.
    update: (_id, prior, planned) => Promise.resolve({ ...prior, skipDestroy: planned.skipDestroy ?? false }),
    remove: async (id, state) => {
      if (state.skipDestroy === true) return;
      await (
        await account.ecs()
      )
        .deregisterTaskDefinition({ taskDefinition: textOf(state.arn) })
        .catch((error: unknown) => {
          throw concerning(`task definition ${id}`, error);
        });
    },
  };
}

/** Services on ECS. */
export function serviceResource(account: Account, shape: Shape): Resource {
  const find = async (cluster: string, service: string): Promise<Service | undefined> => {
    try {
      const { services = [] } = await (await account.ecs()).describeServices({ cluster, services: [service] });
      return services.find(({ status }) => status !== "INACTIVE");
    } catch (error) {
      if (isGone(error)) return undefined;
      throw concerning(`service ${service}`, error);
    }
  };
  const steady = async (planned: Bag, arn: string): Promise<void> => {
    if (planned.waitForSteadyState !== true) return;
    const name = arn.split("/").at(-1) ?? arn;
    await until(`service ${name}`, 1_200, async () => {
      const found = await find(textOf(planned.cluster), arn);
      const { deployments = [], runningCount, desiredCount } = found ?? {};
      const [failed] = deployments.filter(({ rolloutState }) => rolloutState === "FAILED");
      if (failed !== undefined)
        throw new Error(`service ${name}: ${failed.rolloutStateReason ?? "the rollout failed"}`);
      return deployments.length === 1 && runningCount === desiredCount
        ? true
        : `${runningCount ?? 0} of ${desiredCount ?? 0} tasks in ${deployments.length} deployments`;
    });
  };
  const stateOf = (found: Service, planned: Bag): Bag => ({
    ...known(planned),
    arn: found.serviceArn ?? "",
    cluster: said(planned.cluster) ?? found.clusterArn ?? "",
    desiredCount: found.desiredCount ?? 0,
    launchType: found.launchType ?? "",
    name: found.serviceName ?? "",
    platformVersion: said(planned.platformVersion) ?? found.platformVersion ?? "LATEST",
    region: said(planned.region) ?? account.region(),
    taskDefinition: revisionOf(found.taskDefinition ?? "", planned),
  });
  const settled = async (arn: string, planned: Bag): Promise<Bag> => {
    await steady(planned, arn);
    const found = await find(textOf(planned.cluster), arn);
    if (found === undefined) throw new Error(`service ${arn}: gone right after it was made`);
    return stateOf(found, planned);
  };
  return {
    shape,
    create: async (planned, logical) => {
      const serviceName = said(planned.name) ?? logical;
      const { service } = await (
        await account.ecs()
      )
        .createService({
          serviceName,
          ...settingsOf(planned),
          launchType: said(planned.launchType) as "FARGATE" | undefined,
          ...(isEmpty(planned.tagsAll) ? {} : { tags: tagPairs(planned).map(([key, value]) => ({ key, value })) }),
        })
        .catch((error: unknown) => {
          throw concerning(`service ${serviceName}`, error);
        });
      const id = service?.serviceArn ?? "";
      return { id, state: await settled(id, planned) };
    },
    read: async (id, state) => {
      const found = await find(textOf(state.cluster), id);
      return found === undefined ? undefined : { id, state: stateOf(found, state) };
    },
    update: async (id, _prior, planned) => {
      const client = await account.ecs();
      await client.updateService({ service: id, ...settingsOf(planned) }).catch((error: unknown) => {
        throw concerning(`service ${textOf(planned.name)}`, error);
      });
      return await settled(id, planned);
    },
    remove: async (id, state) => {
      const cluster = textOf(state.cluster);
      try {
        await (await account.ecs()).deleteService({ cluster, service: id, force: true });
        await until(`service ${id}`, 600, async () =>
          (await find(cluster, id)) === undefined ? true : "draining its tasks",
        );
      } catch (error) {
        if (!isGone(error)) throw concerning(`service ${textOf(state.name)}`, error);
      }
    },
  };
}

/** The revision as the program named it: the service answers with the ARN, whatever it was told. */
function revisionOf(arn: string, planned: Bag): string {
  const wanted = planned.taskDefinition === UNKNOWN ? "" : textOf(planned.taskDefinition);
  return wanted !== "" && arn.endsWith(`/${wanted}`) ? wanted : arn;
}

function settingsOf(planned: Bag): Omit<UpdateServiceCommandInput, "service"> {
  const breaker = bagOf(planned.deploymentCircuitBreaker);
  const network = bagOf(planned.networkConfiguration);
  const balancers = bagsOf(planned.loadBalancers);
  return {
    cluster: said(planned.cluster),
    taskDefinition: said(planned.taskDefinition),
    desiredCount: Number(planned.desiredCount ?? 0),
    deploymentConfiguration: {
      maximumPercent: Number(planned.deploymentMaximumPercent),
      minimumHealthyPercent: Number(planned.deploymentMinimumHealthyPercent),
      ...(isEmpty(planned.deploymentCircuitBreaker)
        ? {}
        : { deploymentCircuitBreaker: { enable: breaker.enable === true, rollback: breaker.rollback === true } }),
    },
    ...(isEmpty(planned.networkConfiguration)
      ? {}
      : {
          networkConfiguration: {
            awsvpcConfiguration: {
              subnets: textsOf(network.subnets),
              securityGroups: textsOf(network.securityGroups),
              assignPublicIp: network.assignPublicIp === true ? "ENABLED" : "DISABLED",
            },
          },
        }),
    ...(balancers.length === 0
      ? {}
      : {
          loadBalancers: balancers.map(({ containerName, containerPort, targetGroupArn }) => ({
            containerName: textOf(containerName),
            containerPort: Number(containerPort),
            targetGroupArn: textOf(targetGroupArn),
          })),
        }),
    ...(isEmpty(planned.healthCheckGracePeriodSeconds)
      ? {}
      : { healthCheckGracePeriodSeconds: Number(planned.healthCheckGracePeriodSeconds) }),
    ...(said(planned.propagateTags) === undefined ? {} : { propagateTags: textOf(planned.propagateTags) as "SERVICE" }),
  };
}
