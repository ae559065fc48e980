import Docker from "dockerode";
import type { DockerEngine } from "./part";

/** A part that runs as a container, because the official image could be had and a program on the machine could not. */
export interface PartContainer {
  readonly name: string;
  /** `name@sha256:…`, so that what runs is what was pinned. */
  readonly image: string;
  /** Port in the container, and where on the host it is published. */
  readonly port: number;
  readonly published: readonly { readonly address: string; readonly port: number }[];
  /** Host path to path in the container. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}

const label = "rewind.part";

function clientOf(engine: Pick<DockerEngine, "host">): Docker {
  const url = new URL(engine.host);
  return url.protocol === "unix:"
    ? new Docker({ socketPath: url.pathname })
    : new Docker({ protocol: "http", host: url.hostname, port: url.port });
}

/** Pulls the image unless the engine has it. */
export async function pullImage(engine: DockerEngine, image: string): Promise<void> {
  const client = clientOf(engine);
  const present = await client.getImage(image).inspect().then(() => true, () => false); // prettier-ignore
  if (present) return;
  const stream = await client.pull(image);
  await new Promise<void>((resolve, reject) => {
    client.modem.followProgress(stream, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Starts the container afresh; one of that name that is left over is removed first. It comes back with its engine. */
export async function startContainer(engine: DockerEngine, part: PartContainer): Promise<void> {
  await removeContainer(engine, part.name);
  const port = `${part.port}/tcp`;
  const container = await clientOf(engine).createContainer({
    name: part.name,
    Image: part.image,
    Labels: { [label]: part.name },
    ExposedPorts: { [port]: {} },
    ...(part.command === undefined ? {} : { Cmd: [...part.command] }),
    HostConfig: {
      PortBindings: {
        [port]: part.published.map(({ address, port: at }) => ({ HostIp: address, HostPort: String(at) })),
      },
      Binds: Object.entries(part.mounts).map(([from, to]) => `${from}:${to}`),
      RestartPolicy: { Name: "unless-stopped" },
    },
  });
  await container.start();
}

/** Removes a part's container, and only one that a part made; fine when there is none. */
export async function removeContainer(engine: Pick<DockerEngine, "host">, name: string): Promise<void> {
  const client = clientOf(engine);
  const found = await client.listContainers({ all: true, filters: { label: [`${label}=${name}`] } });
  for (const { Id } of found) await client.getContainer(Id).remove({ force: true, v: true });
}
