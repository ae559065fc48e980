import * as pulumi from "@pulumi/pulumi";
import type { Containers } from "../checks/containers";
import { proxyOf, routeId } from "../checks/proxy";
import type { Loaded } from "../release/config";
import { milliseconds } from "../release/primitives";
import { clientsLetIn } from "../release/routes";
import { Route } from "./route";

/** The routes of an environment, each to the container that runs the pinned version. */
export class Routes extends pulumi.ComponentResource {
  readonly resources: readonly pulumi.CustomResource[];

  constructor(
    name: string,
    { settings }: Loaded,
    containers: { readonly [entry in keyof Containers]: pulumi.CustomResource },
    dependsOn: readonly pulumi.Resource[],
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rewind:index:Routes", name, {}, opts);
    const { environment, pinned } = settings;
    const { proxy, docker, routes = {} } = environment;
    if (proxy === undefined || docker === undefined) throw new Error("the environment has no proxy");
    this.resources = Object.entries(routes).flatMap(([route, { to, hosts, paths, smoke, deadline, allow }]) => {
      const container = containers[to];
      // A release need not have every service; nobody answers then.
      if (container === undefined) return [];
      const letIn = allow === undefined ? undefined : clientsLetIn(pinned.facets.toggles[allow]);
      return new Route(
        `route-${route}`,
        {
          proxy: proxyOf(proxy),
          url: proxy.url,
          route: routeId(environment, route),
          ...(hosts === undefined ? {} : { hosts }),
          ...(paths === undefined ? {} : { paths }),
          ...(letIn?.ok === true ? { allow: letIn.clients } : {}),
          smoke,
          deadline: milliseconds(deadline ?? "10s"),
          docker: { host: docker.host, address: docker.address ?? "127.0.0.1" },
          to,
          container: container.id,
        },
        { parent: this, dependsOn: [...dependsOn] },
      );
    });
    this.registerOutputs();
  }
}
