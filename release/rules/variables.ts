import type { Settings } from "../parse";
import { quote } from "../primitives";
import type { Problem } from "../problems";
import { runtimeOf } from "../runtime";
import { variablesFor } from "../variables";
import { problem, type Rule } from "./rule";

/** What Linux hands to a program as one variable, `NAME=value` with its last byte. */
const largestVariable = 131_072;
/** What Lambda keeps of a function's variables, as JSON. */
const largestOnLambda = 4_096;
/** What Lambda sets itself, and refuses to be told. */
const reservedOnLambda: ReadonlySet<string> = new Set([
  ...["_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"],
  ...["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  ...["AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"],
  ...["FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION", "INITIALIZATION_TYPE", "LOG_GROUP_NAME"].map(
    (name) => `AWS_LAMBDA_${name}`,
  ),
  ...["LOG_STREAM_NAME", "RUNTIME_API", "MAX_CONCURRENCY", "METADATA_API", "METADATA_TOKEN"].map(
    (name) => `AWS_LAMBDA_${name}`,
  ),
]);

export const variablesAreTaken: Rule = (settings) => variableProblems(settings, {});

/**
 * What the runtime of a service or function would refuse of its variables in the middle of a change: of what is pinned,
 * and of every release that was read.
 * @param secrets values by name; where they are not known, they count as empty
 */
export function variableProblems(settings: Settings, secrets: Readonly<Record<string, string>>): Problem[] {
  const { environment, pinned, releases, toggles } = settings;
  const selections = [
    { pinned, at: [] as string[] },
    ...[...releases].map(([release, { services = {}, functions = {}, toggles: own = {} }]) => ({
      at: ["releases", release],
      pinned: {
        ...{ release, sources: {}, digest: pinned.digest },
        facets: { ...pinned.facets, services, functions, toggles: { ...own, ...toggles } },
      },
    })),
  ];
  const found = selections.flatMap(({ pinned: selected, at }) =>
    (["services", "functions"] as const).flatMap((facet) =>
      Object.entries<Parameters<typeof variablesFor>[2]>(selected.facets[facet]).flatMap(([name, pin]) => {
        const workload = environment[facet]?.[name];
        if (workload === undefined) return [];
        const { plain, secret } = variablesFor({ environment, pinned: selected }, `${facet}/${name}`, pin, workload);
        const own = Object.entries(secret).map(([variable, key]) => [variable, secrets[key] ?? ""] as const);
        const all: Record<string, string> = { ...plain, ...Object.fromEntries(own) };
        const place = (variable: string): string[] => {
          if (Object.hasOwn(secret, variable)) return ["environment", facet, name, "secrets", variable];
          return pin.variables !== undefined && Object.hasOwn(pin.variables, variable) && at.length > 0
            ? [...at, facet, name, "variables", variable]
            : ["environment", facet, name, "variables", variable];
        };
        return [
          ...Object.entries(all).flatMap(([variable, value]) => oneVariable(variable, value, place(variable))),
          ...(runtimeOf(environment, facet) === "lambda"
            ? onLambda(all, place, [...(at.length === 0 ? ["environment"] : at), facet, name])
            : []),
        ];
      }),
    ),
  );
  // The environment's own are looked at with every release.
  return [...new Map(found.map((each) => [`${each.path} ${each.message}`, each])).values()];
}

function oneVariable(name: string, value: string, at: readonly string[]): Problem[] {
  const bytes = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  if (value.includes("\0")) return [problem(at, `${name} holds a zero byte, which ends a variable`)];
  return bytes <= largestVariable
    ? []
    : [problem(at, `${name} has ${bytes} bytes with its name; Linux takes ${largestVariable} at most`)];
}

function onLambda(
  all: Readonly<Record<string, string>>,
  place: (variable: string) => readonly string[],
  at: readonly string[],
): Problem[] {
  const names = Object.keys(all).flatMap((name) => {
    if (reservedOnLambda.has(name)) return [problem(place(name), `${name} is a variable that Lambda sets itself`)];
    return /^[A-Za-z][A-Za-z0-9_]+$/.test(name)
      ? []
      : [
          problem(
            place(name),
            `Lambda takes names of a letter and one or more letters, digits and _, got ${quote(name)}`,
          ),
        ];
  });
  const bytes = Buffer.byteLength(JSON.stringify(all));
  return bytes <= largestOnLambda
    ? names
    : [...names, problem(at, `its variables have ${bytes} bytes as JSON; Lambda takes ${largestOnLambda} at most`)];
}
