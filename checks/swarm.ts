import type Docker from "dockerode";
import { fullImage } from "../release/images";
import type { Settings } from "../release/parse";
import { hostInUrl } from "../release/primitives";
import { nameInSwarm, runtimeOf } from "../release/runtime";
import type { Environment } from "../release/schema/environment";
import type { Clients } from "./clients";
import type { Measurement, Probe } from "./probe";

interface Task {
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Spec: { readonly ContainerSpec: { readonly Image: string } };
  readonly Status: {
    readonly State: string;
    readonly PortStatus?: { readonly Ports?: readonly { readonly PublishedPort?: number }[] };
  };
}

interface Service {
  readonly Endpoint?: { readonly Ports?: readonly { PublishMode?: string; PublishedPort?: number }[] };
  readonly UpdateStatus?: { readonly State: string; readonly Message?: string };
}

/** Whether the engine manages a swarm, where the environment runs services on one: Rewind makes none. */
export function swarmProbes({ environment }: Pick<Settings, "environment">, clients: Clients): Probe[] {
  if (runtimeOf(environment, "services") !== "swarm") return [];
  return [
    {
      name: "swarm",
      ask: async () => {
        const { Swarm } = (await clients.docker.info()) as {
          Swarm?: { LocalNodeState?: string; ControlAvailable?: boolean };
        };
        return Swarm?.ControlAvailable === true
          ? { result: "passed", evidence: "the engine manages a swarm" }
          : {
              result: "failed",
              evidence: `the engine manages no swarm (${Swarm?.LocalNodeState ?? "unknown"}); let environment.docker.host name a manager`,
            };
      },
    },
  ];
}

/** Whether each service of the pin runs on the swarm as pinned. */
export function runningInSwarm(
  { pinned, environment }: Pick<Settings, "pinned" | "environment">,
  clients: Clients,
): Probe[] {
  if (runtimeOf(environment, "services") !== "swarm") return [];
  return Object.entries(pinned.facets.services).map(([name, { image }]) => ({
    name: `running services/${name}`,
    ask: () =>
      measureSwarmService(
        clients.docker,
        nameInSwarm(environment, name),
        fullImage(environment.registry, image),
        environment.services?.[name]?.replicas ?? 1,
      ),
  }));
}

/** Whether as many tasks of a service run as should, each of the pinned image, and none beside them. */
export async function measureSwarmService(
  docker: Docker,
  name: string,
  image: string,
  replicas: number,
): Promise<Measurement> {
  let service: Service;
  try {
    service = (await docker.getService(name).inspect()) as Service;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
    return { result: "failed", evidence: `the swarm has no service ${name}` };
  }
  const tasks = await tasksOf(docker, name);
  const other = tasks.find(({ Spec }) => Spec.ContainerSpec.Image !== image);
  const status = service.UpdateStatus;
  const update = status === undefined || status.State === "completed" ? "" : ` (${status.State})`;
  if (other !== undefined) {
    return {
      result: "failed",
      evidence: `${name} runs ${other.Spec.ContainerSpec.Image}${update}, pinned is ${image}`,
    };
  }
  const running = tasks.filter(({ Status }) => Status.State === "running").length;
  return running === replicas && tasks.length === replicas
    ? { result: "passed", evidence: `${name} runs ${image}, ${running} of ${replicas} tasks` }
    : { result: "failed", evidence: `${name} runs ${running} of ${replicas} tasks of ${image}${update}` };
}

/**
 * Where a service on a swarm answers, undefined for an entry that runs elsewhere. Its ports are given out anew with
 * every task, so the address is asked for and never remembered.
 * @throws Error when no task runs, or it publishes nothing
 */
export function addressInSwarm(environment: Environment, clients: Clients, entry: string): Promise<string> | undefined {
  const [facet, name = ""] = entry.split("/");
  if (facet !== "services" || runtimeOf(environment, "services") !== "swarm") return undefined;
  return addressOfService(clients.docker, clients.host, nameInSwarm(environment, name));
}

async function addressOfService(docker: Docker, host: string, name: string): Promise<string> {
  const { Endpoint } = (await docker.getService(name).inspect()) as Service;
  const ingress = Endpoint?.Ports?.find((port) => port.PublishMode === "ingress")?.PublishedPort;
  if (ingress !== undefined) return `http://${hostInUrl(host)}:${ingress}`;
  const running = (await tasksOf(docker, name)).filter(({ Status }) => Status.State === "running");
  for (const { NodeID = "", Status } of running) {
    const port = Status.PortStatus?.Ports?.find(({ PublishedPort = 0 }) => PublishedPort > 0)?.PublishedPort;
    if (port !== undefined) return `http://${hostInUrl(await addressOfNode(docker, host, NodeID))}:${port}`;
  }
  throw new Error(running.length === 0 ? `no task of ${name} runs` : `${name} publishes no port`);
}

async function addressOfNode(docker: Docker, host: string, id: string): Promise<string> {
  const { Swarm } = (await docker.info()) as { Swarm?: { NodeID?: string } };
  if (Swarm?.NodeID === id) return host;
  const { Status } = (await docker.getNode(id).inspect()) as { Status?: { Addr?: string } };
  return Status?.Addr ?? host;
}

/** The tasks that the swarm wants to run, whether they do or not. */
async function tasksOf(docker: Docker, name: string): Promise<Task[]> {
  const filters = { service: [name], "desired-state": ["running"] };
  return (await docker.listTasks({ filters })) as Task[];
}
