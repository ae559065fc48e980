import * as pulumi from "@pulumi/pulumi";
import type { ProxyAdmin } from "../checks/proxy";
import type { ServedBuild } from "./frontend-route.config";
import type * as implementation from "./frontend-route.provider";
import { loadProvider } from "./shim";

/** Which build a proxy serves, and where the proxy is told. */
export interface FrontendRouteInputs extends ServedBuild, ProxyAdmin {}

const load = () => loadProvider("frontend-route.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<FrontendRouteInputs, FrontendRouteInputs> = {
  diff: (_id, olds, news) => load().diff(olds, news),
  create: (inputs) => load().create(inputs),
  read: (id, props) => load().read(id, props),
  update: (_id, _olds, news) => load().update(news),
  delete: (_id, props) => load().remove(props),
};

/** The pointer to a frontend's build on a single host: a route of the reverse proxy, which moves as a whole. */
export class FrontendRoute extends pulumi.dynamic.Resource {
  constructor(name: string, args: FrontendRouteInputs, opts?: pulumi.CustomResourceOptions) {
    super(provider, name, { ...args }, opts, "rewind", "FrontendRoute");
  }
}
