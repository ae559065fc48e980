import type Docker from "dockerode";
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
  return `http://${host}:${port}`;
}

/** Whether the container of an entry runs, is healthy, and was made from the pinned image. */
export async function measureContainer(docker: Docker, id: string | undefined, image: string): Promise<Measurement> {
  if (id === undefined) return { result: "failed", evidence: "no container" };
  const { State, Image, Name } = await docker.getContainer(id).inspect();
  const name = Name.replace(/^\//, "");
  const health = (State as { Health?: { Status: string } }).Health?.Status ?? "healthy";
  if (!State.Running || health !== "healthy") {
    return { result: "failed", evidence: `${name} is ${State.Running ? health : State.Status}` };
  }
  const { RepoDigests, RepoTags } = await docker.getImage(Image).inspect();
  const names = [...RepoDigests, ...RepoTags];
  return names.some((each) => each === image || each === withoutTag(image))
    ? { result: "passed", evidence: `${name} runs ${withoutTag(image)}` }
    : { result: "failed", evidence: `${name} runs ${names.join(", ") || Image}, pinned is ${image}` };
}

/** `name:tag@digest` as an engine writes it, `name@digest`; a reference without a digest as it is. */
function withoutTag(image: string): string {
  const [name = "", digest] = image.split("@");
  if (digest === undefined) return image;
  return `${name.replace(/:[^:/]+$/, "")}@${digest}`;
}

/** Whether the registry has an image, asked through the engine that would pull it, with what the registry asks for. */
export async function measureImage(
  docker: Docker,
  image: string,
  auth?: Docker.AuthConfigObject,
): Promise<Measurement> {
  try {
    const shown = auth === undefined ? {} : { authconfig: auth };
    const { Descriptor } = (await docker.getImage(image).distribution(shown)) as { Descriptor: { digest: string } };
    const pinned = image.split("@")[1];
    return pinned === undefined || Descriptor.digest === pinned
      ? { result: "passed", evidence: Descriptor.digest }
      : { result: "failed", evidence: `the registry has ${Descriptor.digest}` };
  } catch (error) {
    const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } };
    const message = json?.message ?? (error instanceof Error ? error.message : String(error));
    const missing = statusCode === 404 || /not found|manifest unknown/i.test(message);
    return {
      result: missing ? "failed" : "error",
      evidence: `${missing ? "not in its registry" : "registry"}: ${message}`,
    };
  }
}
