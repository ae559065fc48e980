import { randomUUID } from "node:crypto";
import type { dynamic } from "@pulumi/pulumi";
import { createClient } from "redis";
import type { CacheClearingInputs } from "./cache-clearing";

/** Clears the keys for the first time. */
export async function create(inputs: CacheClearingInputs): Promise<dynamic.CreateResult<CacheClearingInputs>> {
  await clear(inputs);
  return { id: randomUUID(), outs: inputs };
}

/** Clears the keys again. */
export async function update(news: CacheClearingInputs): Promise<dynamic.UpdateResult<CacheClearingInputs>> {
  await clear(news);
  return { outs: news };
}

/** Walks the keys with SCAN, which never blocks the server, and unlinks what matches. */
async function clear({ url, keys }: CacheClearingInputs): Promise<void> {
  const cache = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 5_000 } });
  // Without a listener a broken connection would end the process; the pending command rejects with the same error.
  cache.on("error", () => undefined);
  await cache.connect();
  try {
    for (const MATCH of keys) {
      for await (const found of cache.scanIterator({ MATCH, COUNT: 1_000 })) {
        if (found.length > 0) await cache.unlink(found);
      }
    }
  } finally {
    await cache.close();
  }
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<CacheClearingInputs, CacheClearingInputs> = {
  create,
  update: (_id, _olds, news) => update(news),
  delete: () => Promise.resolve(),
};
