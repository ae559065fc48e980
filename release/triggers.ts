import type { Severity } from "./assessment";
import type { Result } from "./verdict";

/** A value that was measured, and when, in milliseconds since 1970. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** When a series counts as over its threshold: during a whole window in which it was measured often enough. */
export interface Sustained {
  /** The value that must be exceeded. */
  readonly over: number;
  /** How long, in milliseconds. */
  readonly window: number;
  /** How old the newest measurement may be at any moment of the window, in milliseconds. */
  readonly gap: number;
}

/** What the window says that ends now; `unknown` where a part of it was not measured. */
export type Standing = "over" | "under" | "unknown";

/**
 * Whether a series is over a threshold during the whole window that ends now. A measurement holds until the next one, and
 * no longer than the gap that is allowed. What was measured after `now` is not looked at.
 */
export function standingOf(series: readonly Sample[], sustained: Sustained, now: number): Standing {
  const held = heldIn(series, sustained.window, now);
  if (held === undefined) return "unknown";
  const times = [...held.map(({ at }) => at), now];
  if (times.some((at, index) => at - (times[index - 1] ?? at) > sustained.gap)) return "unknown";
  return held.every(({ value }) => value > sustained.over) ? "over" : "under";
}

/** The measurements that hold in a window, in their order; undefined when it begins before the first of them. */
function heldIn(series: readonly Sample[], window: number, now: number): Sample[] | undefined {
  const past = series.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at);
  const before = past.filter(({ at }) => at <= now - window).at(-1);
  return before && past.filter(({ at }) => at >= before.at);
}

/** The triggers of the plan, the worst first. */
export const triggers = [
  "corrupt data",
  "unexpected file changes",
  "failing operations",
  "count or hash mismatches",
  "slow reads",
  "slow writes",
  "memory",
] as const;
export type TriggerName = (typeof triggers)[number];

/** How bad a trigger is, and what follows, from the plan's matrix. */
interface Consequence {
  readonly severity: Severity;
  readonly rollback: "at once" | "within 10 minutes" | "a person decides" | "no: investigate first";
}
const critical: Consequence = { severity: { name: "critical", minutes: 2 }, rollback: "at once" };
const high: Consequence = { severity: { name: "high", minutes: 5 }, rollback: "within 10 minutes" };
const medium: Consequence = { severity: { name: "medium", minutes: 15 }, rollback: "a person decides" };
const low: Consequence = { severity: { name: "low", minutes: 30 }, rollback: "no: investigate first" };

/** What was measured. A list is what was found wrong: empty when nothing is, undefined when nobody looked. */
export interface Measured {
  readonly corrupt: readonly string[] | undefined;
  readonly changed: readonly string[] | undefined;
  readonly mismatched: readonly string[] | undefined;
  /** Each 1 for an operation that failed, 0 for one that did not. */
  readonly operations: readonly Sample[];
  /** Milliseconds. */
  readonly reads: readonly Sample[];
  readonly writes: readonly Sample[];
  /** Bytes. */
  readonly memory: readonly Sample[];
}

/** A threshold of a series, and the lower one from which it is worth a look. */
export interface Threshold {
  readonly over: number;
  readonly minor?: number;
}

/** From when on a series fires. */
export interface Thresholds {
  readonly reads: Threshold;
  readonly writes: Threshold;
  readonly memory: Threshold;
  readonly window: number;
  readonly gap: number;
}

/** Those of the plan: beside each limit stands the upper end of what is expected. */
export const planThresholds: Thresholds = {
  reads: { over: 100, minor: 20 },
  writes: { over: 300, minor: 40 },
  memory: { over: 2 ** 30 },
  window: 5 * 60_000,
  gap: 60_000,
};

/** A trigger as it stands. */
export interface Trigger extends Consequence {
  readonly name: TriggerName;
  /** `failed` when it has fired, `inconclusive` when nothing says so and nothing says otherwise. */
  readonly result: Exclude<Result, "error">;
  readonly evidence: string;
}

/** A trigger that had fired when it was last looked at. */
export type Fired = Pick<Trigger, "name" | "severity" | "rollback">;

/**
 * Every trigger as it stands now.
 * @param before those that had fired: without a measurement they stay so, and it is said when one has cleared
 */
export function triggersOf(
  measured: Measured,
  thresholds: Thresholds,
  before: readonly Fired[],
  now: number,
): Trigger[] {
  const series = { thresholds, now };
  const found: Trigger[] = [
    ofList("corrupt data", critical, measured.corrupt),
    ofList("unexpected file changes", critical, measured.changed),
    ofSeries("failing operations", measured.operations, { over: 0 }, high, series, "failed"),
    ofList("count or hash mismatches", high, measured.mismatched),
    ofSeries("slow reads", measured.reads, thresholds.reads, medium, series, "ms"),
    ofSeries("slow writes", measured.writes, thresholds.writes, medium, series, "ms"),
    ofSeries("memory", measured.memory, thresholds.memory, medium, series, "bytes"),
  ];
  return found.map((trigger) =>
    remembered(
      trigger,
      before.find(({ name }) => name === trigger.name),
    ),
  );
}

/** Those that have fired, the worst first. */
export function firedOf(all: readonly Trigger[]): Trigger[] {
  const fired = all.filter(({ result }) => result === "failed");
  return fired.sort((a, b) => a.severity.minutes - b.severity.minutes);
}

function ofList(name: TriggerName, consequence: Consequence, found: readonly string[] | undefined): Trigger {
  if (found === undefined) return { name, ...consequence, result: "inconclusive", evidence: "not looked at" };
  const more = found.length > 3 ? `, and ${found.length - 3} more` : "";
  const evidence = found.length === 0 ? "none" : found.slice(0, 3).join("; ") + more;
  return { name, ...consequence, result: found.length === 0 ? "passed" : "failed", evidence };
}

function ofSeries(
  name: TriggerName,
  samples: readonly Sample[],
  { over, minor }: Threshold,
  consequence: Consequence,
  { thresholds: { window, gap }, now }: { readonly thresholds: Thresholds; readonly now: number },
  unit: string,
): Trigger {
  const standingAbove = (limit: number): Standing => standingOf(samples, { over: limit, window, gap }, now);
  const held = heldIn(samples, window, now) ?? [];
  const least = Math.min(...held.map(({ value }) => value));
  const all = `${held.length} measurements in ${window / 1_000} s`;
  const seen = `${all}, none below ${least} ${unit}`;
  switch (standingAbove(over)) {
    case "unknown":
      return { name, ...consequence, result: "inconclusive", evidence: `not measured during ${window / 1_000} s` };
    case "over":
      return { name, ...consequence, result: "failed", evidence: `${seen}; the limit is ${over}` };
    case "under":
      if (minor === undefined || standingAbove(minor) !== "over") {
        return { name, ...consequence, result: "passed", evidence: seen };
      }
      return { name, ...low, result: "failed", evidence: `${seen}; up to ${minor} is expected` };
  }
}

/** What had fired does not clear because nobody measures, and not without a word. */
function remembered(trigger: Trigger, before: Fired | undefined): Trigger {
  if (before === undefined || trigger.result === "failed") return trigger;
  if (trigger.result === "passed") return { ...trigger, evidence: `cleared: ${trigger.evidence}` };
  return { ...trigger, ...before, result: "failed", evidence: `had fired, and was ${trigger.evidence} since` };
}
