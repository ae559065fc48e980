import type pg from "pg";
import type { Engine } from "../engine";
import type { Log } from "../log";
import type { Route } from "../server";
import type { Settings } from "../settings";

export interface Surroundings {
  engine: Engine;
  settings: Settings;
  pool: pg.Pool;
  log: Log;
}

/** What one role serves and needs, beside what all roles have. */
export interface Service {
  routes: Route[];
  /** What must answer before the role is ready, by the name that `/readiness` gives it. */
  probes: Record<string, () => Promise<void>>;
  close(): void;
}

/** Nothing to close. */
export function nothing(): void {
  return undefined;
}
