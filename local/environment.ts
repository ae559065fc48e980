import * as fs from "node:fs";
import { isIPv4 } from "node:net";
import * as path from "node:path";
import { cacheFolder } from "./cache";
import { readEntry, writeEnvironment } from "./environment-file";
import { withLock } from "./lock";
import { type Machine, thisMachine } from "./machine";
import { type Context, type Gateway, loopbackOnly, type Part, type Progress } from "./part";
import { docker, type Docker } from "./parts/docker";
import { objectStore, type ObjectStore } from "./parts/object-store";
import { plugins, type Plugin } from "./parts/plugins";
import { postgres, type Postgres } from "./parts/postgres";
import { pulumi, type Pulumi } from "./parts/pulumi";
import { proxy, type Proxy } from "./parts/proxy";
import { redis, type Redis } from "./parts/redis";
import { registry, type Registry } from "./parts/registry";
import { Ports } from "./ports";
import { purge } from "./purge";
import { Interrupted, type PartName, partNames, PartUnavailable } from "./source";
import { homeOf, writeJson } from "./state";

/** The embedded environment as it runs; `.rewind/environment.json` holds the same, secrets included. */
export interface LocalEnvironment {
  /** Six hex digits that tell this clone's environment from any other on the machine. */
  readonly id: string;
  /** The absolute state folder. */
  readonly folder: string;
  readonly pulumi: Pulumi;
  readonly plugins: readonly Plugin[];
  readonly docker: Docker;
  readonly registry: Registry;
  readonly postgres: Postgres;
  readonly objectStore: ObjectStore;
  readonly redis: Redis;
  readonly proxy: Proxy;
}

/** The parts that this machine could have, and why not the others. */
export interface Available {
  readonly environment: Pick<LocalEnvironment, "id" | "folder"> & Partial<LocalEnvironment>;
  readonly missing: readonly PartUnavailable[];
}

export interface Options {
  /** The repository's top folder. */
  readonly checkout: string;
  readonly progress?: (event: Progress) => void;
  /** Aborted to stop early, as by Ctrl-C: `up` then stops what it started and throws Interrupted. */
  readonly signal?: AbortSignal;
  /** Where REWIND_HOME, REWIND_CACHE and XDG_CACHE_HOME are looked up; the process's by default. */
  readonly env?: NodeJS.ProcessEnv;
  readonly machine?: Machine;
}

type Parts = { readonly [Name in PartName]: Part<LocalEnvironment[Name]> };
const parts: Parts = { pulumi, plugins, docker, registry, postgres, objectStore, redis, proxy };

/**
 * Brings the whole environment up and returns it. Parts that answer are left alone, the others start side by side.
 * @throws PartUnavailable when this machine cannot have a part; the others run. Interrupted when told to stop.
 */
export async function up(options: Options): Promise<LocalEnvironment> {
  const { environment, missing } = await upAvailable(options);
  if (missing[0] !== undefined) throw missing[0];
  return environment as LocalEnvironment;
}

/** As `up`, for whoever can do with less than the whole: names what is missing instead of throwing it. */
export async function upAvailable(options: Options): Promise<Available> {
  const { folder } = homeOf(options.checkout, (options.env ?? process.env).REWIND_HOME);
  prepare(folder);
  return await locked(folder, options, async () => {
    const started: PartName[] = [];
    const context = newContext(options, (name) => started.push(name));
    const results = await Promise.allSettled(partNames.map(async (name) => await context.ensured[name]));
    if (options.signal?.aborted === true) {
      await stopParts(context, started, options);
      throw new Interrupted();
    }
    const missing = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    const failure = missing.find((error): error is Error => !(error instanceof PartUnavailable));
    const found = partNames.flatMap((name, index) => {
      const result = results[index];
      return result?.status === "fulfilled" ? [[name, result.value] as const] : [];
    });
    const environment = { id: context.id, folder, ...Object.fromEntries(found) } as Available["environment"];
    writeEnvironment(folder, environment);
    if (failure !== undefined) throw failure;
    return { environment, missing: missing as PartUnavailable[] };
  });
}

/** Stops every process that `up` started. With `purge` everything that the environment kept is deleted, too. */
export async function down(options: Options & { readonly purge?: boolean }): Promise<void> {
  const { folder } = homeOf(options.checkout, (options.env ?? process.env).REWIND_HOME);
  if (!fs.existsSync(folder)) return;
  await locked(folder, options, async () => {
    await stopParts(newContext(options), partNames, options);
    fs.rmSync(path.join(folder, "environment.json"), { force: true });
    if (options.purge === true) await purge(folder);
  });
  if (options.purge === true) removeIfEmpty(folder);
}

export interface PartStatus {
  readonly part: PartName;
  /** `failing`: it was started and does not answer; `up` starts it again. */
  readonly state: "up" | "failing" | "down";
  /** What runs and where, without secrets. */
  readonly description: string;
}

/** Asks every part whether it answers; changes nothing. */
export async function status(options: Options): Promise<PartStatus[]> {
  const context = newContext(options);
  const ask = async (name: PartName): Promise<PartStatus> => {
    const part = parts[name] as Part<unknown>;
    const running = recorded(context, name);
    if (running === undefined) return { part: name, state: "down", description: "not started" };
    const description = `${part.describe(running)}${sourceOf(running)}`;
    return { part: name, state: (await part.answers(context, running)) ? "up" : "failing", description };
  };
  const first = await ask("docker");
  // An engine that does not answer cannot say where its bridge is; the others are judged by what they were started with.
  const gateway = recorded(context, "docker")?.gateway;
  context.announceGateway(
    gateway === undefined || !isIPv4(gateway)
      ? loopbackOnly
      : { listen: [...loopbackOnly.listen, gateway], forContainers: gateway },
  );
  return await Promise.all(partNames.map(async (name) => (name === "docker" ? first : await ask(name))));
}

type Ensured = { readonly [Name in PartName]: Promise<LocalEnvironment[Name]> };

/** The context of one run. Reading `ensured` begins the starting of parts, each once. */
function newContext(
  options: Options,
  starting: (name: PartName) => void = () => undefined,
): Context & { ensured: Ensured } {
  const env = options.env ?? process.env;
  const { id, folder } = homeOf(options.checkout, env.REWIND_HOME);
  const progress = options.progress ?? (() => undefined);
  const signal = options.signal ?? new AbortController().signal;
  let announceGateway: (gateway: Gateway) => void = () => undefined;
  const gateway = new Promise<Gateway>((resolve) => (announceGateway = resolve));
  const begun: Partial<Record<PartName, Promise<unknown>>> = {};
  const ensured = {} as Ensured;
  const context: Context & { ensured: Ensured } = {
    checkout: options.checkout,
    id,
    folder,
    cache: cacheFolder(env),
    machine:
      options.machine ??
      thisMachine((message) => {
        progress({ part: "environment", state: "note", message });
      }, signal),
    env,
    ports: new Ports(),
    signal,
    note: (part, message) => {
      progress({ part, state: "note", message });
    },
    gateway,
    announceGateway,
    get docker() {
      return ensured.docker.catch(() => undefined);
    },
    get pulumi() {
      return ensured.pulumi.catch(() => undefined);
    },
    ensured,
  };
  for (const name of partNames) {
    const get = (): unknown => (begun[name] ??= ensure(parts[name] as Part<unknown>, context, progress, starting));
    Object.defineProperty(ensured, name, { get });
  }
  return context;
}

/** Leaves a part alone that answers, and starts it otherwise. */
async function ensure<T>(
  part: Part<T>,
  context: Context,
  progress: (event: Progress) => void,
  starting: (name: PartName) => void,
): Promise<T> {
  const began = performance.now();
  const tell = (state: Progress["state"], message: string): void => {
    progress({ part: part.name, state, message, milliseconds: Math.round(performance.now() - began) });
  };
  try {
    const before = recorded(context, part.name) as T | undefined;
    if (before !== undefined && (await part.answers(context, before))) {
      tell("ready", `${part.describe(before)}, already up`);
      return before;
    }
    if (before !== undefined) context.note(part.name, "it does not answer any more and is started again");
    await part.stop(context);
    context.signal.throwIfAborted();
    starting(part.name);
    const running = await part.start(context);
    writeJson(recordOf(context, part.name), running);
    tell("ready", `${part.describe(running)}${sourceOf(running)}`);
    return running;
  } catch (error) {
    if (!context.signal.aborted) tell("failed", error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    // Without an engine there is no bridge to wait for.
    if (part.name === "docker") context.announceGateway(loopbackOnly);
  }
}

/** Docker goes last: a part may be a container on it. */
async function stopParts(context: Context, names: readonly PartName[], options: Options): Promise<void> {
  const stop = async (name: PartName): Promise<void> => {
    const ran = fs.existsSync(recordOf(context, name));
    await parts[name].stop(context);
    fs.rmSync(recordOf(context, name), { force: true });
    if (ran) options.progress?.({ part: name, state: "stopped", message: "stopped" });
  };
  await Promise.all(names.filter((name) => name !== "docker").map(stop));
  if (names.includes("docker")) await stop("docker");
}

function recordOf(context: Pick<Context, "folder">, name: PartName): string {
  return path.join(context.folder, name, "running.json");
}

function recorded<Name extends PartName>(context: Context, name: Name): LocalEnvironment[Name] | undefined {
  return readEntry(name, recordOf(context, name));
}

function sourceOf(running: unknown): string {
  const { source } = running as { source?: string };
  return source === undefined ? "" : ` (${source})`;
}

/** Nothing is left of a purged environment, unless somebody else put something there. */
function removeIfEmpty(folder: string): void {
  if (fs.existsSync(folder) && fs.readdirSync(folder).length === 0) fs.rmdirSync(folder);
}

/** Passable but not listable: PostgreSQL's user has to reach its own folder below. */
function prepare(folder: string): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.chmodSync(folder, 0o711);
}

async function locked<T>(folder: string, { progress, signal }: Options, work: () => Promise<T>): Promise<T> {
  const waiting = (pid: number): void => {
    progress?.({
      part: "environment",
      state: "note",
      message: `waiting for process ${pid}, which is at work on ${folder}`,
    });
  };
  try {
    return await withLock(path.join(folder, "lock"), work, { signal, waiting });
  } catch (error) {
    throw signal?.aborted === true ? new Interrupted() : error;
  }
}
