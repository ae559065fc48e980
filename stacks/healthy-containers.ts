import type * as pulumi from "@pulumi/pulumi";
import type { Awaited } from "../checks/health";
import { ProjectResource } from "./project-resource";

/** Which containers have to be healthy before anything else is done. */
export interface HealthyContainersInputs {
  /** The Docker engine: `unix:///var/run/docker.sock`. */
  readonly host: string;
  /** By entry: `services/api`. */
  readonly containers: Readonly<Record<string, Awaited>>;
}

/** The containers as the program declares them: an id is known when its container is there. */
export type Awaiting = Readonly<Record<string, { [K in keyof Awaited]: pulumi.Input<Awaited[K]> }>>;

/**
 * Waits until the containers are healthy. The plugin can wait, too, but only for what Docker has found out, and Docker asks a
 * new container when a whole interval is over: half a minute where nobody says otherwise. It also takes a container that
 * an earlier update left half-made for healthy.
 */
export class HealthyContainers extends ProjectResource {
  constructor(
    name: string,
    args: { readonly host: string; readonly containers: Awaiting },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super("healthy-containers.provider", "HealthyContainers", name, args, opts);
  }
}
