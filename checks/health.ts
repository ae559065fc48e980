import type Docker from "dockerode";
import { describeError } from "./probe";

/**
 * How long a health check may take at least, in milliseconds, whatever its own timeout says: it runs while everything else of
 * an update does, and Docker, too, lets several be late before it says so.
 */
const leastTimeout = 10_000;
/** Docker's own default. */
const usualTimeout = 30_000;

/** What is asked of a container that is waited for. */
export interface Awaited {
  /** Its id. */
  readonly container: string;
  /** How long it may take to be healthy, in milliseconds. */
  readonly patience: number;
}

/**
 * Whether a container runs and is healthy; undefined when it is, otherwise why not, as what it "is": `exited`,
 * `starting: its health check ends with 1`. Docker asks a container for the first time when a whole interval is over. Until
 * it has, its health check is run here, as Docker would.
 */
export async function whyUnhealthy(docker: Docker, id: string, signal?: AbortSignal): Promise<string | undefined> {
  const container = docker.getContainer(id);
  return await whyUnhealthyNow(container, await container.inspect(), signal);
}

/** The same of a container that was just looked at. */
export async function whyUnhealthyNow(
  container: Docker.Container,
  { State, Config }: Docker.ContainerInspectInfo,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (!State.Running || State.Restarting) return State.Status;
  const health = (State as { Health?: { Status: string } }).Health?.Status ?? "healthy";
  if (health !== "starting") return health === "healthy" ? undefined : health;
  const { Test = [], Timeout = 0 } = Config.Healthcheck ?? {};
  const command = commandOf(Test);
  if (command === undefined) return health;
  // Docker counts in nanoseconds, and 0 is its default.
  const timeout = Timeout === 0 ? usualTimeout : Math.max(Timeout / 1e6, leastTimeout);
  const code = await runIn(
    container,
    command,
    AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]),
  );
  return code === 0
    ? undefined
    : `${health}: its health check ${code === undefined ? "does not end" : `ends with ${code}`}`;
}

/** The command of a health check in Docker's form; undefined where there is none. */
function commandOf([kind, ...words]: readonly string[]): string[] | undefined {
  if (kind === "CMD") return words;
  return kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...words] : undefined;
}

/** Runs a command in a container. Returns its exit code; undefined when it has not ended in its time. */
async function runIn(container: Docker.Container, command: string[], signal: AbortSignal): Promise<number | undefined> {
  const run = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await run.start({});
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      stream.destroy();
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    stream.once("error", reject).once("close", resolve).once("end", resolve).resume();
    if (signal.aborted) end();
  });
  const { ExitCode } = (await run.inspect()) as { ExitCode: number | null };
  return ExitCode ?? undefined;
}

/** Between two questions, in milliseconds: at first, and at most. Each is a process in the container. */
const pauses = { first: 100, longest: 1_000 };

/**
 * Waits until containers are healthy, all at the same time, each asked at short intervals.
 * @param awaited by entry: `services/api`
 * @throws Error naming those that are not in their time, and what they are instead
 */
export async function untilHealthy(docker: Docker, awaited: Readonly<Record<string, Awaited>>): Promise<void> {
  const ends = await Promise.all(
    Object.entries(awaited).map(async ([entry, { container, patience }]) => {
      const deadline = performance.now() + patience;
      for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
        const why = await whyUnhealthy(docker, container).catch(describeError);
        if (why === undefined) return [];
        if (performance.now() + pause > deadline) return [`${entry}: ${why}`];
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }),
  );
  const unhealthy = ends.flat();
  if (unhealthy.length === 0) return;
  const seconds = Math.max(...Object.values(awaited).map(({ patience }) => patience)) / 1_000;
  throw new Error(
    `not healthy within ${seconds} s, what ran before still runs: ${unhealthy.join("; ")}; docker logs says more`,
  );
}
