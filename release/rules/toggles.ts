import type { Settings } from "../parse";
import { quote } from "../primitives";
import { toggleForms, toggleType } from "../schema/toggles";
import { listed, problem, type Rule } from "./rule";

/** A toggle that nothing is told, or of another type than releases give it, would be silence. */
export const togglesAreKnown: Rule = ({ toggles, environment, releases }) =>
  Object.entries(toggles).flatMap(([name, value]) => {
    const at = ["toggles", name];
    if (environment.toggles?.includes(name) !== true) {
      return [problem(at, `the environment has no such toggle; it has ${listed(environment.toggles ?? [])}`)];
    }
    const type = declaredType({ releases }, name);
    if (type === undefined || type === toggleType(value)) return [];
    return [problem(at, `expected ${toggleForms[type]}, as releases have it, got ${quote(value)}`)];
  });

/** The type that releases give a toggle; undefined where none of those that were read has it. */
export function declaredType({ releases }: Pick<Settings, "releases">, toggle: string) {
  const known = [...releases.values()].map(({ toggles }) => toggles?.[toggle]).find((value) => value !== undefined);
  return known === undefined ? undefined : toggleType(known);
}

export const jobsAreDisabledByToggles: Rule = ({ environment }) =>
  Object.entries(environment.jobs ?? {}).flatMap(([name, { disabledBy }]) =>
    disabledBy === undefined || environment.toggles?.includes(disabledBy) === true
      ? []
      : [problem(["environment", "jobs", name, "disabledBy"], `the environment has no toggle ${disabledBy}`)],
  );
