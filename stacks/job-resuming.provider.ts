import { randomUUID } from "node:crypto";
import type { dynamic } from "@pulumi/pulumi";
import { connectRedis } from "../checks/redis";
import { resume } from "../checks/rq";
import type { JobResumingInputs } from "./jobs";

/** Lets the workers go on for the first time. */
export async function create(inputs: JobResumingInputs): Promise<dynamic.CreateResult<JobResumingInputs>> {
  await enable(inputs);
  return { id: randomUUID(), outs: inputs };
}

/** Lets the workers go on again. */
export async function update(news: JobResumingInputs): Promise<dynamic.UpdateResult<JobResumingInputs>> {
  await enable(news);
  return { outs: news };
}

/** A toggle that is on keeps them disabled, and so does whoever suspended them before Rewind did. */
async function enable({ url, mark, disabled }: JobResumingInputs): Promise<void> {
  if (disabled) return;
  const redis = await connectRedis(url);
  try {
    await resume(redis, mark);
  } finally {
    redis.destroy();
  }
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<JobResumingInputs, JobResumingInputs> = {
  create,
  update: (_id, _olds, news) => update(news),
  delete: () => Promise.resolve(),
};
