/** What a probe can say. The order is the order of badness: the worst of several wins. */
export const results = ["passed", "inconclusive", "failed", "error"] as const;
export type Result = (typeof results)[number];

/** One probe and its result. */
export interface Check {
  /** What was asked, such as `row scoring_config/results_version`. */
  readonly name: string;
  readonly result: Result;
  /** What was seen, in one line and without secrets. */
  readonly evidence: string;
  /** How long it took, all attempts together, in milliseconds. */
  readonly milliseconds: number;
  readonly attempts: number;
  /** The trigger of the rollback plan that the check is, where it did not pass. */
  readonly trigger?: string;
  /** Whether it passed in a way that a person should know of; the evidence says how. */
  readonly warning?: true;
}

/** All checks together. */
export interface Verdict {
  readonly result: Result;
  readonly checks: readonly Check[];
}

/** The worst result wins; no check at all is `inconclusive`, for nothing was measured. */
export function judge(checks: readonly Check[]): Verdict {
  const worst = Math.max(...checks.map(({ result }) => results.indexOf(result)));
  return { result: results[worst] ?? "inconclusive", checks };
}

/** What a check saw, after the trigger that it is. */
export function evidenceOf({ trigger, evidence }: Pick<Check, "trigger" | "evidence">): string {
  return trigger === undefined ? evidence : `trigger "${trigger}": ${evidence}`;
}

/** The checks that did not pass, worst first. */
export function failures(verdict: Verdict): Check[] {
  return verdict.checks
    .filter(({ result }) => result !== "passed")
    .sort((a, b) => results.indexOf(b.result) - results.indexOf(a.result));
}

/** What passed in a way that a person should know of, a line each. */
export function warningsIn({ checks }: Verdict): string[] {
  return checks.filter(({ warning }) => warning).map(({ name, evidence }) => `${name}: ${evidence}`);
}
