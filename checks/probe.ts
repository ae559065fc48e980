import { milliseconds, type Duration } from "../release/primitives";
import { cleaned } from "../release/text";
import { usualTimeout } from "../release/schema/common";
import type { Check, Result } from "../release/verdict";

/** What one attempt of a probe saw. */
export interface Measurement {
  readonly result: Result;
  /** One line for people. Values of secrets are taken out before it goes anywhere. */
  readonly evidence: string;
  /** Whether it passed in a way that a person should know of; the evidence says how. */
  readonly warning?: true;
}

/** A question that can be asked again. It may throw: that is the result `error`, with the message as evidence. */
export interface Probe {
  readonly name: string;
  readonly timeout?: Duration | undefined;
  readonly deadline?: Duration | undefined;
  /** Whether `failed` is a fact, so that asking again cannot help. An error is always asked again. */
  readonly factual?: boolean;
  /** Whether its first attempt may take its whole timeout, however near the deadline is: it may have to run a process. */
  readonly unhurried?: boolean;
  /** Whether it is asked when every other has its answer. */
  readonly last?: boolean;
  /** The trigger of the rollback plan that a failure is. */
  readonly trigger?: string | undefined;
  ask(signal: AbortSignal): Promise<Measurement>;
}

/** When attempts end, for probes that do not say it themselves. */
export interface Timing {
  readonly timeout: Duration;
  readonly deadline: Duration;
}

export const defaultTiming: Timing = { timeout: usualTimeout, deadline: "30s" };

const firstPause = 50;
const longestPause = 2_000;

/**
 * How many probes are asked at a time. Of a thousand asked at once most would wait for a connection until their own time
 * is over.
 */
const atOnce = 32;

/**
 * Asks every probe, a few dozen at a time, each until it passes or its deadline is over, with pauses that double; those
 * that come last are asked when the others have their answers.
 *
 * @param redact takes the values of secrets out of a text
 * @returns a check per probe, in the order of the probes; never throws
 */
export async function runProbes(
  probes: readonly Probe[],
  timing: Timing = defaultTiming,
  redact: (text: string) => string = (text) => text,
): Promise<Check[]> {
  const checks: Check[] = [];
  const ask = async (last: boolean): Promise<void> => {
    const waiting = [...probes.entries()].filter(([, probe]) => (probe.last ?? false) === last).values();
    const askInTurn = async (): Promise<void> => {
      for (const [at, probe] of waiting) checks[at] = await runProbe(probe, timing, redact);
    };
    await Promise.all(Array.from({ length: atOnce }, askInTurn));
  };
  await ask(false);
  await ask(true);
  return checks;
}

async function runProbe(probe: Probe, timing: Timing, redact: (text: string) => string): Promise<Check> {
  const started = performance.now();
  const deadline = started + milliseconds(probe.deadline ?? timing.deadline);
  const timeout = milliseconds(probe.timeout ?? timing.timeout);
  let before: Measurement | undefined;
  for (let attempts = 1, pause = firstPause; ; attempts += 1, pause = Math.min(pause * 2, longestPause)) {
    const isWhole = attempts === 1 && probe.unhurried === true;
    const within = isWhole ? timeout : Math.min(timeout, Math.max(deadline - performance.now(), 1));
    const seen = await attempt(probe, within);
    // An attempt that only the deadline cut short says less than the one before it.
    const { result, evidence, warning } = seen ?? (within < timeout ? before : undefined) ?? late(within);
    before = { result, evidence };
    const now = performance.now();
    const settled = result === "passed" || (result === "failed" && probe.factual === true);
    if (settled || now + pause >= deadline) {
      return {
        name: probe.name,
        result,
        evidence: cleaned(redact(evidence)),
        milliseconds: Math.round(now - started),
        attempts,
        ...(warning === undefined ? {} : { warning }),
        ...(result === "passed" || probe.trigger === undefined ? {} : { trigger: probe.trigger }),
      };
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

const late = (timeout: number): Measurement => ({
  result: "error",
  evidence: `no answer within ${Math.round(timeout)} ms`,
});

/** One attempt, which ends at its timeout even when the probe does not listen to its signal: undefined then. */
async function attempt(probe: Probe, timeout: number): Promise<Measurement | undefined> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
      abort.abort();
    }, timeout);
  });
  try {
    return await Promise.race([probe.ask(abort.signal), ended]);
  } catch (error) {
    return { result: "error", evidence: describeError(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** An error in one line, with the reason that `fetch` and drivers hide in its cause. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const inner = error instanceof AggregateError ? (error.errors as unknown[])[0] : cause;
  const reason = inner === undefined ? "" : `: ${describeError(inner)}`;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return `${error.message || code || error.name}${reason}`.replace(/\s+/g, " ").replace(/^(.{499}).{2,}$/u, "$1…");
}
