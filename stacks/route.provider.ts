import { isDeepStrictEqual } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import { unknownValue } from "@pulumi/pulumi/runtime";
import { dockerAt } from "../checks/clients";
import { addressOf } from "../checks/containers";
import { runProbes } from "../checks/probe";
import { deleteRoute, dialOf, measureSmoke, putRoute, readRoute, routeOf } from "../checks/proxy";
import { canonicalJson } from "../release/canonical";
import type { RouteInputs } from "./route";

/**
 * Adds where the container answers now. The Docker engine gives out other ports whenever it starts, and the state knows
 * nothing of it: so a plain update finds the difference, and moves the route to where the container answers.
 */
export async function check(olds: Partial<RouteInputs>, news: RouteInputs): Promise<dynamic.CheckResult<RouteInputs>> {
  // A plan holds an update to what it said; of a container that is yet to be it can only say that the address is unknown.
  if (news.container === unknownValue) return { inputs: { ...news, dial: unknownValue } };
  // A container that does not run has no address; it is another resource that changes then.
  const dial = await dialTo(news).catch(() => olds.dial);
  return { inputs: { ...news, ...(dial === undefined ? {} : { dial }) } };
}

/** Moves the route for the first time. */
export async function create(inputs: RouteInputs): Promise<dynamic.CreateResult<RouteInputs>> {
  await move(inputs);
  return { id: inputs.route, outs: inputs };
}

/**
 * What the engine asks of two versions; a route of another name, or in another proxy, is another resource. The old one
 * goes first: where only the address of one proxy is written differently, both have the same name in it.
 */
export function diff(olds: RouteInputs, news: RouteInputs): Promise<dynamic.DiffResult> {
  const place = ({ proxy, route }: RouteInputs) => canonicalJson([proxy, route]);
  const moved = place(olds) !== place(news);
  const changed = canonicalJson(comparable(olds)) !== canonicalJson(comparable(news));
  return Promise.resolve({ changes: moved || changed, replaces: moved ? ["route"] : [], deleteBeforeReplace: true });
}

/** Moves the route to the new version, if that one answers. */
export async function update(news: RouteInputs): Promise<dynamic.UpdateResult<RouteInputs>> {
  await move(news);
  return { outs: news };
}

/** The route as it is now: one that somebody moved or opened, or whose container has another address, leads to no container. */
export async function read(id: string, props?: RouteInputs): Promise<dynamic.ReadResult<RouteInputs>> {
  if (props === undefined) throw new Error("routes are not imported: a stack declares them");
  const there = await readRoute(props.proxy, id);
  const dial = await dialTo(props).catch(() => undefined);
  const asItWas = dial !== undefined && isDeepStrictEqual(there, routeOf({ ...props, id, dial }));
  return { id, props: asItWas ? props : { ...props, container: "" } };
}

/** Takes the route away. */
export async function remove(props: RouteInputs): Promise<void> {
  await deleteRoute(props.proxy, props.route);
}

/** Everything but `__provider`, which the engine adds. */
function comparable(inputs: RouteInputs): unknown {
  const { proxy, url, route, hosts, paths, allow, smoke, deadline, docker, to, container, dial } = inputs;
  return [
    proxy,
    url,
    route,
    hosts ?? null,
    paths ?? null,
    allow ?? null,
    smoke,
    deadline,
    docker,
    to,
    container,
    dial ?? null,
  ];
}

async function dialTo({ docker, to, container }: RouteInputs): Promise<string> {
  const address = await addressOf(dockerAt(docker.host), docker.address, to, { [to]: container });
  return new URL(address).host;
}

/**
 * Asks the new version at its own address, moves the route to it at once, and asks again through the route. A version
 * that fails the first never gets the route; one that fails the second loses it again.
 */
async function move(inputs: RouteInputs): Promise<void> {
  const { proxy, route: id, smoke, url, hosts, allow } = inputs;
  const dial = await dialTo(inputs);
  const candidate = await asked(inputs, `${inputs.to} at its own address`, `http://${dial}`);
  if (candidate !== undefined)
    throw new Error(`the route ${id} was not moved, what it led to still answers: ${candidate}`);
  const before = await readRoute(proxy, id);
  await putRoute(proxy, id, routeOf({ ...inputs, id, dial }));
  // Whoever is not let in cannot ask; the proxy's own words are what counts then.
  const through = allow === undefined ? await asked(inputs, `through the route ${id}`, url, hosts?.[0]) : undefined;
  if (through === undefined) return;
  await (before === undefined ? deleteRoute(proxy, id) : putRoute(proxy, id, before));
  const back =
    before === undefined ? "it was taken away again" : `it leads to ${dialOf(before) ?? "what it led to"} again`;
  throw new Error(`the route ${id} was moved to ${dial}, and ${back}: ${through} (${smoke.length} smoke requests)`);
}

/** Nothing when all is as expected, otherwise what was seen. */
async function asked(
  { smoke, deadline }: RouteInputs,
  name: string,
  base: string,
  host?: string,
): Promise<string | undefined> {
  const probe = { name, ask: () => measureSmoke(base, smoke, host) };
  const [check] = await runProbes([probe], { timeout: "5s", deadline: `${deadline}ms` });
  return check?.result === "passed" ? undefined : `${name}: ${check?.evidence ?? "nothing was measured"}`;
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<RouteInputs, RouteInputs> = {
  check,
  create,
  diff: (_id, olds, news) => diff(olds, news),
  update: (_id, _olds, news) => update(news),
  read,
  delete: (_id, props) => remove(props),
};
