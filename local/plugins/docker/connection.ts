import type Docker from "dockerode";

/** Where a Docker engine listens, from `unix://`, `npipe://`, `tcp://` or `http(s)://`; an error names what is wrong. */
export function addressOf(host: string): Docker.DockerOptions {
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1];
  if (socket !== undefined) return { socketPath: socket };
  const { protocol, hostname, port } = /^(?:tcp|https?):\/\//.test(host) ? new URL(host) : { protocol: "" };
  if (protocol === "" || !hostname) {
    throw new Error(`docker host "${host}": expected unix:///path/to/docker.sock or tcp://host:port`);
  }
  const secure = protocol === "https:";
  return { protocol: secure ? "https" : "http", host: hostname, port: port || (secure ? 2376 : 2375) };
}

/** Whether the engine answered that there is no such thing. */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404;
}

/** The HTTP status of the engine's answer, if the error is one. */
export function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" ? status : undefined;
}
