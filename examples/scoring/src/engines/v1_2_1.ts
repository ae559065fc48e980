import {
  answersOf,
  domainOf,
  type Engine,
  keyed,
  mean,
  midpoint,
  perDomain,
  requireScores,
  type Response,
  round,
  weightedMean,
} from "../engine";

/** How far a person's answers lie from the middle of the scale, whatever was asked. */
function habitOf(responses: readonly Response[]): number {
  const values = responses.filter(({ item }) => domainOf(item, "prism") !== undefined).map(({ value }) => value);
  return mean(values) - 3;
}

/** Scoring v1.2.1: takes part of the habit of agreeing out of every answer, and weighs the domains by their worth. */
export const engine: Engine = {
  parameters: { precision: 2, acquiescence: 0.5 },
  weighting: { weights: { analysis: 1.2, drive: 1, empathy: 1.1, order: 0.7 }, fcShare: 0.25 },

  scorePrism(responses, { precision, acquiescence }) {
    const correction = acquiescence * habitOf(responses);
    return perDomain((domain) => {
      const answers = answersOf(responses, "prism", domain);
      if (answers.length === 0) return midpoint;
      const corrected = answers.map((answer) =>
        Math.min(5, Math.max(1, keyed({ item: answer.item, value: answer.value - correction }))),
      );
      return round(((mean(corrected) - 1) / 4) * 100, precision);
    });
  },

  compose(prism, fc, { weights, fcShare }, { precision }) {
    requireScores("PRISM", prism);
    requireScores("FC", fc);
    const overall = weightedMean(prism, weights) * (1 - fcShare) + weightedMean(fc, weights) * fcShare;
    return { prism, fc, overall: round(overall, precision) };
  },

  stamp: (configured) => ({ results_version: configured, version: "v1.2.1" }),
};
