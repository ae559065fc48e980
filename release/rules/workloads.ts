import { quote } from "../primitives";
import { asContainers, runtimeOf } from "../runtime";
import { eachRelease, has, problem, type Rule } from "./rule";

/** Both become containers, and a container is known by its name alone. */
export const workloadsHaveNamesOfTheirOwn: Rule = ({ environment }) =>
  Object.keys(environment.functions ?? {})
    .filter((name) => has(environment.services, name))
    .map((name) => problem(["environment", "functions", name], `a service has the name ${name} already`));

export const imagesArePinned: Rule = (settings) =>
  settings.environment.kind === "local"
    ? []
    : eachRelease(settings, (release, at) =>
        (["services", "functions"] as const).flatMap((facet) =>
          Object.entries(release[facet] ?? {})
            .filter(([, { image }]: [string, { image?: string }]) => image?.includes("@sha256:") === false)
            .map(([name, { image }]: [string, { image?: string }]) =>
              problem(
                [...at, facet, name, "image"],
                `expected name@sha256:<64 hex>, got ${quote(image)}: a tag floats`,
              ),
            ),
        ),
      );

/** A named volume lives on a Docker engine; on AWS it would be promised and never mounted. */
export const volumesHaveAnEngine: Rule = ({ environment }) =>
  (["services", "functions"] as const)
    .filter((facet) => !asContainers(environment, facet))
    .flatMap((facet) =>
      Object.entries(environment[facet] ?? {})
        .filter(([, { volumes }]) => volumes !== undefined)
        .map(([name]) => problem(["environment", facet, name, "volumes"], "volumes need a Docker engine")),
    );

/** A port is taken as long as the old task has it, and the new one starts first. */
export const swarmPortsLeaveRoom: Rule = ({ environment }) =>
  Object.entries(environment.services ?? {}).flatMap(([name, { publish }]) => {
    const path = ["environment", "services", name, "publish"];
    if (publish === undefined) return [];
    if (runtimeOf(environment, "services") !== "swarm")
      return [problem(path, "only a swarm publishes a port of choice")];
    return environment.swarm?.ports === "host"
      ? [problem(path, "in host mode the old task has the port while the new one starts; leave it out, or use ingress")]
      : [];
  });
