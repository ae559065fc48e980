import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { createTables, openPool } from "./database";
import type { Engine } from "./engine";
import { describe, type Log } from "./log";
import { statusRoutes } from "./readiness";
import type { Service, Surroundings } from "./roles/role";
import { createHttpServer } from "./server";
import type { Role, Settings } from "./settings";

export interface ServeOptions {
  role: Role;
  identity: Record<string, string>;
  engine: Engine;
  settings: Settings;
  log: Log;
}

/** As long as requests under way may take after SIGTERM; Docker kills after ten seconds. */
const graceMilliseconds = 8_000;

/** Loads a role's own module only: the SDK of the object store is for the api alone. */
async function openRole(role: Role, surroundings: Surroundings): Promise<Service> {
  switch (role) {
    case "api":
      return (await import("./roles/api.js")).open(surroundings);
    case "finalizeAssessment":
      return (await import("./roles/finalize-assessment.js")).open(surroundings);
    case "score_prism":
      return (await import("./roles/score-prism.js")).open(surroundings);
    case "score_fc_session":
      return (await import("./roles/score-fc-session.js")).open(surroundings);
  }
}

/**
 * Serves one role until SIGTERM or SIGINT. Listens at once, so that `/health` is green while the database is still
 * starting; the tables are created in the background, and `/readiness` waits for them.
 */
export async function serve({ role, identity, engine, settings, log }: ServeOptions): Promise<void> {
  const pool = openPool(settings.databaseUrl, settings.schema, log);
  const service = await openRole(role, { engine, settings, pool, log });
  const closing = new AbortController();
  let hasTables = false;
  const postgres = async (): Promise<void> => {
    if (!hasTables) throw new Error("the tables are not there yet");
    await pool.query("SELECT 1");
  };
  const server = createHttpServer({
    routes: [...statusRoutes(identity, { postgres, ...service.probes }), ...service.routes],
    token: settings.token,
    allowedOrigins: settings.allowedOrigins,
    correlate: settings.toggles.CORRELATION_ID_ENABLED,
    log,
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      closing.abort();
      void close(server, service, pool, log);
    });
  }
  server.on("error", (error) => {
    log("error", "not_listening", describe(error));
    process.exit(1);
  });
  server.listen(settings.port, "0.0.0.0", () => {
    log("info", "listening", { port: settings.port });
  });
  await createTablesPatiently(pool, log, closing.signal);
  hasTables = true;
}

/** Tries until it succeeds: a container that gives up because the database starts later only restarts for nothing. */
async function createTablesPatiently(pool: pg.Pool, log: Log, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      await createTables(pool);
      return;
    } catch (thrown) {
      log("warn", "tables_not_created", { attempt, ...describe(thrown) });
    }
    await sleep(Math.min(200 * 2 ** attempt, 5_000), undefined, { signal }).catch(() => undefined);
  }
}

/** Takes no new request, lets those under way finish, closes every client; then nothing keeps the process alive. */
async function close(server: Server, service: Service, pool: pg.Pool, log: Log): Promise<void> {
  log("info", "closing");
  const deadline = setTimeout(() => {
    log("warn", "closed_with_requests_under_way");
    process.exit(1);
  }, graceMilliseconds);
  deadline.unref();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  service.close();
  await pool.end();
  log("info", "closed");
}
