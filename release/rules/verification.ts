import { textsIn, variablesIn } from "../interpolate";
import type { Settings } from "../parse";
import { pinnedValue } from "../pinned-value";
import { milliseconds, quote } from "../primitives";
import type { Problem } from "../problems";
import { inlineRows, keyOf } from "../rows";
import { onDocker } from "../runtime";
import { usualTimeout } from "../schema/common";
import type { CheckDefinition, Request } from "../schema/verification";
import { has, problem, type Rule } from "./rule";
import { stampsProblems } from "./stamped";
import { visibilityProblems } from "./visibility";

/** The HTTP requests of a check, each with its path inside the definition. */
export function requestsOf(
  definition: CheckDefinition,
): [PropertyKey[], Omit<Request, "capture"> & Pick<Request, "capture">][] {
  if (definition.kind === "http") return [[[], definition]];
  if (definition.kind === "signed-url") return [[[], { ...definition, expect: { status: 200 } }]];
  if (definition.kind === "journey") return definition.steps.map((step, index) => [["steps", index], step]);
  return [];
}

export const checksAskForWhatIsThere: Rule = (settings) => {
  // Without all that is pinned, checks would seem to ask for what is not there.
  if ([settings.release, ...Object.values(settings.pins)].some((id) => !settings.releases.has(id))) return [];
  return Object.entries(settings.verification?.checks ?? {}).flatMap(([name, definition]) => {
    const at = ["verification", "checks", name];
    const { facets: pinned } = settings.pinned;
    switch (definition.kind) {
      case "row": {
        const table = settings.environment.database?.tables[definition.table];
        const rows = inlineRows(pinned.config[definition.table]);
        // What stands in a row file is known when the file is read, which is after the rules.
        const inFile = rows === undefined && has(pinned.config, definition.table);
        const found =
          table !== undefined && (inFile || rows?.some((row) => keyOf(row, table) === definition.key) === true);
        return found ? [] : [problem(at, `the pinned release has no row ${definition.table}/${definition.key}`)];
      }
      case "policy":
        return has(pinned.storage, definition.bucket)
          ? []
          : [problem([...at, "bucket"], `the pinned release has no policy for ${quote(definition.bucket)}`)];
      case "visibility":
        return visibilityProblems(settings.environment, definition, at);
      case "stamps":
        return stampsProblems(settings, definition, at);
      case "browser":
        return has(pinned.frontend, definition.to.slice("frontend/".length))
          ? []
          : [problem([...at, "to"], `the pinned release has no ${quote(definition.to)}`)];
      case "logs": {
        const [facet, name = ""] = definition.of.split("/") as ["services" | "functions", string?];
        if (!has(pinned[facet], name)) return [problem([...at, "of"], `the pinned release has no ${definition.of}`)];
        return onDocker(settings.environment, facet)
          ? []
          : [problem([...at, "of"], "logs are read from a Docker engine or a swarm, and it runs on neither")];
      }
      case "sql":
        return settings.environment.database === undefined ? [problem(at, "the environment has no database")] : [];
      case "signed-url": {
        const bucket = definition.object?.bucket;
        const missing = bucket !== undefined && !has(pinned.storage, bucket);
        return [
          ...(missing
            ? [problem([...at, "object", "bucket"], `the pinned release has no bucket ${quote(bucket)}`)]
            : []),
          ...journeyProblems(settings, definition, at),
        ];
      }
      case "http":
      case "journey":
        return journeyProblems(settings, definition, at);
    }
  });
};

function journeyProblems(settings: Settings, definition: CheckDefinition, at: PropertyKey[]): Problem[] {
  const captured = new Set<string>();
  const { pinned, environment } = settings;
  return requestsOf(definition).flatMap(([inside, request]) => {
    const [facet, name] = request.to.split("/") as ["services" | "functions", string];
    const target = has(pinned.facets[facet], name)
      ? []
      : [problem([...at, ...inside, "to"], `the pinned release has no ${request.to}`)];
    const workload = environment[facet]?.[name];
    const lacking = onDocker(environment, facet) ? "port" : "url";
    const reachable =
      target.length === 0 && workload !== undefined && workload[lacking] === undefined
        ? [problem([...at, ...inside, "to"], `${request.to} has no ${lacking} in the environment`)]
        : [];
    const texts = textsIn([request.path, request.body, request.expect.json]);
    const unknown = texts
      .flatMap(variablesIn)
      .filter((variable) => !captured.has(variable) && pinnedValue(settings, variable) === undefined)
      .map((variable) => problem([...at, ...inside], `nothing is known as \${${variable}}`));
    for (const variable of Object.keys(request.capture ?? {})) captured.add(variable);
    const patience = definition.timeout ?? settings.verification?.timeout ?? usualTimeout;
    const { within } = request.expect;
    const unmeasurable =
      within !== undefined && milliseconds(within) > milliseconds(patience)
        ? [problem([...at, ...inside, "expect", "within"], `an attempt ends after ${patience} already (timeout)`)]
        : [];
    return [...target, ...reachable, ...unknown, ...unmeasurable];
  });
}
