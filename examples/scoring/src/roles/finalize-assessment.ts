import { openCache } from "../cache";
import { DamagedScores, type Engine, type PerDomain, type ProfileScores, type Weighting } from "../engine";
import { storeProfile } from "../profiles";
import { Refusal } from "../refusal";
import { loadScoringConfig } from "../scoring-config";
import { loadScores, requireSession } from "../sessions";
import type { Settings } from "../settings";
import { parseSessionRequest } from "../validation";
import type { Service, Surroundings } from "./role";

/** Puts a session's stored scores together, stamps the profile and stores it. */
export function open({ engine, settings, pool, log }: Surroundings): Service {
  const cache = openCache(settings.redisUrl, log);
  return {
    routes: [
      {
        method: "POST",
        path: "/functions/v1/finalizeAssessment",
        async handle(_params, body) {
          const sessionId = parseSessionRequest(body);
          await requireSession(pool, sessionId);
          const prism = await loadScores(pool, "prism", sessionId);
          const fc = await loadScores(pool, "fc", sessionId);
          if (prism === undefined || fc === undefined) {
            const missing = [...(prism === undefined ? ["prism"] : []), ...(fc === undefined ? ["fc"] : [])];
            throw new Refusal(409, "not_scored", "score the session before finalizing it", { missing });
          }
          const config = await loadScoringConfig(pool, cache, engine.weighting, log);
          const scores = compose(engine, prism, fc, config, settings);
          return {
            status: 200,
            body: await storeProfile(pool, sessionId, engine.stamp(config.resultsVersion), scores),
          };
        },
      },
    ],
    probes: { redis: () => cache.probe() },
    close() {
      cache.close();
    },
  };
}

function compose(
  engine: Engine,
  prism: PerDomain,
  fc: PerDomain,
  weighting: Weighting,
  { parameters }: Settings,
): ProfileScores {
  try {
    return engine.compose(prism, fc, weighting, parameters);
  } catch (thrown) {
    if (thrown instanceof DamagedScores) throw new Refusal(409, "damaged_scores", `${thrown.message}; score it again`);
    throw thrown;
  }
}
