import type { RedisClient } from "./redis";

/*
 * The data model of RQ 2 (https://python-rq.org), as much as cancelling needs: a queue is a list of job ids, a job a
 * hash, and a job that does not wait any more stands in one of its queue's registries, sorted sets scored by time.
 */

/** As much of a Redis client as is needed. */
export type Redis = Pick<RedisClient, "eval" | "sendCommand">;

/** The jobs of one queue that were cancelled, by where they stood. */
export interface Cancelled {
  readonly queued: readonly string[];
  readonly deferred: readonly string[];
  readonly scheduled: readonly string[];
  /** Those that ran and were told to stop. */
  readonly running: readonly string[];
}

/** Workers that find this key wait before they take another job; `rq suspend` sets the same. */
const suspendedKey = "rq:suspended";
const jobKey = "rq:job:";
const batch = 1_000;
/** What was cancelled can be looked at for a day at least. */
const keptSeconds = 86_400;

const suspendScript = `
if redis.call('exists', KEYS[1]) == 0 then redis.call('set', KEYS[1], ARGV[1]) end
return redis.call('get', KEYS[1])`;

const resumeScript = `
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0`;

/**
 * One batch, whole or not at all: the ids leave their place, the jobs become canceled and enter the registry of canceled
 * ones as \`job.cancel()\` does it, and what they were asked to do stays readable for a day at least.
 */
const cancelScript = `
local ids
if ARGV[1] == 'list' then ids = redis.call('lrange', KEYS[1], 0, ARGV[4] - 1)
else ids = redis.call('zrange', KEYS[1], 0, ARGV[4] - 1) end
local now = redis.call('time')[1]
for _, id in ipairs(ids) do
  local job = ARGV[2] .. id
  if redis.call('exists', job) == 1 then
    redis.call('hset', job, 'status', 'canceled')
    local left = redis.call('ttl', job)
    if left >= 0 and left < tonumber(ARGV[3]) then redis.call('expire', job, ARGV[3]) end
    redis.call('zadd', KEYS[2], now, id)
  end
  if ARGV[1] == 'zset' then redis.call('zrem', KEYS[1], id) end
end
if ARGV[1] == 'list' and #ids > 0 then redis.call('ltrim', KEYS[1], #ids, -1) end
return ids`;

/**
 * Suspends every worker on this Redis, unless it is suspended already: it finishes the job that it has and takes no
 * other. An idle worker that already waits for a job takes one more before it looks.
 * @returns what suspends the workers: `mark`, or what somebody else wrote before
 */
export async function suspend(redis: Redis, mark: string): Promise<string> {
  return textOf(await redis.eval(suspendScript, { keys: [suspendedKey], arguments: [mark] }));
}

/** Lets the workers go on if it was `mark` that suspended them. @returns whether it was */
export async function resume(redis: Redis, mark: string): Promise<boolean> {
  return Number(await redis.eval(resumeScript, { keys: [suspendedKey], arguments: [mark] })) === 1;
}

/** What suspends the workers, undefined when nothing does. */
export async function suspendedBy(redis: Redis): Promise<string | undefined> {
  const value: unknown = await redis.sendCommand(["GET", suspendedKey]);
  return value === null ? undefined : textOf(value);
}

/** Cancels what waits in a queue, for another job or for its time, in batches; tells the workers to stop what runs. */
export async function cancel(redis: Redis, queue: string): Promise<Cancelled> {
  // What runs comes first: a job that ends puts what waited for it into the queue.
  const running = await runningJobs(redis, queue);
  for (const { id, worker } of running) await tell(redis, worker, { command: "stop-job", job_id: id });
  const scheduled = await cancelAll(redis, "zset", `rq:scheduled:${queue}`, queue);
  const deferred = await cancelAll(redis, "zset", `rq:deferred:${queue}`, queue);
  const queued = await cancelAll(redis, "list", `rq:queue:${queue}`, queue);
  return { queued, deferred, scheduled, running: running.map(({ id }) => id) };
}

async function cancelAll(redis: Redis, kind: "list" | "zset", key: string, queue: string): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const keys = [key, `rq:canceled:${queue}`];
    const found = await redis.eval(cancelScript, {
      keys,
      arguments: [kind, jobKey, String(keptSeconds), String(batch)],
    });
    const ids = (found as unknown[]).map(textOf);
    all.push(...ids);
    if (ids.length < batch) return all;
  }
}

/** The jobs of a queue that run, each with its worker. */
export async function runningJobs(redis: Redis, queue: string): Promise<{ id: string; worker: string }[]> {
  // An entry is the job and its execution, `id:execution`; an id holds no colon.
  const entries = await texts(redis, "ZRANGE", `rq:wip:${queue}`, "0", "-1");
  const ids = [...new Set(entries.map((entry) => entry.split(":")[0] ?? ""))];
  const found: { id: string; worker: string }[] = [];
  for (const id of ids) {
    const [worker] = await texts(redis, "HMGET", `${jobKey}${id}`, "worker_name");
    // An entry whose worker has died is left to RQ, which moves it to the failed ones.
    if (worker === undefined || worker === "") continue;
    if (Number(await redis.sendCommand(["EXISTS", `rq:worker:${worker}`])) === 1) found.push({ id, worker });
  }
  return found;
}

/** How many jobs of a queue wait: for a worker, in the hands of one, for another job, and for their time. */
export async function waitingJobs(redis: Redis, queue: string): Promise<number> {
  const counts = await Promise.all([
    redis.sendCommand(["LLEN", `rq:queue:${queue}`]),
    redis.sendCommand(["LLEN", `rq:queue:${queue}:intermediate`]),
    redis.sendCommand(["ZCARD", `rq:deferred:${queue}`]),
    redis.sendCommand(["ZCARD", `rq:scheduled:${queue}`]),
  ]);
  return counts.reduce<number>((total, count) => total + Number(count), 0);
}

/** Ends the workers of a queue that are idle; whatever supervises them starts them again, suspended. @returns how many */
export async function endIdleWorkers(redis: Redis, queue: string): Promise<number> {
  let ended = 0;
  for (const key of await texts(redis, "SMEMBERS", `rq:workers:${queue}`)) {
    const [state] = await texts(redis, "HMGET", key, "state");
    if (state !== "idle") continue;
    await tell(redis, key.replace(/^rq:worker:/, ""), { command: "shutdown" });
    ended += 1;
  }
  return ended;
}

async function tell(redis: Redis, worker: string, command: Readonly<Record<string, string>>): Promise<void> {
  await redis.sendCommand(["PUBLISH", `rq:pubsub:${worker}`, JSON.stringify(command)]);
}

/** The answer of a command that gives a list; what is not there is an empty text. */
async function texts(redis: Redis, ...command: string[]): Promise<string[]> {
  const answer = (await redis.sendCommand(command)) as unknown as readonly unknown[];
  return answer.map(textOf);
}

/** A text of an answer; what is not there is an empty one. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
