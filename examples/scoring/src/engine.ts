/** The four things that PRISM items and forced choices ask about. */
export const domains = ["analysis", "drive", "empathy", "order"] as const;
export type Domain = (typeof domains)[number];
/** One number for each domain: a score (0 to 100) or a weight. */
export type PerDomain = Record<Domain, number>;

/** One answer: PRISM values are 1 to 5, a forced choice is 1 (chosen) or 0 (left). */
export interface Response {
  item: string;
  value: number;
}

/** Tuning that the environment may set (`ENGINE_PARAMETERS`); an engine has its own defaults for each. */
export interface Parameters {
  /** Decimal digits of a score, 0 to 4. */
  precision: number;
  /** How much of a person's habit of agreeing is taken out, 0 to 1. */
  acquiescence: number;
}

/** How a profile is put together: the stack's `scoring_config` rows, or the engine's defaults. */
export interface Weighting {
  weights: PerDomain;
  /** The forced choices' share of the overall score, 0 to 1. */
  fcShare: number;
}

/** The two versions that a profile carries. */
export interface Stamp {
  results_version: string;
  version: string;
}

export interface ProfileScores {
  prism: PerDomain;
  fc: PerDomain;
  overall: number;
}

/** One version of the scoring rules. Pure: the same answers always give the same scores. */
export interface Engine {
  parameters: Parameters;
  weighting: Weighting;
  /** Scores each domain, 0 to 100, from a session's PRISM answers (at least one). */
  scorePrism(responses: readonly Response[], parameters: Parameters): PerDomain;
  /** Puts the stored scores together. Throws DamagedScores when they are not numbers. */
  compose(prism: PerDomain, fc: PerDomain, weighting: Weighting, parameters: Parameters): ProfileScores;
  /** What to write on a profile, given the configured `results_version`. */
  stamp(configured: string): Stamp;
}

/** Stored scores that are not numbers from 0 to 100; the session must be scored again. */
export class DamagedScores extends Error {}

/** A domain that nobody was asked about scores the middle of the scale, in every version. */
export const midpoint = 50;

/** The domain that an item such as `prism.drive.3` asks about; undefined for an item of another kind. */
export function domainOf(item: string, kind: "prism" | "fc"): Domain | undefined {
  const [itemKind, name] = item.split(".");
  return itemKind === kind ? domains.find((domain) => domain === name) : undefined;
}

/** The answers about one domain, in the order of their items, so that sums never depend on arrival. */
export function answersOf(responses: readonly Response[], kind: "prism" | "fc", domain: Domain): readonly Response[] {
  return responses
    .filter(({ item }) => domainOf(item, kind) === domain)
    .sort((a, b) => (a.item < b.item ? -1 : a.item > b.item ? 1 : 0));
}

/** A PRISM answer as agreement with its domain: items with an even number are worded the other way round. */
export function keyed({ item, value }: Response): number {
  return Number(item.split(".")[2]) % 2 === 0 ? 6 - value : value;
}

/** The mean of at least one number. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Rounds half up to so many decimal digits. */
export function round(value: number, precision: number): number {
  const factor = 10 ** precision;
  return Math.round(value * factor) / factor;
}

/** Builds a value for each domain. */
export function perDomain(valueOf: (domain: Domain) => number): PerDomain {
  return {
    analysis: valueOf("analysis"),
    drive: valueOf("drive"),
    empathy: valueOf("empathy"),
    order: valueOf("order"),
  };
}

/** The mean over the domains, each with its weight (at least one weight is above zero). */
export function weightedMean(scores: PerDomain, weights: PerDomain): number {
  const sum = domains.reduce((total, domain) => total + scores[domain] * weights[domain], 0);
  return sum / domains.reduce((total, domain) => total + weights[domain], 0);
}

/** Throws DamagedScores unless every score is a number from 0 to 100: JSON turns NaN into null, and null * 1 is 0. */
export function requireScores(name: string, scores: PerDomain): void {
  for (const domain of domains) {
    const score: unknown = scores[domain];
    if (typeof score !== "number" || !(score >= 0 && score <= 100)) {
      throw new DamagedScores(`the stored ${name} score of ${domain} is no number from 0 to 100`);
    }
  }
}
