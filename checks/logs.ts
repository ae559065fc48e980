import type Docker from "dockerode";
import type { Settings } from "../release/parse";
import { asContainers, nameInSwarm } from "../release/runtime";
import type { Logs } from "../release/schema/verification";
import type { Clients } from "./clients";
import type { Containers } from "./containers";
import type { Measurement } from "./probe";

/** What writes the lines that are looked at. */
type LogSource = Pick<Docker.Container | Docker.Service, "logs">;

/** The newest lines of each that are looked at. */
const newest = 10_000;

/**
 * The container, or the service of a swarm, that an entry runs as.
 * @throws Error when it has no container
 */
export function logSource(
  { environment }: Pick<Settings, "environment">,
  { docker }: Pick<Clients, "docker">,
  entry: string,
  containers: Containers,
): LogSource {
  const [facet, name = ""] = entry.split("/") as ["services" | "functions", string?];
  if (!asContainers(environment, facet)) return docker.getService(nameInSwarm(environment, name));
  const id = containers[entry];
  if (id === undefined) throw new Error(`${entry} has no container`);
  return docker.getContainer(id);
}

/**
 * Whether something was written, since a release was applied, that should not have been.
 * @param since when that was, ISO 8601; everything that is there counts when undefined
 */
export async function measureLogs(
  source: LogSource,
  { of, without }: Pick<Logs, "of" | "without">,
  since: string | undefined,
): Promise<Measurement> {
  const from = since === undefined ? 0 : Math.floor(Date.parse(since) / 1_000);
  // Without `follow` the answer comes as a whole; the types know only the stream.
  const raw = (await source.logs({ stdout: true, stderr: true, since: from, tail: newest, follow: false })) as unknown;
  const lines = textOf(raw as Buffer)
    .split("\n")
    .filter((line) => line !== "");
  const pattern = new RegExp(without, "u");
  const found = lines.filter((line) => pattern.test(line));
  const [first] = found;
  return first === undefined
    ? { result: "passed", evidence: `${lines.length} lines of ${of}, none with ${without}` }
    : { result: "failed", evidence: `${found.length} of ${lines.length} lines of ${of}: ${shortened(first)}` };
}

/** At most three hundred characters; where some are missing there is a `…`, before which secrets are looked for, too. */
const shortened = (line: string): string => (line.length > 300 ? `${line.slice(0, 299)}…` : line);

/**
 * The text of what a Docker engine sends of a container without a terminal: frames of one byte for the stream, three
 * that are zero, four for the length, and so many bytes. One with a terminal sends its text as it is.
 */
export function textOf(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < raw.length;) {
    const isFrame = raw.length - at >= 8 && (raw[at] ?? 3) <= 2 && raw.readUIntBE(at + 1, 3) === 0;
    if (!isFrame) return raw.toString("utf8");
    const length = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString("utf8");
}
