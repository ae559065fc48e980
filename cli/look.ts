import { describeError, type Measurement } from "../checks/probe";
import type { Check } from "../release/verdict";

/** What one look saw. */
export interface Finding extends Measurement {
  /** The next command to type, where it did not pass. */
  readonly next?: string;
}

/** A check that says what to do where it did not pass. */
export interface Advised extends Check {
  readonly next?: string;
}

/**
 * Looks once, for what asking again does not change: files, versions, a log. A look that breaks is the result `error`.
 * @param redact takes the values of secrets out of a text
 */
export async function look(
  name: string,
  ask: () => Finding | Promise<Finding>,
  redact: (text: string) => string = (text) => text,
): Promise<Advised> {
  const started = performance.now();
  let seen: Finding;
  try {
    seen = await ask();
  } catch (error) {
    seen = { result: "error", evidence: describeError(error) };
  }
  const { result, evidence, next } = seen;
  return {
    name,
    result,
    evidence: redact(evidence),
    milliseconds: Math.round(performance.now() - started),
    attempts: 1,
    ...(next === undefined ? {} : { next: redact(next) }),
  };
}
