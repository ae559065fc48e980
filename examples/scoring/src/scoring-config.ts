import type pg from "pg";
import { domains, type PerDomain, type Weighting } from "./engine";
import { describe, type Log } from "./log";
import { Refusal } from "./refusal";
import { isObject } from "./validation";

/** The one cache entry of this service. A rollback of the rows takes effect at once only if it clears `scoring:*`. */
export const cacheKey = "scoring:config";
export const cacheSeconds = 300;

/** As much of a cache as is needed. */
export interface Cache {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, seconds: number): Promise<void>;
}

export interface ScoringConfig extends Weighting {
  resultsVersion: string;
}

/**
 * The stack's `scoring_config` rows, out of the cache or else the table. A cache that does not answer is passed over:
 * the table holds the truth. Throws a Refusal (503) that names the row which is missing or unusable.
 */
export async function loadScoringConfig(
  pool: pg.Pool,
  cache: Cache,
  defaults: Weighting,
  log: Log,
): Promise<ScoringConfig> {
  const cached = await cache.get(cacheKey).catch((thrown: unknown) => {
    log("warn", "cache_passed_over", describe(thrown));
    return null;
  });
  if (cached !== null) return parseScoringConfig(JSON.parse(cached), defaults);
  const { rows } = await pool.query<{ key: string; value: unknown }>("SELECT key, value FROM scoring_config");
  const values = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  const config = parseScoringConfig(values, defaults);
  await cache.set(cacheKey, JSON.stringify(values), cacheSeconds).catch((thrown: unknown) => {
    log("warn", "cache_passed_over", describe(thrown));
  });
  return config;
}

/**
 * Parses the rows: `results_version` (text, needed), `prism_weights` (a number from 0 to 100 for each domain) and
 * `fc_share` (0 to 1), which the engine has defaults for. Other keys belong to others. Throws a Refusal (503).
 */
export function parseScoringConfig(values: unknown, defaults: Weighting): ScoringConfig {
  const rows = isObject(values) ? values : {};
  const { results_version: resultsVersion, prism_weights: weights, fc_share: fcShare = defaults.fcShare } = rows;
  if (typeof resultsVersion !== "string" || !/^[\w.-]{1,64}$/.test(resultsVersion)) {
    throw unusable("results_version", "text such as v1.2.1");
  }
  if (typeof fcShare !== "number" || !(fcShare >= 0 && fcShare <= 1)) throw unusable("fc_share", "a number, 0 to 1");
  return { resultsVersion, fcShare, weights: weights === undefined ? defaults.weights : parseWeights(weights) };
}

function parseWeights(value: unknown): PerDomain {
  const problem = unusable("prism_weights", `a number from 0 to 100 for each of ${domains.join(", ")}, not all 0`);
  if (!isObject(value) || Object.keys(value).some((key) => !domains.some((domain) => domain === key))) throw problem;
  const { analysis, drive, empathy, order } = value;
  if (!isWeight(analysis) || !isWeight(drive) || !isWeight(empathy) || !isWeight(order)) throw problem;
  if (analysis + drive + empathy + order === 0) throw problem;
  return { analysis, drive, empathy, order };
}

function isWeight(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 100;
}

function unusable(key: string, expected: string): Refusal {
  return new Refusal(503, "not_configured", `scoring_config.${key} must be ${expected}`, { key });
}
