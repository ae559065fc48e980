import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { HalfCreated, type Resource } from "../plugin";
import { textOf, isEmpty, type Bag } from "../schema";
import { stored } from "../state";
import { isMissing, statusOf } from "./connection";
import { containerOptions, endpointsOf, updateOptions } from "./container-options";
import { containerState } from "./container-state";
import { container as shape } from "./shapes";

/** Milliseconds between two looks at a container that is starting. */
const PAUSE = 100;

/** Containers; limits, restart policy and health check change in place, everything else replaces. */
export function containerResource(connect: () => Promise<Docker>, stopping: () => AbortSignal): Resource {
  return {
    shape,
    create: async (planned) => {
      const docker = await connect();
      const options = containerOptions(planned);
      const made = await docker.createContainer(options);
      try {
        await settle(docker, made, planned, stopping());
      } catch (error) {
        throw await halfCreated(made, planned, error);
      }
      return { id: made.id, state: containerState(await made.inspect(), planned) };
    },
    read: async (id, state) => {
      const found = await inspect((await connect()).getContainer(id));
      if (found === undefined) return undefined;
      // As the vendor's plugin does: what must run and does not is a difference that the next update sees and starts.
      const stopped = !found.State.Running && state.mustRun !== false;
      return { id: found.Id, state: { ...containerState(found, state), ...(stopped ? { mustRun: false } : {}) } };
    },
    update: async (id, prior, planned) => {
      const docker = await connect();
      const container = docker.getContainer(id);
      if (prior.mustRun === false && planned.mustRun === true && planned.start === true) await container.start();
      const changed = ["restart", "maxRetryCount", "cpuShares", "memory", "cpuSet", "memorySwap", "memoryReservation"];
      if (changed.some((key) => prior[key] !== planned[key])) await container.update(updateOptions(planned));
      // Nothing is waited for: what the engine holds as half created passes as done, healthy or not, as with the vendor's.
      return { ...planned, memorySwap: planned.memorySwap ?? 0 };
    },
    remove: async (id, state) => {
      await remove(await connect(), id, state);
    },
  };
}

/** Brings a container that exists to where it should be: in its networks, running, and healthy if that is asked for. */
async function settle(docker: Docker, container: Docker.Container, planned: Bag, signal: AbortSignal): Promise<void> {
  const { NetworkSettings, State } = await container.inspect();
  await join(docker, container.id, planned, Object.keys(NetworkSettings.Networks));
  if (planned.start !== true) return;
  if (!State.Running) {
    await container.start();
    await running(container, planned, signal);
  }
  if (planned.wait === true) await healthy(container, planned, signal);
}

/** Leaves the default network for the named ones, as upstream does; a host may have no default network at all. */
async function join(docker: Docker, id: string, planned: Bag, joined: readonly string[]): Promise<void> {
  const endpoints = endpointsOf(planned).filter(({ network }) => !joined.includes(network));
  if (endpoints.length === 0) return;
  try {
    await docker.getNetwork("bridge").disconnect({ Container: id });
  } catch (error) {
    const apart = /is not connected to (the )?network/.test(error instanceof Error ? error.message : "");
    if (!isMissing(error) && !apart) throw error;
  }
  for (const { network, config } of endpoints) {
    await docker.getNetwork(network).connect({ Container: id, EndpointConfig: config });
  }
}

async function inspect(container: Docker.Container): Promise<Docker.ContainerInspectInfo | undefined> {
  try {
    return await container.inspect();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function running(container: Docker.Container, planned: Bag, signal: AbortSignal): Promise<void> {
  const limit = Date.now() + Number(planned.containerReadRefreshTimeoutMilliseconds);
  // At once, every process runs. Where health is waited for, that tells more.
  if (planned.wait !== true) await sleep(PAUSE, undefined, { signal });
  for (;;) {
    const { State } = await container.inspect();
    if (State.Running || planned.mustRun !== true) return;
    if (State.Status === "exited" || State.Status === "dead") {
      throw new Error(`container ${textOf(planned.name)} exited immediately with code ${State.ExitCode}`);
    }
    if (Date.now() > limit) throw new Error(`container ${textOf(planned.name)} did not start: ${State.Status}`);
    await sleep(PAUSE, undefined, { signal });
  }
}

async function healthy(container: Docker.Container, planned: Bag, signal: AbortSignal): Promise<void> {
  const name = textOf(planned.name);
  const limit = Date.now() + Number(planned.waitTimeout) * 1000;
  for (;;) {
    const { State } = await container.inspect();
    const health = State.Health as { Status: string } | undefined;
    if (health === undefined) throw new Error(`container ${name}: wait needs a healthcheck, and there is none`);
    if (health.Status === "healthy") return;
    // Neither the vendor's plugin nor this one says why, nor gives up early on a container that has exited.
    if (Date.now() > limit) throw new Error("container failed to be in healthy state");
    await sleep(PAUSE, undefined, { signal });
  }
}

/** The container stays, and in the state with it: only so can the next update or a person deal with it. */
async function halfCreated(container: Docker.Container, planned: Bag, error: unknown): Promise<Error> {
  const reason = error instanceof Error ? error.message : String(error);
  const found = await inspect(container);
  if (found === undefined) return new Error(reason, { cause: error });
  return new HalfCreated(container.id, stored(shape, container.id, containerState(found, planned), false), reason);
}

async function remove(docker: Docker, id: string, state: Bag): Promise<void> {
  const container = docker.getContainer(id);
  try {
    if (!isEmpty(state.destroyGraceSeconds)) await container.stop({ t: Number(state.destroyGraceSeconds) });
  } catch (error) {
    // 304: it had stopped already.
    if (!isMissing(error) && statusOf(error) !== 304) throw error;
  }
  try {
    await container.remove({ force: true, v: state.removeVolumes !== false });
  } catch (error) {
    // 409: its removal is under way already, `rm` for instance.
    if (!isMissing(error) && statusOf(error) !== 409) throw error;
  }
  // Its name is free only when it is gone, and a replacement takes the name at once.
  for (let look = 0; look < 100 && (await inspect(container)) !== undefined; look++) await sleep(PAUSE);
}
