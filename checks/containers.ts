import type Docker from "dockerode";
import { engineName } from "../release/images";
import { hostInUrl } from "../release/primitives";
import { whyUnhealthyNow } from "./health";
import type { Measurement } from "./probe";

/** The containers that run the pinned entries: `services/api` → container id. */
export type Containers = Readonly<Record<string, string>>;

/**
 * The base URL at which a container's published port answers now. The engine gives ports out anew whenever a container
 * starts, so the address is asked for and never remembered.
 * @throws Error when the container is gone, does not run, or publishes nothing
 */
export async function addressOf(docker: Docker, host: string, entry: string, containers: Containers): Promise<string> {
  const id = containers[entry];
  if (id === undefined) throw new Error(`${entry} has no container`);
  const { State, NetworkSettings } = await docker.getContainer(id).inspect();
  if (!State.Running) throw new Error(`the container of ${entry} is ${State.Status}`);
  const port = Object.values(NetworkSettings.Ports)
    .flatMap((bindings) => (bindings as Docker.PortMap[string] | null) ?? [])
    .find(({ HostPort }) => HostPort !== "")?.HostPort;
  if (port === undefined) throw new Error(`the container of ${entry} publishes no port`);
  return `http://${hostInUrl(host)}:${port}`;
}

/** Whether the container of an entry runs, is healthy, and was made from the pinned image. */
export async function measureContainer(
  docker: Docker,
  id: string | undefined,
  image: string,
  signal?: AbortSignal,
): Promise<Measurement> {
  if (id === undefined) return { result: "failed", evidence: "no container" };
  const container = docker.getContainer(id);
  const inspected = await container.inspect();
  const { Image, Name } = inspected;
  const name = Name.replace(/^\//, "");
  const why = await whyUnhealthyNow(container, inspected, signal);
  if (why !== undefined) return { result: "failed", evidence: `${name} is ${why}` };
  const { RepoDigests, RepoTags } = await docker.getImage(Image).inspect();
  const names = [...RepoDigests, ...RepoTags];
  return [image, engineName(image), engineName(withoutTag(image))].some((each) => names.includes(each))
    ? { result: "passed", evidence: `${name} runs ${withoutTag(image)}` }
    : { result: "failed", evidence: `${name} runs ${names.join(", ") || Image}, pinned is ${image}` };
}

/** `name:tag@digest` as an engine writes it, `name@digest`; a reference without a digest as it is. */
function withoutTag(image: string): string {
  const [name = "", digest] = image.split("@");
  if (digest === undefined) return image;
  return `${name.replace(/:[^:/]+$/, "")}@${digest}`;
}
