import { join } from "node:path";
import { dockerAt } from "../checks/clients";
import { cacheFolder } from "../local/cache";
import { down, status, up, type LocalEnvironment } from "../local/environment";
import { readEnvironment } from "../local/environment-file";
import { publishFrontends } from "../local/frontend";
import { buildImages } from "../local/images";
import { shellExports, type Shell } from "../local/shell";
import { writeStackFile } from "../local/stack-file";
import { homeOf } from "../local/state";
import { environmentVariables } from "../local/variables";
import { exitCodes } from "./exit-codes";
import type { LocalDownJson, LocalEnvJson, LocalStatusJson, LocalUpJson } from "./json/embedded";
import { coloured, duration } from "./report";
import { Refusal, type Tell, type VerbResult } from "./result";

/** What the verbs of the embedded environment need. */
export interface LocalOptions {
  /** The checkout. */
  readonly folder: string;
  readonly tell: Tell;
  readonly signal: AbortSignal;
  /** The stack whose file is made true to the environment; `local` unless said. */
  readonly stack?: string;
}

/** `rewind local up`: every part, the images, the stack file. What is there already is left alone. */
export async function localUp(options: LocalOptions): Promise<VerbResult<LocalUpJson>> {
  const started = performance.now();
  const environment = await bringUp(options);
  const took = duration(performance.now() - started);
  const text = [
    `The embedded environment is up (${took}), the stack \`${options.stack ?? "local"}\` is ready.`,
    `For plain pulumi in this shell: eval "$(npx --no rewind local env)"`,
    `Then: pulumi up`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: withoutSecrets(environment) };
}

/** Brings the embedded environment up and makes the local stack true to it. */
export async function bringUp({ folder, tell, signal, stack = "local" }: LocalOptions): Promise<LocalEnvironment> {
  const environment = await up({ checkout: folder, signal, progress: progressLines(tell) });
  const started = performance.now();
  const images = await buildImages({
    docker: dockerAt(environment.docker.host),
    registry: environment.registry.address,
    cacheFolder: join(cacheFolder(process.env), environment.id),
    progress: (line) => {
      tell(partLine("…", "images", line));
    },
  });
  const variables = environmentVariables(environment, folder);
  const builds = await publishFrontends(environment.objectStore, join(environment.folder, "frontend"));
  await writeStackFile(folder, environment, images, variables, stack, builds);
  tell(
    partLine(
      coloured("green", "✓"),
      "images",
      `three versions of scoring, and of its frontend`,
      performance.now() - started,
    ),
  );
  return environment;
}

/** `rewind local down`: stops what `up` started; `purge` deletes what it kept, too. */
export async function localDown(
  { folder, tell, signal }: LocalOptions,
  purge: boolean,
): Promise<VerbResult<LocalDownJson>> {
  await down({ checkout: folder, signal, purge, progress: progressLines(tell) });
  const text = purge ? "Stopped, and everything deleted." : "Stopped; what it kept is still there.";
  return { code: exitCodes.ok, text, json: { purged: purge } };
}

/** `rewind local status`: each part, whether it answers, and where it came from. */
export async function localStatus({ folder }: LocalOptions): Promise<VerbResult<LocalStatusJson>> {
  const parts = await status({ checkout: folder });
  const marks = { up: coloured("green", "✓"), failing: coloured("red", "✗"), down: "·" };
  const lines = parts.map(({ part, state, description }) => partLine(marks[state], part, `${state}: ${description}`));
  const allUp = parts.every(({ state }) => state === "up");
  return { code: allUp ? exitCodes.ok : exitCodes.error, text: lines.join("\n"), json: parts };
}

/** `rewind local env`: the variables that plain `pulumi` needs, for the shell to evaluate. */
export function localEnv(folder: string, shell: Shell): VerbResult<LocalEnvJson> {
  const variables = localVariables(folder);
  if (variables === undefined) throw new Refusal("the embedded environment is not up", "rewind local up");
  return { code: exitCodes.ok, text: shellExports(variables, shell).trimEnd(), json: variables };
}

/** The variables of the embedded environment, undefined when it is not up. */
export function localVariables(folder: string): Record<string, string> | undefined {
  const environment = readEnvironment(homeOf(folder, process.env.REWIND_HOME).folder);
  return environment === undefined ? undefined : environmentVariables(environment, folder);
}

function progressLines(tell: Tell): NonNullable<Parameters<typeof up>[0]["progress"]> {
  const marks = { note: "…", ready: coloured("green", "✓"), failed: coloured("red", "✗"), stopped: "·" };
  return ({ part, state, message, milliseconds }) => {
    tell(partLine(marks[state], part, message, milliseconds));
  };
}

function partLine(mark: string, part: string, message: string, milliseconds?: number): string {
  const time = milliseconds === undefined ? "" : ` ${(milliseconds / 1_000).toFixed(1)} s`;
  return `  ${mark} ${part.padEnd(12)} ${message}${time}`;
}

/** What may be printed of an environment: no password, no key. */
function withoutSecrets({
  id,
  folder,
  pulumi,
  plugins,
  docker,
  registry,
  postgres,
  objectStore,
  redis,
}: LocalEnvironment) {
  return {
    id,
    folder,
    pulumi: { bin: pulumi.bin, version: pulumi.version, source: pulumi.source },
    plugins,
    docker,
    registry,
    postgres: { host: postgres.host, port: postgres.port, version: postgres.version, source: postgres.source },
    objectStore: { endpoint: objectStore.endpoint, source: objectStore.source },
    redis: { host: redis.host, port: redis.port, source: redis.source },
  };
}
