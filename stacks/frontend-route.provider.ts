import type { dynamic } from "@pulumi/pulumi";
import { deleteRoute, putRoute, readRoute } from "../checks/proxy";
import { canonicalJson } from "../release/canonical";
import type { FrontendRouteInputs } from "./frontend-route";
import { routeTo } from "./frontend-route.config";

/** A route at another proxy is another route; whatever else changes, the route stays and says something else. */
export function diff(olds: FrontendRouteInputs, news: FrontendRouteInputs): Promise<dynamic.DiffResult> {
  const replaces = (["admin", "server", "route"] as const).filter((key) => olds[key] !== news[key]);
  const changes = replaces.length > 0 || canonicalJson(routeTo(olds)) !== canonicalJson(routeTo(news));
  return Promise.resolve({ changes, replaces, deleteBeforeReplace: true });
}

/** Makes the route, or takes over one that an interrupted update left. */
export async function create(inputs: FrontendRouteInputs): Promise<dynamic.CreateResult<FrontendRouteInputs>> {
  await put(inputs);
  return { id: inputs.route, outs: inputs };
}

/** Moves the route to another build. Requests under way end as they began. */
export async function update(news: FrontendRouteInputs): Promise<dynamic.UpdateResult<FrontendRouteInputs>> {
  await put(news);
  return { outs: news };
}

/** What the proxy serves now: the build that its route names, or no route when there is none. */
export async function read(id: string, props?: FrontendRouteInputs): Promise<dynamic.ReadResult> {
  if (props === undefined) return {};
  const route = await readRoute(props, id);
  if (route === undefined) return {};
  const [, hex] = /\/builds\/([0-9a-f]{64})\/files/.exec(JSON.stringify(route)) ?? [];
  return { id, props: { ...props, ...(hex === undefined ? {} : { build: `sha256:${hex}` }) } };
}

/** Takes the route away; fine when it is gone. */
export const remove = (props: FrontendRouteInputs): Promise<void> => deleteRoute(props, props.route);

const put = (inputs: FrontendRouteInputs): Promise<void> => putRoute(inputs, inputs.route, routeTo(inputs));

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<FrontendRouteInputs, FrontendRouteInputs> = {
  diff: (_id, olds, news) => diff(olds, news),
  create,
  read,
  update: (_id, _olds, news) => update(news),
  delete: (_id, props) => remove(props),
};
