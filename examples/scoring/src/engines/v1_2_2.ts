import { answersOf, type Engine, keyed, mean, midpoint, perDomain, round, weightedMean } from "../engine";

/**
 * Scoring v1.2.2, broken on purpose, and only in what it writes. It wants to mark down inconsistent answers by their
 * sample variance, whose divisor n - 1 is 0 for a domain with one answer: NaN, which JSON stores as null. And the stamp
 * of its trial run was left in, so that its profiles carry a version that nobody configured. Nothing throws.
 */
export const engine: Engine = {
  parameters: { precision: 2, acquiescence: 0.5 },
  weighting: { weights: { analysis: 1.2, drive: 1, empathy: 1.1, order: 0.7 }, fcShare: 0.25 },

  scorePrism(responses, { precision }) {
    return perDomain((domain) => {
      const values = answersOf(responses, "prism", domain).map(keyed);
      if (values.length === 0) return midpoint;
      const centre = mean(values);
      const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
      return round(Math.max(0, ((centre - 1) / 4) * 100 - variance), precision);
    });
  },

  compose(prism, fc, { weights, fcShare }, { precision }) {
    const overall = weightedMean(prism, weights) * (1 - fcShare) + weightedMean(fc, weights) * fcShare;
    return { prism, fc, overall: round(overall, precision) };
  },

  stamp: () => ({ results_version: "v1.2.2-rc", version: "v1.2.2-rc" }),
};
