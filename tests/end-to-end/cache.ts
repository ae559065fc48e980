import { createClient, type RedisClientType } from "redis";
import type { Fixture } from "./fixture";

/** Uses the cache of the environment, as a stranger to the stack would. */
export async function withCache<T>({ environment }: Fixture, use: (cache: RedisClientType) => Promise<T>): Promise<T> {
  const { host, port, password } = environment.redis;
  const cache: RedisClientType = createClient({ url: `redis://:${password}@${host}:${port}` });
  await cache.connect();
  try {
    return await use(cache);
  } finally {
    await cache.close();
  }
}
