import * as os from "node:os";
import { askDocker, DockerError, dockerVersion } from "../docker-api";
import { type Context, type Gateway, loopbackOnly, type Part, remember, remembered } from "../part";
import { type Candidate, firstOf, PartUnavailable, type Source } from "../source";
import { bringUpBridge, type PrivateEngine, socketOf, startPrivate, stopPrivate } from "./docker-private";

export interface Docker {
  readonly host: string;
  readonly gateway: string;
  readonly version: string;
  readonly source: Source;
}

interface Settings {
  /** Set once an engine of our own was started: its containers are there, so it is started again. */
  readonly own: PrivateEngine;
}

const installationPage = "https://docs.docker.com/engine/install/";

/** A Docker engine: the machine's, or a private one with its own socket, data, bridge and addresses. */
export const docker: Part<Docker> = {
  name: "docker",
  async start(context) {
    const { own } = remembered<Settings>(context, "docker");
    const { source, found } = await firstOf("docker", candidates(context, own), context.signal);
    if ("host" in found) {
      const gateway = await gatewayOf(found.host);
      context.announceGateway(gateway);
      return { ...found, gateway: gateway.forContainers, source };
    }
    try {
      const engine = await bringUpBridge(context, found.dockerd, own);
      remember(context, "docker", { own: engine } satisfies Settings);
      const gateway = gatewayIn(engine);
      context.announceGateway(gateway);
      const host = await startPrivate(context, engine, context.signal);
      return { host, gateway: gateway.forContainers, version: (await dockerVersion(host)) ?? "unknown", source };
    } catch (error) {
      context.signal.throwIfAborted();
      // Root in a container without privileges may neither add a device nor mount: no engine here, whatever is installed.
      const reason = error instanceof Error ? error.message : String(error);
      throw new PartUnavailable("docker", `an engine of our own cannot be started (${reason})`);
    }
  },
  describe: ({ version, host, gateway }) => `Docker ${version} at ${host}, gateway ${gateway}`,
  async answers(context, running) {
    if ((await dockerVersion(running.host)) !== running.version) return false;
    const { own } = remembered<Settings>(context, "docker");
    const gateway = own === undefined ? await gatewayOf(running.host).catch(() => undefined) : gatewayIn(own);
    // The other parts listen where they are told first: an engine that is started again says it then.
    if (gateway?.forContainers !== running.gateway) return false;
    context.announceGateway(gateway);
    return true;
  },
  async stop(context) {
    const { own } = remembered<Settings>(context, "docker");
    if (own !== undefined) await stopPrivate(context, own);
  },
};

type Found = { readonly host: string; readonly version: string } | { readonly dockerd: string };

/** Where to look: an engine that answers, one that we can start, one that we can install and start. */
export function candidates(context: Context, own: PrivateEngine | undefined): Candidate<Found>[] {
  const { machine } = context;
  if (process.platform !== "linux") return [runningOne(context, own)];
  const startable: Candidate<Found> = {
    source: "machine",
    find: () => {
      const dockerd = machine.find("dockerd");
      if (dockerd === undefined) return Promise.resolve({ lacks: "dockerd is not installed" });
      if (machine.root) return Promise.resolve({ found: { dockerd } });
      const lacks = "dockerd is installed, but only root may start an engine of our own";
      return Promise.resolve({ lacks, command: "sudo systemctl start docker" });
    },
  };
  const installable: Candidate<Found> = {
    source: "debian",
    find: async () => {
      const offer = await machine.install("dockerd", ["docker.io", "iproute2"]);
      return "found" in offer ? { found: { dockerd: offer.found } } : offer;
    },
  };
  return [runningOne(context, own), startable, ...(machine.find("dockerd") === undefined ? [installable] : [])];
}

function runningOne(context: Context, own: PrivateEngine | undefined): Candidate<Found> {
  return {
    source: "machine",
    find: async () => {
      if (own !== undefined) return { lacks: "an engine of our own was started before" };
      const host = context.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
      if (!/^(unix:|tcp:\/\/(localhost|127\.))/.test(host)) return { lacks: `${host} is not on this machine` };
      // With our variables set in the shell this is the engine that we are about to start.
      if (host === `unix://${socketOf(context)}`) return { lacks: "DOCKER_HOST is this environment's own" };
      const version = await dockerVersion(host);
      if (version !== undefined) return { found: { host, version } };
      return { lacks: `no Docker engine answers at ${host} (how to install one: ${installationPage})` };
    },
  };
}

/** Where containers of an engine of our own find the host: its bridge is ours, and the engine need not be asked. */
const gatewayIn = ({ subnet: { gateway } }: PrivateEngine): Gateway => ({
  listen: [...loopbackOnly.listen, gateway],
  forContainers: gateway,
});

/**
 * Where containers on this engine's default bridge find the host.
 * @throws Error when the engine does not answer
 */
async function gatewayOf(host: string): Promise<Gateway> {
  const asked = askDocker(host, "/networks/bridge") as Promise<{ IPAM?: { Config?: { Gateway?: string }[] } }>;
  const bridge = await asked.catch((error: unknown) => {
    // Podman calls its network otherwise.
    if (error instanceof DockerError) return undefined;
    throw error;
  });
  const address = bridge?.IPAM?.Config?.[0]?.Gateway;
  const local = Object.values(os.networkInterfaces()).some((list) => list?.some((entry) => entry.address === address));
  // Docker Desktop and rootless engines have their bridge elsewhere and bring the host's loopback to it by this name.
  if (address === undefined || !local) return { ...loopbackOnly, forContainers: "host.docker.internal" };
  return { listen: [...loopbackOnly.listen, address], forContainers: address };
}
