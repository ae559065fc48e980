import * as http from "node:http";

/** An engine answers a question with an error. */
export class DockerError extends Error {
  override readonly name = "DockerError";
}

/**
 * A question to a Docker engine over its API, answered as JSON. Node's own client: it is asked at every start, and
 * loading a full client takes longer than the answer.
 * @param host `unix:///…` or `tcp://address:port`
 * @throws DockerError when the engine answers with an error, Error when it does not answer within `timeout` milliseconds
 */
export async function askDocker(host: string, path: string, timeout = 3_000): Promise<unknown> {
  const url = new URL(host);
  const where = url.protocol === "unix:" ? { socketPath: url.pathname } : { host: url.hostname, port: url.port };
  return await new Promise((resolve, reject) => {
    const request = http.get({ ...where, path, agent: false, signal: AbortSignal.timeout(timeout) }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200) reject(new DockerError(`Docker answers ${path} with ${text.slice(0, 200)}`));
        else resolve(JSON.parse(text));
      });
    });
    request.once("error", reject);
  });
}

/** The engine's version, or nothing if there is no engine that answers. */
export async function dockerVersion(host: string): Promise<string | undefined> {
  try {
    const { Version } = (await askDocker(host, "/version")) as { Version?: unknown };
    return typeof Version === "string" ? Version : undefined;
  } catch {
    return undefined;
  }
}
