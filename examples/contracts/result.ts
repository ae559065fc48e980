import { judge, results, type Check, type Result } from "../../release/verdict";

/** What a verb returns; only main.ts prints it and exits with its code. */
export interface VerbResult {
  readonly code: number;
  readonly text: string;
}

/** Exit codes mean what they mean for `rewind`. */
export const codes: Readonly<Record<Result, number>> = { passed: 0, inconclusive: 12, failed: 11, error: 13 };
export const refused = 10;

export const done = (...lines: readonly string[]): VerbResult => ({ code: 0, text: lines.join("\n") });

/** Checks as lines, and the verdict as exit code. */
export function ofChecks(title: string, checks: readonly Check[], more: readonly string[] = []): VerbResult {
  const verdict = judge(checks);
  const width = Math.max(...results.map((result) => result.length));
  const lines = checks.map(({ name, result, evidence }) => `  ${result.padEnd(width)}  ${name}: ${evidence}`);
  return { code: codes[verdict.result], text: [`${title}: ${verdict.result}`, ...lines, ...more].join("\n") };
}
