import { quote } from "../primitives";
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
