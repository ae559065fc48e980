import { DescribeServicesCommand, DescribeTaskDefinitionCommand, type ECSClient } from "@aws-sdk/client-ecs";
import type { Measurement } from "./probe";

/** A service on ECS, and what it must run. */
export interface ExpectedService {
  readonly cluster: string;
  readonly service: string;
  /** The container within the task. */
  readonly container: string;
  readonly image: string;
  readonly replicas: number;
}

/**
 * Whether a service runs the pinned image: its revision says so, one rollout is all there is and it is completed, and as
 * many tasks run as should. A circuit breaker that went back shows as the image of the earlier revision.
 */
export async function measureEcsService(
  client: ECSClient,
  { cluster, service, container, image, replicas }: ExpectedService,
  abortSignal: AbortSignal,
): Promise<Measurement> {
  const failed = (evidence: string): Measurement => ({ result: "failed", evidence: `${service} ${evidence}` });
  const asked = new DescribeServicesCommand({ cluster, services: [service] });
  const { services = [] } = await client.send(asked, { abortSignal });
  const found = services.find(({ status }) => status === "ACTIVE");
  if (found?.taskDefinition === undefined) return failed(`is not among the services of the cluster ${cluster}`);
  const revision = new DescribeTaskDefinitionCommand({ taskDefinition: found.taskDefinition });
  const { taskDefinition } = await client.send(revision, { abortSignal });
  const named = `${taskDefinition?.family ?? ""}:${taskDefinition?.revision ?? ""}`;
  const running = taskDefinition?.containerDefinitions?.find(({ name }) => name === container)?.image ?? "nothing";
  if (running !== image) return failed(`runs ${running} (${named}), pinned is ${image}`);
  const { deployments = [], runningCount = 0, desiredCount = 0 } = found;
  const [rollout] = deployments;
  if (deployments.length !== 1) return failed(`has ${deployments.length} rollouts at once`);
  if (rollout?.rolloutState !== "COMPLETED") {
    return failed(`has a rollout that is ${rollout?.rolloutState ?? "unknown"}: ${rollout?.rolloutStateReason ?? "?"}`);
  }
  if (runningCount !== replicas || desiredCount !== replicas) {
    return failed(`runs ${runningCount} of ${desiredCount} tasks, the environment wants ${replicas}`);
  }
  return { result: "passed", evidence: `${service} runs ${image} (${named}), ${runningCount} of ${replicas} tasks` };
}
