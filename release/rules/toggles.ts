import { quote } from "../primitives";
import { listed, problem, type Rule } from "./rule";

/** A toggle that nothing is told, or of another type than releases give it, would be silence. */
export const togglesAreKnown: Rule = ({ toggles, environment, releases }) =>
  Object.entries(toggles).flatMap(([name, value]) => {
    const at = ["toggles", name];
    if (environment.toggles?.includes(name) !== true) {
      return [problem(at, `the environment has no such toggle; it has ${listed(environment.toggles ?? [])}`)];
    }
    const pinned = [...releases.values()]
      .map((release) => release.toggles?.[name])
      .find((known) => known !== undefined);
    if (pinned === undefined || typeof pinned === typeof value) return [];
    return [problem(at, `expected ${typeof pinned === "boolean" ? "true or false" : "a text"}, got ${quote(value)}`)];
  });

export const jobsAreDisabledByToggles: Rule = ({ environment }) =>
  Object.entries(environment.jobs ?? {}).flatMap(([name, { disabledBy }]) =>
    disabledBy === undefined || environment.toggles?.includes(disabledBy) === true
      ? []
      : [problem(["environment", "jobs", name, "disabledBy"], `the environment has no toggle ${disabledBy}`)],
  );
