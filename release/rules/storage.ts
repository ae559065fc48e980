import { textsIn, variablesIn } from "../interpolate";
import type { Settings } from "../parse";
import { eachRelease, has, problem, type Rule } from "./rule";

export const principalsAreKnown: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.storage ?? {}).flatMap(([name, { policy }]) =>
      policy.Statement.flatMap((statement, index) =>
        textsIn(statement)
          .flatMap(variablesIn)
          .filter((variable) => variable !== "bucket" && !principalIsKnown(settings, variable))
          .map((variable) =>
            problem([...at, "storage", name, "policy", "Statement", index], `nothing is known as \${${variable}}`),
          ),
      ),
    ),
  );

function principalIsKnown({ environment }: Settings, variable: string): boolean {
  const [, name] = /^principal\.(.+)$/.exec(variable) ?? [];
  return name !== undefined && has(environment.objectStore?.principals, name);
}
