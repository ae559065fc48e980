import type { Pinned } from "./pinned";
import type { Settings } from "./parse";
import { toggleText } from "./schema/toggles";
import type { Workload } from "./schema/workloads";

/** What a service or function is told: texts, and the names of secrets. No name stands in both. */
export interface Told {
  readonly plain: Readonly<Record<string, string>>;
  /** Variable → name in `rewind:secrets`. */
  readonly secret: Readonly<Record<string, string>>;
}

/**
 * The environment variables of an entry, later sources winning: environment, release, toggles, parameters, secrets.
 * Toggles that a route goes by are left out.
 *
 * @param path such as `functions/score_prism`
 */
export function variablesFor(
  { environment, pinned }: Pick<Settings, "environment" | "pinned">,
  path: string,
  pin: Pinned["facets"]["services" | "functions"][string],
  workload: Workload,
): Told {
  // What a route lets in is for the proxy: nobody is started anew for it.
  const ofRoutes = new Set(Object.values(environment.routes ?? {}).map(({ allow }) => allow));
  const toggles = (environment.toggles ?? []).flatMap((name) => {
    if (ofRoutes.has(name)) return [];
    const value = pinned.facets.toggles[name];
    return value === undefined ? [] : [[name, toggleText(value)] as const];
  });
  const parameters = "parameters" in pin ? pin.parameters : undefined;
  const secret = workload.secrets ?? {};
  const all = {
    ...workload.variables,
    ...pin.variables,
    ...Object.fromEntries(toggles),
    ...(parameters === undefined ? {} : { ENGINE_PARAMETERS: JSON.stringify(parameters) }),
    REWIND_RELEASE: pinned.sources[path] ?? pinned.release,
  };
  const plain = Object.entries(all)
    .filter(([name]) => !Object.hasOwn(secret, name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return { plain: Object.fromEntries(plain), secret };
}
