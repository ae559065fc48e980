import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asIdentity, isAlive, type ProcessIdentity, startOf } from "./identity";
import { lastWords } from "./run";
import { readJson, writeJson } from "./state";

export interface DaemonOptions {
  /** The part's folder; `log` and `process.json` are kept here. */
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** What nobody else may do with the files that it makes; 0o077 is everything. */
  readonly umask?: number;
  /** Whether it answers yet. Asked again and again until it does. */
  readonly ready: () => Promise<boolean>;
  /** Milliseconds until it must answer. */
  readonly within: number;
  readonly signal?: AbortSignal;
}

const largestLog = 5_000_000;

/**
 * Starts a server that outlives this process, and returns when it answers. Its id is on disk before anything is
 * awaited, so that whatever happens next, `stopDaemon` finds it.
 * @throws Error with the end of its log when it ends or does not answer in time; it is stopped then
 */
export async function startDaemon(options: DaemonOptions): Promise<void> {
  fs.mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const log = path.join(options.folder, "log");
  const handle = openLog(log);
  const { size } = fs.fstatSync(handle);
  // A child has its parent's, and Node sets none for it alone.
  const umask = options.umask === undefined ? undefined : process.umask(options.umask);
  const child = spawn(options.command, options.args, {
    cwd: "/",
    detached: true,
    stdio: ["ignore", handle, handle],
    env: options.env ?? process.env,
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  if (umask !== undefined) process.umask(umask);
  fs.closeSync(handle);
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, killedBy) => {
    ended = `it ended with ${code ?? killedBy ?? "unknown"}`;
  });
  if (child.pid !== undefined) {
    writeJson(recordOf(options.folder), {
      pid: child.pid,
      started: startOf(child.pid) ?? "",
      command: options.command,
    });
  }
  child.unref();
  try {
    await untilReady(options, () => ended);
  } catch (error) {
    await stopDaemon(options.folder);
    options.signal?.throwIfAborted();
    const said = fs.readFileSync(log).subarray(size);
    throw new Error(`${path.basename(options.command)} did not start: ${(error as Error).message}: ${lastWords(said)}`);
  }
}

async function untilReady(options: DaemonOptions, ended: () => string | undefined): Promise<void> {
  const deadline = performance.now() + options.within;
  for (let pause = 10; !(await options.ready()); pause = Math.min(pause * 1.5, 100)) {
    options.signal?.throwIfAborted();
    const end = ended();
    if (end !== undefined) throw new Error(end);
    if (performance.now() > deadline) throw new Error(`it did not answer within ${options.within / 1000} s`);
    await sleep(pause);
  }
}

/** The server that the folder's record names, if it still runs. */
export function runningDaemon(folder: string): ProcessIdentity | undefined {
  const identity = asIdentity(readJson(recordOf(folder)));
  return identity !== undefined && isAlive(identity) ? identity : undefined;
}

/**
 * Stops the server that the folder's record names, and only that process: an id that has gone to another process
 * since is left alone. Asks with `signal` first and ends it after `grace` milliseconds.
 */
export async function stopDaemon(folder: string, signal: NodeJS.Signals = "SIGTERM", grace = 15_000): Promise<void> {
  const identity = runningDaemon(folder);
  if (identity !== undefined) {
    send(identity, signal);
    const deadline = performance.now() + grace;
    while (isAlive(identity)) {
      if (performance.now() > deadline) send(identity, "SIGKILL");
      await sleep(20);
    }
  }
  fs.rmSync(recordOf(folder), { force: true });
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function recordOf(folder: string): string {
  return path.join(folder, "process.json");
}

/** Opens a log for appending; a large one is put aside first, in place of the one that was put aside before. */
function openLog(log: string): number {
  if (fs.existsSync(log) && fs.statSync(log).size > largestLog) fs.renameSync(log, `${log}.1`);
  return fs.openSync(log, "a", 0o600);
}
