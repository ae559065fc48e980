import { createClient } from "redis";
import { describe, type Log } from "./log";
import type { Cache } from "./scoring-config";

export interface RedisCache extends Cache {
  /** Resolves when Redis answers. */
  probe(): Promise<void>;
  close(): void;
}

/** A cache in Redis that connects in the background, for as long as it takes; until then every call is refused. */
export function openCache(url: string, log: Log): RedisCache {
  const client = createClient({
    url,
    // A command that waits for a lost connection would hold up the request which could do without it.
    disableOfflineQueue: true,
    commandOptions: { timeout: 1_000 },
    socket: { connectTimeout: 2_000, reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 3_000) },
  });
  let isLost = false;
  client.on("ready", () => {
    isLost = false;
  });
  client.on("error", (thrown: unknown) => {
    // Every attempt fails in the same words; one line says it.
    if (!isLost) log("warn", "cache_connection_lost", describe(thrown));
    isLost = true;
  });
  client.connect().catch((thrown: unknown) => {
    log("warn", "cache_not_connected", describe(thrown));
  });
  return {
    get: (key) => client.get(key),
    async set(key, value, seconds) {
      await client.set(key, value, { expiration: { type: "EX", value: seconds } });
    },
    async probe() {
      await client.ping();
    },
    close() {
      client.destroy();
    },
  };
}
