import type { dynamic } from "@pulumi/pulumi";
import { canonicalJson } from "../release/canonical";
import type { FrontendRouteInputs } from "./frontend-route";
import { routeTo } from "./frontend-route.config";

const timeout = 15_000;

/** A route at another proxy is another route; whatever else changes, the route stays and says something else. */
export function diff(olds: FrontendRouteInputs, news: FrontendRouteInputs): Promise<dynamic.DiffResult> {
  const replaces = (["admin", "server", "route"] as const).filter((key) => olds[key] !== news[key]);
  const changes = replaces.length > 0 || canonicalJson(routeTo(olds)) !== canonicalJson(routeTo(news));
  return Promise.resolve({ changes, replaces, deleteBeforeReplace: false });
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
  const answer = await ask(props, "GET", `/id/${id}`);
  if (answer.status === 404) return {};
  const text = await told(props, answer);
  const [, hex] = /\/builds\/([0-9a-f]{64})\/files/.exec(text) ?? [];
  return { id, props: { ...props, ...(hex === undefined ? {} : { build: `sha256:${hex}` }) } };
}

/** Takes the route away; fine when it is gone. */
export async function remove(props: FrontendRouteInputs): Promise<void> {
  const answer = await ask(props, "DELETE", `/id/${props.route}`);
  if (answer.status !== 404) await told(props, answer);
}

async function put(inputs: FrontendRouteInputs): Promise<void> {
  const wanted = routeTo(inputs);
  const changed = await ask(inputs, "PATCH", `/id/${inputs.route}`, wanted);
  if (changed.status !== 404) {
    await told(inputs, changed);
    return;
  }
  await told(inputs, await ask(inputs, "POST", `/config/apps/http/servers/${inputs.server}/routes`, wanted));
}

async function ask({ admin }: FrontendRouteInputs, method: string, path: string, body?: object): Promise<Response> {
  try {
    return await fetch(`${admin}${path}`, {
      method,
      signal: AbortSignal.timeout(timeout),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Error(`the proxy's admin API at ${admin} does not answer: ${reason}`, { cause: error });
  }
}

/** What an answer says. @throws Error with the proxy's own words when it is a no */
async function told({ admin, server }: FrontendRouteInputs, answer: Response): Promise<string> {
  const text = await answer.text();
  if (answer.ok) return text;
  const said = text.replace(/\s+/g, " ").slice(0, 300);
  throw new Error(`the proxy at ${admin} refused the route of server ${server}: ${answer.status} ${said}`);
}
