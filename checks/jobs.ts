import { areDisabled, cancelledKey, jobsDigest, markOf } from "../release/jobs";
import type { Settings } from "../release/parse";
import type { Jobs } from "../release/schema/jobs";
import type { Clients } from "./clients";
import type { Measurement, Probe } from "./probe";
import { connectRedis, type RedisClient } from "./redis";
import { runningJobs, suspendedBy } from "./rq";

/** What is asked of background jobs after a change: nothing of the release that left runs, and which jobs were cancelled. */
export function jobsProbes({ environment, pinned }: Settings, clients: Clients): Probe[] {
  return Object.entries(environment.jobs ?? {}).map(([name, jobs]) => {
    const mark = markOf(environment.name, name);
    const disabled = areDisabled(jobs, pinned);
    const key = cancelledKey(mark, jobsDigest(pinned));
    return {
      name: `jobs ${name}`,
      ask: async () => {
        const redis = await connectRedis(clients.secret(jobs.url));
        try {
          return await measureJobs(redis, jobs, disabled, key);
        } finally {
          redis.destroy();
        }
      },
    };
  });
}

async function measureJobs(redis: RedisClient, jobs: Jobs, disabled: boolean, key: string): Promise<Measurement> {
  const by = await suspendedBy(redis);
  if (disabled && by === undefined) {
    return { result: "failed", evidence: `${jobs.disabledBy ?? ""} is on, but nothing suspends the workers` };
  }
  // Suspended workers finish nothing that was not there before; jobs that they run now began before the change.
  const running =
    by === undefined ? [] : (await Promise.all(jobs.queues.map((queue) => runningJobs(redis, queue)))).flat();
  if (running.length > 0) {
    const named = running.slice(0, 5).map(({ id, worker }) => `${id} on ${worker}`);
    return { result: "failed", evidence: `the workers are suspended, but still run ${named.join(", ")}` };
  }
  return {
    result: "passed",
    evidence: `${workersTold(by, disabled)}; ${cancelledTold(await redis.hGetAll(key), key)}`,
  };
}

function workersTold(by: string | undefined, disabled: boolean): string {
  if (by === undefined) return "workers are enabled";
  if (disabled) return "workers are disabled by the toggle";
  return by.startsWith("rewind:") ? "workers wait for the verdict" : `workers were suspended by ${by}, and stay so`;
}

/** `cancelled 1 running, 250 queued (id, id, …; all in KEY)`. */
function cancelledTold(jobs: Readonly<Record<string, string>>, key: string): string {
  const ids = Object.keys(jobs);
  if (ids.length === 0) return "no job was cancelled";
  const places = Object.values(jobs).map((place) => place.split(" ")[1] ?? "");
  const counts = ["running", "queued", "deferred", "scheduled"].flatMap((place) => {
    const count = places.filter((each) => each === place).length;
    return count === 0 ? [] : [`${count} ${place}`];
  });
  return `cancelled ${counts.join(", ")} (${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""}; all in ${key})`;
}
