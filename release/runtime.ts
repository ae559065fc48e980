import type { Environment } from "./schema/environment";

/** What runs a stack's services, or its functions: a single Docker engine unless the environment chooses. */
export function runtimeOf(
  { runtime }: Pick<Environment, "runtime">,
  facet: "services" | "functions",
): "docker" | "swarm" | "ecs" | "container" | "lambda" {
  return facet === "services" ? (runtime?.services ?? "docker") : (runtime?.functions ?? "container");
}

/** Whether services, or functions, run on a Docker engine, be it one host or a swarm. */
export function onDocker(environment: Pick<Environment, "runtime">, facet: "services" | "functions"): boolean {
  const runtime = runtimeOf(environment, facet);
  return runtime !== "ecs" && runtime !== "lambda";
}

/** Whether an entry is a container of its own on a single Docker engine, and not a task that an orchestrator runs. */
export function asContainers(environment: Pick<Environment, "runtime">, facet: "services" | "functions"): boolean {
  return onDocker(environment, facet) && runtimeOf(environment, facet) !== "swarm";
}

/** What an entry is called in a swarm, where all stacks share one room for names. */
export const nameInSwarm = (environment: Pick<Environment, "name">, entry: string): string =>
  `${environment.name}-${entry}`;

/** Whether anything at all runs on a Docker engine. */
export const needsDocker = (environment: Pick<Environment, "runtime">): boolean =>
  onDocker(environment, "services") || onDocker(environment, "functions");

/** What an entry is called on AWS, where a whole account shares one room for names. */
export const nameOnAws = (environment: Pick<Environment, "name">, entry: string): string =>
  `${environment.name}-${entry}`;

/** Whether the object store is AWS, which knows settings that no other store has. */
export function isOnAws({ objectStore }: Pick<Environment, "objectStore">): boolean {
  if (objectStore === undefined) return false;
  return (objectStore.vendor ?? (objectStore.endpoint === undefined ? "aws" : "other")) === "aws";
}

/** The parts of a registry on Amazon ECR, undefined for every other registry. */
export function ecrOf(registry: string): { readonly account: string; readonly region: string } | undefined {
  const [, account, region] =
    /^([0-9]{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?:\/|$)/.exec(registry) ?? [];
  return account === undefined || region === undefined ? undefined : { account, region };
}

/** The alias that callers of a function on Lambda name, and that the pin moves. */
export const liveAlias = "live";
