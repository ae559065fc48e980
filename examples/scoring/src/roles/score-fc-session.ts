import { scoreForcedChoice } from "../forced-choice";
import { loadResponses, storeScores } from "../sessions";
import { parseSessionRequest } from "../validation";
import { nothing, type Service, type Surroundings } from "./role";

/** Scores a session's forced choices the way `FC_VERSION` says and stores the result. */
export function open({ settings, pool }: Surroundings): Service {
  const { fcVersion: version, parameters } = settings;
  return {
    routes: [
      {
        method: "POST",
        path: "/functions/v1/score_fc_session",
        async handle(_params, body) {
          const session_id = parseSessionRequest(body);
          const responses = await loadResponses(pool, session_id, "fc");
          const scores = scoreForcedChoice(responses, version, parameters.precision);
          await storeScores(pool, "fc", session_id, version, scores);
          return { status: 200, body: { session_id, version, scores } };
        },
      },
    ],
    probes: {},
    close: nothing,
  };
}
