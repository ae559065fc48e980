import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { dynamic } from "@pulumi/pulumi";
import { connectRedis, type RedisClient } from "../checks/redis";
import { cancel, endIdleWorkers, runningJobs, suspend, waitingJobs, type Cancelled } from "../checks/rq";
import { cancelledKey } from "../release/jobs";
import type { JobCancellingInputs } from "./jobs";

/** On a stack that is new to these queues nothing belongs to another release: the workers only wait for the verdict. */
export async function create(inputs: JobCancellingInputs): Promise<dynamic.CreateResult<JobCancellingInputs>> {
  await withRedis(inputs, (redis) => disable(redis, inputs));
  return { id: randomUUID(), outs: inputs };
}

/** Suspends the workers, and cancels everything when what makes the jobs has moved. */
export async function update(
  olds: JobCancellingInputs,
  news: JobCancellingInputs,
): Promise<dynamic.UpdateResult<JobCancellingInputs>> {
  await withRedis(news, async (redis) => {
    await disable(redis, news);
    if (olds.digest !== news.digest) for (const queue of news.queues) await empty(redis, queue, news);
  });
  return { outs: news };
}

async function disable(redis: RedisClient, { mark, queues, supervised }: JobCancellingInputs): Promise<void> {
  await suspend(redis, mark);
  if (supervised) for (const queue of queues) await endIdleWorkers(redis, queue);
}

/**
 * Cancels until nothing waits and nothing runs: a job that stops may let others go that waited for it, and a worker may
 * have held one in its hands.
 */
async function empty(redis: RedisClient, queue: string, inputs: JobCancellingInputs): Promise<void> {
  const until = performance.now() + inputs.graceMilliseconds;
  for (;;) {
    await record(redis, queue, await cancel(redis, queue), inputs);
    const running = await runningJobs(redis, queue);
    if (running.length === 0 && (await waitingJobs(redis, queue)) === 0) return;
    if (performance.now() > until) {
      const named = running.slice(0, 5).map(({ id, worker }) => `${id} on ${worker}`);
      throw new Error(
        `queue ${queue} is not empty ${inputs.graceMilliseconds / 1_000} s after its jobs were cancelled` +
          `${named.length > 0 ? `: ${named.join(", ")} did not stop` : ""}; the workers stay suspended`,
      );
    }
    await sleep(100);
  }
}

/** What was cancelled is told for a day, whoever did it: an update that was interrupted adds to it when it goes on. */
async function record(
  redis: RedisClient,
  queue: string,
  cancelled: Cancelled,
  { mark, digest }: JobCancellingInputs,
): Promise<void> {
  const places = Object.entries(cancelled) as [keyof Cancelled, readonly string[]][];
  const fields = places.flatMap(([place, ids]) => ids.map((id): [string, string] => [id, `${queue} ${place}`]));
  const key = cancelledKey(mark, digest);
  for (let at = 0; at < fields.length; at += 1_000) {
    await redis.hSet(key, Object.fromEntries(fields.slice(at, at + 1_000)));
  }
  if (fields.length > 0) await redis.expire(key, 86_400);
}

async function withRedis(inputs: JobCancellingInputs, work: (redis: RedisClient) => Promise<void>): Promise<void> {
  const redis = await connectRedis(inputs.url);
  try {
    await work(redis);
  } finally {
    redis.destroy();
  }
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<JobCancellingInputs, JobCancellingInputs> = {
  create,
  update: (_id, olds, news) => update(olds, news),
  delete: () => Promise.resolve(),
};
