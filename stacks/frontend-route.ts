import type * as pulumi from "@pulumi/pulumi";
import type { ProxyAdmin } from "../checks/proxy";
import type { ServedBuild } from "./frontend-route.config";
import { ProjectResource } from "./project-resource";

/** Which build a proxy serves, and where the proxy is told. */
export interface FrontendRouteInputs extends ServedBuild, ProxyAdmin {}

/** The pointer to a frontend's build on a single host: a route of the reverse proxy, which moves as a whole. */
export class FrontendRoute extends ProjectResource {
  constructor(name: string, args: FrontendRouteInputs, opts?: pulumi.CustomResourceOptions) {
    super("frontend-route.provider", "FrontendRoute", name, args, opts);
  }
}
