import type Docker from "dockerode";
import { HalfCreated, type Resource } from "../plugin";
import { textOf, type Bag } from "../schema";
import { stored } from "../state";
import { isMissing } from "./connection";
import { nanoseconds } from "./forms";
import type { AuthFor } from "./registry-auth";
import { converge } from "./service-convergence";
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
  const settled = async (id: string, planned: Bag, before: Found | undefined): Promise<Bag> => {
    await waited(await connect(), id, planned, before, stopping());
    const found = await inspect(id);
    if (found === undefined) throw new Error(`service ${textOf(planned.name)}: gone while it was waited for`);
    return serviceState(found, planned);
  };
  const remove = async (id: string, name: string): Promise<void> => {
    const docker = await connect();
    try {
      await docker.getService(id).remove();
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await gone(docker, id, name, stopping());
  };
  return {
    shape,
    create: async (planned) => {
      const docker = await connect();
      // Left out, the client would send the service itself as what a registry is shown.
      const made = await docker.createService(authFor(imageOf(planned)) ?? {}, serviceOptions(planned));
      try {
        return { id: made.id, state: await settled(made.id, planned, undefined) };
      } catch (error) {
        // As upstream does: a service that never came up is taken away again, and the state has nothing of it.
        await remove(made.id, textOf(planned.name));
        throw error;
      }
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
      try {
        return await settled(id, planned, before);
      } catch (error) {
        // As upstream does: the state has what was asked for, as unfinished, also where the swarm went back by itself.
        const reason = error instanceof Error ? error.message : String(error);
        throw new HalfCreated(id, stored(shape, id, planned, false), reason);
      }
    },
    remove: (id, state) => remove(id, textOf(state.name)),
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
