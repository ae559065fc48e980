import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cacheFolder, fromCache } from "../../local/cache";
import { run } from "../../local/run";
import { checkout } from "./local-home";

/** RQ as it is on PyPI, in an environment of its own. */
export interface Rq {
  /** A worker of one queue; ended by `stop`. */
  worker(queue: string, name: string): ChildProcess;
  /** Enqueues jobs and returns their ids. Those that run count in the Redis key. */
  enqueue(queue: string, count: number, kind: Kind, key: string): Promise<string[]>;
  /** What RQ itself says of each job. */
  statuses(ids: readonly string[]): Promise<(string | null)[]>;
  stop(): Promise<void>;
}
export type Kind = "short" | "long" | "scheduled" | "deferred";

const version = "2.12.0";
const folder = join(checkout, "tests", "fixtures", "rq");

/** Installs RQ once per machine. Skips the test where Python or the package cannot be had, with the reason. */
export async function rqFor(test: Mocha.Context, url: string): Promise<Rq> {
  const python = await installed().catch((error: unknown) => {
    if (process.env.REWIND_SKIP_NOTHING === "1") throw error;
    const told = test.test ?? test.currentTest;
    if (told !== undefined) told.title += ` (skipped: RQ ${version} cannot be had: ${String(error).slice(0, 200)})`;
    return test.skip();
  });
  // A URL with a password has no place among a process's arguments.
  const options = { cwd: folder, env: { ...process.env, REDIS_URL: url, PYTHONDONTWRITEBYTECODE: "1" } };
  const workers: ChildProcess[] = [];
  return {
    worker: (queue, name) => {
      const worker = spawn(python, ["jobs.py", "worker", queue, name], { ...options, stdio: "ignore" });
      workers.push(worker);
      return worker;
    },
    enqueue: async (queue, count, kind, key) =>
      JSON.parse(await run(python, ["jobs.py", "enqueue", queue, String(count), kind, key], options)) as string[],
    statuses: async (ids) =>
      JSON.parse(await run(python, ["jobs.py", "status", "any"], { ...options, input: JSON.stringify(ids) })) as (
        string | null
      )[],
    stop: async () => {
      for (const worker of workers) {
        if (worker.exitCode !== null || worker.signalCode !== null) continue;
        const ended = once(worker, "exit");
        worker.kill("SIGKILL");
        await ended;
      }
    },
  };
}

async function installed(): Promise<string> {
  const found = await fromCache(cacheFolder(process.env), `rq-${version}`, async (temporary) => {
    await run("python3", ["-m", "venv", temporary]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `rq==${version}`];
    await run(join(temporary, "bin", "python"), pip);
  });
  return join(found, "bin", "python");
}
