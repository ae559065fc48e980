import type Docker from "dockerode";
import { HalfCreated, type Resource } from "../plugin";
import { textOf, type Bag } from "../schema";
import { stored } from "../state";
import { isMissing } from "./connection";
import { nanoseconds } from "./forms";
import type { AuthFor } from "./registry-auth";
import { converge, WentBack } from "./service-convergence";
import { serviceOptions } from "./service-options";
import { service as shape } from "./service-shape";
import { serviceState, type Found } from "./service-state";

/** Services of a swarm that is there: created and changed in place, waited for where `convergeConfig` says so. */
export function serviceResource(
  connect: () => Promise<Docker>,
  authFor: AuthFor,
  stopping: () => AbortSignal,
): Resource {
  const inspect = async (id: string): Promise<Found | undefined> => {
    const docker = await connect();
    try {
      return (await docker.getService(id).inspect()) as Found;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  /** Waits; what is neither as asked nor as before stays in the state as unfinished, so that the next update goes on. */
  const settle = async (id: string, planned: Bag, before: Found | undefined): Promise<Bag> => {
    try {
      await waited(await connect(), id, planned, before, stopping());
    } catch (error) {
      // The swarm runs what it ran, and so the old state is the true one.
      if (error instanceof WentBack) throw error;
      const found = await inspect(id);
      const reason = error instanceof Error ? error.message : String(error);
      if (found === undefined) throw new Error(reason, { cause: error });
      throw new HalfCreated(id, stored(shape, id, serviceState(found, planned), false), reason);
    }
    const found = await inspect(id);
    if (found === undefined) throw new Error(`service ${textOf(planned.name)}: gone while it was waited for`);
    return serviceState(found, planned);
  };
  return {
    shape,
    create: async (planned) => {
      const docker = await connect();
      // Left out, the client would send the service itself as what a registry is shown.
      const made = await docker.createService(authFor(imageOf(planned)) ?? {}, serviceOptions(planned));
      return { id: made.id, state: await settle(made.id, planned, undefined) };
    },
    read: async (id, state) => {
      const found = await inspect(id);
      return found === undefined ? undefined : { id: found.ID, state: serviceState(found, state) };
    },
    update: async (id, _prior, planned) => {
      const docker = await connect();
      const before = await inspect(id);
      if (before === undefined) throw new Error(`service ${textOf(planned.name)}: gone; pulumi refresh drops it`);
      const service = docker.getService(id) as unknown as { update(auth: object, options: object): Promise<unknown> };
      const options = { ...serviceOptions(planned, before), version: before.Version.Index };
      await service.update(authFor(imageOf(planned)) ?? {}, options);
      return settle(id, planned, before);
    },
    remove: async (id, state) => {
      const docker = await connect();
      try {
        await docker.getService(id).remove();
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      await gone(docker, id, textOf(state.name), stopping());
    },
  };
}

function imageOf(planned: Bag): string {
  const { containerSpec } = planned.taskSpec as { containerSpec: Bag };
  return textOf(containerSpec.image);
}

async function waited(
  docker: Docker,
  id: string,
  planned: Bag,
  before: Found | undefined,
  signal: AbortSignal,
): Promise<void> {
  const asked = planned.convergeConfig as Bag | null | undefined;
  if (asked === null || asked === undefined) return;
  const limit = nanoseconds(textOf(asked.timeout)) / 1e6;
  await converge(docker, id, before?.UpdateStatus?.StartedAt, limit, signal);
}

/** Its containers end after the service is gone; whoever removes it counts on neither. */
async function gone(docker: Docker, id: string, name: string, signal: AbortSignal): Promise<void> {
  for (let look = 0; look < 300; look++) {
    const containers = await docker.listContainers({
      all: true,
      filters: { label: [`com.docker.swarm.service.id=${id}`] },
    });
    if (containers.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
    signal.throwIfAborted();
  }
  throw new Error(`service ${name}: removed, but its containers still run`);
}
