import { answersOf, midpoint, type PerDomain, perDomain, type Response, round } from "./engine";

/** The two ways of scoring forced choices; the environment picks one with `FC_VERSION`. */
export const fcVersions = ["v1.1", "v1.2"] as const;
export type FcVersion = (typeof fcVersions)[number];

/**
 * Scores forced choices, 0 to 100 for each domain: how often its statement was chosen.
 * v1.1 takes the plain share, so one choice gives 0 or 100; v1.2 adds one choice each way (Laplace), so that a short
 * session stays near the middle.
 */
export function scoreForcedChoice(responses: readonly Response[], version: FcVersion, precision: number): PerDomain {
  const added = version === "v1.2" ? 1 : 0;
  return perDomain((domain) => {
    const answers = answersOf(responses, "fc", domain);
    if (answers.length === 0) return midpoint;
    const chosen = answers.reduce((sum, { value }) => sum + value, 0);
    return round(((chosen + added) / (answers.length + 2 * added)) * 100, precision);
  });
}
