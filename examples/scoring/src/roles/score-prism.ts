import { loadResponses, storeScores } from "../sessions";
import { parseSessionRequest } from "../validation";
import { nothing, type Service, type Surroundings } from "./role";

/** Scores a session's PRISM answers with the engine of this version and stores the result. */
export function open({ engine, settings, pool }: Surroundings): Service {
  return {
    routes: [
      {
        method: "POST",
        path: "/functions/v1/score_prism",
        async handle(_params, body) {
          const session_id = parseSessionRequest(body);
          const responses = await loadResponses(pool, session_id, "prism");
          const scores = engine.scorePrism(responses, settings.parameters);
          const { version } = engine.stamp("");
          await storeScores(pool, "prism", session_id, version, scores);
          return { status: 200, body: { session_id, version, scores } };
        },
      },
    ],
    probes: {},
    close: nothing,
  };
}
