import * as pulumi from "@pulumi/pulumi";
import type { Awaited } from "../checks/health";
import type * as implementation from "./healthy-containers.provider";
import { loadProvider } from "./shim";

/** Which containers have to be healthy before anything else is done. */
export interface HealthyContainersInputs {
  /** The Docker engine: `unix:///var/run/docker.sock`. */
  readonly host: string;
  /** By entry: `services/api`. */
  readonly containers: Readonly<Record<string, Awaited>>;
}

const load = () => loadProvider("healthy-containers.provider") as typeof implementation;

const provider: pulumi.dynamic.ResourceProvider<HealthyContainersInputs, HealthyContainersInputs> = {
  create: (inputs) => load().create(inputs),
  update: (_id, _olds, news) => load().update(news),
  delete: () => Promise.resolve(),
};

/** The containers as the program declares them: an id is known when its container is there. */
export type Awaiting = Readonly<Record<string, { [K in keyof Awaited]: pulumi.Input<Awaited[K]> }>>;

/**
 * Waits until the containers are healthy. The plugin can wait, too, but only for what Docker has found out, and Docker asks a
 * new container when a whole interval is over: half a minute where nobody says otherwise. It also takes a container that
 * an earlier update left half-made for healthy.
 */
export class HealthyContainers extends pulumi.dynamic.Resource {
  constructor(
    name: string,
    args: { readonly host: string; readonly containers: Awaiting },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(provider, name, args, opts, "rewind", "HealthyContainers");
  }
}
