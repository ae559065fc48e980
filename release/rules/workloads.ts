import { quote } from "../primitives";
import { onDocker } from "../runtime";
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
    .filter((facet) => !onDocker(environment, facet))
    .flatMap((facet) =>
      Object.entries(environment[facet] ?? {})
        .filter(([, { volumes }]) => volumes !== undefined)
        .map(([name]) => problem(["environment", facet, name, "volumes"], "volumes need a Docker engine")),
    );
