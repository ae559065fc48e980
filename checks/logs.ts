import type Docker from "dockerode";
import type { Settings } from "../release/parse";
import { asContainers, nameInSwarm } from "../release/runtime";
import type { Logs } from "../release/schema/verification";
import { counted, shortened } from "../release/text";
import type { Clients } from "./clients";
import type { Containers } from "./containers";
import { searchLines } from "./line-search";
import type { Measurement } from "./probe";

/** Which lines are asked for: those since a moment, in seconds since 1970, and of them the newest. */
export interface LogQuery {
  readonly since: number;
  readonly tail: number;
}

/** Sends the lines of a container, or of all tasks of a service, as the Docker engine frames them. */
export type LogSource = (query: LogQuery, signal: AbortSignal) => Promise<AsyncIterable<Buffer>>;

/** The newest lines of each that are looked at. */
const newest = 10_000;
/** Of a longer line, in bytes, the rest is not looked at: who writes it decides how long it is. */
const longestLine = 4_096;

/**
 * The lines of the container, or of the service of a swarm, that an entry runs as.
 * @throws Error when it has no container
 */
export function logSource(
  { environment }: Pick<Settings, "environment">,
  { docker }: Pick<Clients, "docker">,
  entry: string,
  containers: Containers,
): LogSource {
  const [facet, name = ""] = entry.split("/") as ["services" | "functions", string?];
  if (!asContainers(environment, facet)) return streamOf(docker, `/services/${nameInSwarm(environment, name)}`);
  const id = containers[entry];
  if (id === undefined) throw new Error(`${entry} has no container`);
  return streamOf(docker, `/containers/${id}`);
}

/** The client has what an engine wrote only as a whole, which may be more than this machine has memory for. */
function streamOf(docker: Docker, of: string): LogSource {
  return ({ since, tail }, abortSignal) =>
    new Promise((resolve, reject) => {
      const request = {
        path: `${of}/logs?`,
        method: "GET",
        isStream: true,
        abortSignal,
        options: { stdout: true, stderr: true, follow: false, since, tail },
        statusCodes: { 200: true, 404: "no such container or service", 500: "server error" },
      };
      const modem = docker.modem as { dial(request: object, done: (error: unknown, stream: unknown) => void): void };
      modem.dial(request, (error, stream) => {
        if (error instanceof Error) reject(error);
        else resolve(stream as AsyncIterable<Buffer>);
      });
    });
}

/**
 * Whether something was written, since a release was applied, that should not have been.
 * @param since when that was, ISO 8601; everything that is there counts when undefined
 */
export async function measureLogs(
  source: LogSource,
  { of, without }: Pick<Logs, "of" | "without">,
  since: string | undefined,
  signal: AbortSignal,
): Promise<Measurement> {
  const from = since === undefined ? 0 : Math.floor(Date.parse(since) / 1_000);
  const lines: string[] = [];
  for await (const line of linesIn(await source({ since: from, tail: newest }, signal))) lines.push(line);
  const { count, first } = await searchLines(lines, without, signal);
  return first === undefined
    ? { result: "passed", evidence: `${counted(lines.length, "line")} of ${of}, none with ${without}` }
    : { result: "failed", evidence: `${count} of ${lines.length} lines of ${of}: ${shortened(first)}` };
}

/** The lines that are not empty, of what a Docker engine sends; of a long one its beginning. */
export async function* linesIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let line: Buffer[] = [];
  let length = 0;
  const keep = (piece: Buffer): void => {
    const kept = piece.subarray(0, longestLine - length);
    if (kept.length > 0) line.push(kept);
    length += kept.length;
  };
  const end = (): string => {
    const text = Buffer.concat(line).toString("utf8");
    [line, length] = [[], 0];
    return text;
  };
  for await (const text of unframed(chunks)) {
    let from = 0;
    for (let to = text.indexOf(newline); to >= 0; to = text.indexOf(newline, from)) {
      keep(text.subarray(from, to));
      const whole = end();
      if (whole !== "") yield whole;
      from = to + 1;
    }
    keep(text.subarray(from));
  }
  const last = end();
  if (last !== "") yield last;
}

const newline = 0x0a;
const headLength = 8;

/**
 * The text of what a Docker engine sends of a container without a terminal: frames of one byte for the stream, three
 * that are zero, four for the length, and so many bytes. One with a terminal sends its text as it is.
 */
async function* unframed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  /** How much of the present frame is still to come. */
  let left = 0;
  let framed = true;
  for await (const chunk of chunks) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    while (framed && bytes.length > 0) {
      if (left > 0) {
        const part = bytes.subarray(0, left);
        yield part;
        left -= part.length;
        bytes = bytes.subarray(part.length);
      } else if (!beginsFrame(bytes)) framed = false;
      else if (bytes.length < headLength) {
        rest = Buffer.from(bytes);
        break;
      } else {
        left = bytes.readUInt32BE(4);
        bytes = bytes.subarray(headLength);
      }
    }
    if (!framed) yield bytes;
  }
  if (rest.length > 0) yield rest;
}

/** Whether a frame may begin like this: as far as it has come. */
const beginsFrame = (bytes: Buffer): boolean =>
  (bytes[0] ?? 0) <= 2 && bytes.subarray(1, 4).every((byte) => byte === 0);
