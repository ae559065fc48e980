import type { Settings } from "../release/parse";
import { milliseconds } from "../release/primitives";
import { clientsLetIn } from "../release/routes";
import type { Clients } from "./clients";
import { addressOf, type Containers } from "./containers";
import type { Probe } from "./probe";
import { measureNoRoute, measureProxy, measureRoute, measureSmoke, proxyOf, routeId } from "./proxy";

/** Before a change: the proxy answers, where it has routes of services or frontends. */
export function proxyProbes({ environment }: Pick<Settings, "environment">): Probe[] {
  const { proxy, routes = {}, frontends = {} } = environment;
  const routed = Object.keys(routes).length > 0 || Object.values(frontends).some(({ route }) => route !== undefined);
  if (proxy === undefined || !routed) return [];
  return [{ name: "proxy", ask: () => measureProxy(proxyOf(proxy)) }];
}

/** After a change: every route leads to the pinned version, and the version answers through it; none leads to what it does not have. */
export function routeProbes(settings: Settings, clients: Clients, containers: Containers): Probe[] {
  const { proxy, routes = {} } = settings.environment;
  if (proxy === undefined) return [];
  return Object.entries(routes).map(([name, { to, smoke, hosts, paths, allow, deadline }]): Probe => ({
    name: `route ${name}`,
    deadline: deadline === undefined || milliseconds(deadline) < 10_000 ? undefined : deadline,
    ask: async () => {
      const id = routeId(settings.environment, name);
      if (containers[to] === undefined) return measureNoRoute(proxyOf(proxy), id, to);
      const dial = new URL(await addressOf(clients.docker, clients.host, to, containers)).host;
      const letIn = allow === undefined ? undefined : clientsLetIn(settings.pinned.facets.toggles[allow]);
      const clientsOf = letIn?.ok === true ? letIn.clients : undefined;
      const leads = await measureRoute(proxyOf(proxy), { id, hosts, paths, allow: clientsOf, dial });
      // Who is not let in cannot ask.
      if (leads.result !== "passed" || clientsOf !== undefined) return leads;
      return await measureSmoke(proxy.url, smoke, hosts?.[0]);
    },
  }));
}
