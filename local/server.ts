import { pullImage, removeContainer, startContainer } from "./container";
import { startDaemon, stopDaemon } from "./daemon";
import { type Context, type DockerEngine, folderOf } from "./part";
import type { Candidate, PartName } from "./source";
import { readJson, writeJson } from "./state";
import * as fs from "node:fs";
import * as path from "node:path";

/** A server as one of the sources has it: a program of this machine, or an image on an engine. */
export type Server = { readonly program: string } | { readonly image: string; readonly engine: DockerEngine };

/** Docker Hub; where it answers, an official image can be pulled. */
const imageRegistry = "https://registry-1.docker.io/v2/";

/** Where to look for a server that is a program on the PATH, an official image or a Debian package. */
export function serverCandidates(
  context: Context,
  wanted: { readonly program: string; readonly packages: readonly string[]; readonly image: string },
): Candidate<Server>[] {
  return [
    {
      source: "machine",
      find: () => {
        const program = context.machine.find(wanted.program);
        return Promise.resolve(
          program === undefined ? { lacks: `${wanted.program} is not on the PATH` } : { found: { program } },
        );
      },
    },
    {
      source: "image",
      find: async () => {
        if (!(await context.machine.reachable(imageRegistry))) return { lacks: "Docker Hub does not answer" };
        const engine = await context.docker;
        if (engine === undefined) return { lacks: "there is no Docker engine for its image" };
        await pullImage(engine, wanted.image);
        return { found: { image: wanted.image, engine } };
      },
    },
    {
      source: "debian",
      find: async () => {
        const offer = await context.machine.install(wanted.program, wanted.packages);
        return "found" in offer ? { found: { program: offer.found } } : offer;
      },
    },
  ];
}

export interface ServerOptions {
  readonly part: PartName;
  readonly folder: string;
  readonly found: Server;
  /** Arguments of the program on this machine. */
  readonly binary: () => readonly string[];
  /** How its image is run. */
  readonly container: () => { port: number; mounts: Record<string, string>; command?: readonly string[] };
  readonly published: readonly { readonly address: string; readonly port: number }[];
  readonly ready: () => Promise<boolean>;
}

/** Starts a server and returns when it answers, as a process of ours or as a container. */
export async function startServer(context: Context, options: ServerOptions): Promise<void> {
  const { found, folder, ready } = options;
  if ("program" in found) {
    const { signal } = context;
    await startDaemon({ folder, command: found.program, args: options.binary(), ready, within: 20_000, signal });
    return;
  }
  const name = `rewind-${context.id}-${options.part}`;
  writeJson(path.join(folder, "container.json"), { host: found.engine.host, name });
  await startContainer(found.engine, {
    name,
    image: found.image,
    published: options.published,
    ...options.container(),
  });
  const deadline = performance.now() + 20_000;
  while (!(await ready())) {
    context.signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`the container ${name} does not answer`);
  }
}

/** Stops what `startServer` started. */
export async function stopServer(context: Pick<Context, "folder">, part: PartName): Promise<void> {
  const folder = folderOf(context, part);
  await stopDaemon(folder);
  const file = path.join(folder, "container.json");
  const container = readJson(file) as { host: string; name: string } | undefined;
  if (container !== undefined) await removeContainer({ host: container.host }, container.name).catch(() => undefined);
  fs.rmSync(file, { force: true });
}
