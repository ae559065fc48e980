import { Readable } from "node:stream";
import type Dockerode from "dockerode";
import { pack } from "tar-stream";

/** One line of Docker's streams, as far as it matters here: a push ends with its digest, a failure with its error. */
interface Progress {
  aux?: { Digest?: string };
  error?: string;
}

/** Whether Docker has an image of this name. */
export async function hasImage(docker: Dockerode, name: string): Promise<boolean> {
  try {
    await docker.getImage(name).inspect();
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && "statusCode" in thrown && thrown.statusCode === 404) return false;
    throw thrown;
  }
}

/**
 * Waits for the end of one of Docker's streams. Throws what went wrong: Docker answers 200 before it begins, so a build
 * or a push that fails says so in a line of the stream, which the client library reads over.
 */
export function finished(docker: Dockerode, stream: NodeJS.ReadableStream): Promise<Progress[]> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, events: Progress[]) => {
      const failure = events.find((event) => event.error !== undefined)?.error;
      if (error !== null) reject(error);
      else if (failure !== undefined) reject(new Error(failure));
      else resolve(events);
    });
  });
}

/** Builds an image from a few files. Times are fixed, so that the builder recognises what it built before. */
export async function build(
  docker: Dockerode,
  files: Readonly<Record<string, string | Buffer>>,
  options: Dockerode.ImageBuildOptions,
): Promise<void> {
  const context = pack();
  for (const [name, content] of Object.entries(files)) context.entry({ name, mtime: new Date(0) }, content);
  context.finalize();
  await finished(docker, await docker.buildImage(Readable.from(context), { rm: true, forcerm: true, ...options }));
}
