import type * as pulumi from "@pulumi/pulumi";
import type { ProxyAdmin } from "../checks/proxy";
import type { Smoke } from "../release/schema/routes";
import { ProjectResource } from "./project-resource";

/** A route, who is to answer behind it, and what that one must answer first. */
export interface RouteInputs {
  readonly proxy: ProxyAdmin;
  /** Where the proxy answers. */
  readonly url: string;
  /** Its name in the proxy. The engine keeps `id` for itself. */
  readonly route: string;
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
  readonly allow?: readonly string[];
  readonly smoke: readonly Smoke[];
  /** Milliseconds that the new version may take to answer. */
  readonly deadline: number;
  readonly docker: { readonly host: string; readonly address: string };
  /** `services/api` */
  readonly to: string;
  /** The id of the container that is to answer. */
  readonly container: string;
  /** Where that container answers now, host and port: found out by the provider in every update, never declared. */
  readonly dial?: string;
}

type Args = { [K in keyof Omit<RouteInputs, "dial">]: pulumi.Input<RouteInputs[K]> };

/** An address that stays. It moves only to a version that answered at its own address, and back when it then does not. */
export class Route extends ProjectResource {
  constructor(name: string, args: Args, opts?: pulumi.CustomResourceOptions) {
    super("route.provider", "Route", name, args, opts);
  }
}
