import { createClient } from "redis";

const clientFor = (url: string) => createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 5_000 } });

/** A connection to Redis. */
export type RedisClient = ReturnType<typeof clientFor>;

/** A connection that is up; a broken one is its next command's error. Throws when there is no answer. */
export async function connectRedis(url: string): Promise<RedisClient> {
  const redis = clientFor(url);
  // Without a listener a broken connection would end the process.
  redis.on("error", () => undefined);
  await redis.connect();
  return redis;
}
