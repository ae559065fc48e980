import {
  answersOf,
  type Engine,
  keyed,
  mean,
  midpoint,
  perDomain,
  requireScores,
  round,
  weightedMean,
} from "../engine";

/** Scoring v1.2.0: plain means, every domain of equal weight, forced choices count for three tenths. */
export const engine: Engine = {
  parameters: { precision: 2, acquiescence: 0 },
  weighting: { weights: { analysis: 1, drive: 1, empathy: 1, order: 1 }, fcShare: 0.3 },

  scorePrism(responses, { precision }) {
    return perDomain((domain) => {
      const answers = answersOf(responses, "prism", domain);
      return answers.length === 0 ? midpoint : round(((mean(answers.map(keyed)) - 1) / 4) * 100, precision);
    });
  },

  compose(prism, fc, { weights, fcShare }, { precision }) {
    requireScores("PRISM", prism);
    requireScores("FC", fc);
    const overall = weightedMean(prism, weights) * (1 - fcShare) + weightedMean(fc, weights) * fcShare;
    return { prism, fc, overall: round(overall, precision) };
  },

  stamp: (configured) => ({ results_version: configured, version: "v1.2.0" }),
};
