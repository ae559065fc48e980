import { describeError } from "../checks/probe";
import type { RollbackBegun, RollbackEnded } from "../records/entry";
import type { DeploymentLog, Draft } from "../records/log";
import { thisRunner } from "../records/runner";
import { deployments, openRollback } from "../records/state";
import { shortened } from "../release/text";
import { escalationsOf, type Escalation } from "../release/escalation";
import { objectiveOf } from "../release/objectives";
import { digestOfPlan } from "../release/plan";
import { redactor } from "../release/redact";
import { evidenceOf, failures } from "../release/verdict";
import { applyStackFile, nextOf, type Applied } from "./apply";
import { backUp } from "./backup";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { watchParts, type Watch } from "./parts";
import { withPin } from "../project/pin";
import type { Planned } from "./planning";
import { coloured, duration } from "./report";
import { Refusal, type Tell } from "./result";
import type { RollbackOptions } from "./rollback";
import type { Ended } from "./rollback-report";
import type { OpenedStack } from "./stack";

type RunOptions = Pick<RollbackOptions, "reason" | "skipped" | "tell" | "now" | "signal">;

/**
 * Carries a plan out: writes down that it begins, backs up, applies it between the stack's gates, and writes down how it
 * ended, whatever happens.
 */
export async function runRollback(stack: OpenedStack, planned: Planned, options: RunOptions): Promise<Ended> {
  const { log } = stack;
  const { plan, text } = planned;
  const { reason, tell, now, signal } = options;
  const { begun, watch, end } = begin(stack, planned, options);
  // Two that began at once: the one whose entry stands first goes on.
  const first = openRollback(log.entries());
  if (first !== undefined && first.id !== begun.id) {
    const began = `a rollback to ${first.to} by ${first.by} of ${first.at} began first`;
    return end({ end: "refused", reason: began, kind: "locked" });
  }
  let backup: string;
  try {
    tell(watch.line("backing up the present state"));
    backup = (await watch.time("backup", () => backUp(stack, { occasion: "rollback", now: now() }))).place;
    tell(`  ${backup}`);
  } catch (error) {
    const why = (await cameOfInterrupt(signal)) ? interrupted : describeError(error);
    return end({ end: "refused", reason: `no backup, no rollback: ${why}`, next: nextOf(error, signal) });
  }
  tell(watch.line(`applying ${plan.to.release}`));
  const message = `rollback to ${plan.to.release}${reason === undefined ? "" : `: ${reason}`}`;
  let applied: Applied;
  try {
    applied = await applyStackFile(stack, withPin(text, plan.to.release, plan.to.pins), message, {
      tell,
      signal,
      expected: text,
      planned: true,
      onResource: watch.onResource,
      rollback: begun.id,
    });
  } catch (error) {
    // Whatever broke, the log says that nobody works on it any more, and what stands in the way.
    end({ end: "unfinished", reason: describeError(error) }, backup);
    throw error;
  }
  const hasNoOutcome = applied.end === "unchanged" && plan.changes.length > 0;
  return end(hasNoOutcome ? { end: "unfinished", reason: "the deployment log has no outcome of it" } : applied, backup);
}

/** A rollback whose beginning stands in the log. */
interface Begun {
  readonly begun: RollbackBegun;
  readonly watch: Watch;
  /** Fires the triggers that it leaves, and writes down how it ended. */
  readonly end: (applied: Applied, backup?: string) => Ended;
}

function begin(stack: OpenedStack, { plan }: Planned, { reason, skipped = [], tell }: RunOptions): Begun {
  const { log, settings, secrets } = stack;
  const redact = redactor(secrets);
  // The clock of the machine may be set meanwhile.
  const started = performance.now();
  const begun = log.append({
    kind: "rollback",
    from: plan.from.release,
    to: plan.to.release,
    level: plan.level,
    plan: digestOfPlan(plan),
    before: { release: settings.release, pins: settings.pins },
    ran: { release: plan.from.release, pins: plan.from.pins },
    runner: thisRunner(),
    ...(plan.undoes === undefined ? {} : { undoes: plan.undoes }),
    ...(reason === undefined ? {} : { reason }),
    ...(skipped.length === 0 ? {} : { skipped }),
  }) as RollbackBegun;
  const watch = watchParts(settings);
  const escalate = escalating(stack, begun.id, redact, tell);
  const budget = escalateOverBudget(settings, escalate);
  const end = (applied: Applied, backup?: string): Ended => {
    clearTimeout(budget);
    if (applied.end === "judged" || applied.end === "unfinished") {
      const checks = applied.end === "judged" ? applied.outcome.checks : [];
      const definitions = settings.verification?.checks ?? {};
      const { objectives } = settings;
      escalate(escalationsOf({ checks, definitions, broken: watch.broken(), objectives, parts: watch.parts() }));
    }
    const own = deployments(log.entries()).findLast(({ intent }) => intent.rollback === begun.id)?.intent.id;
    const deployment = applied.end === "judged" ? applied.outcome.of : own;
    const why = firstErrorOf(applied, redact);
    const ended = recordEnd(log, {
      kind: "rollback-end",
      of: begun.id,
      result: resultOf(applied),
      ...(why === undefined ? {} : { reason: why }),
      ...(deployment === undefined ? {} : { deployment }),
      ...(backup === undefined ? {} : { backup }),
      milliseconds: Math.round(performance.now() - started),
      parts: watch.parts(),
    });
    return { begun, ended, applied };
  };
  return { begun, watch, end };
}

function resultOf(applied: Applied): RollbackEnded["result"] {
  if (applied.end === "judged") return applied.outcome.result;
  return applied.end === "unchanged" ? "passed" : applied.end;
}

/**
 * Writes the end of a rollback that touched something, or may have.
 * @throws Error when it cannot be written: a Refusal would say that nothing was touched
 */
export function recordEnd(log: DeploymentLog, draft: Extract<Draft, { kind: "rollback-end" }>): RollbackEnded {
  try {
    return log.append(draft) as RollbackEnded;
  } catch (error) {
    const next = error instanceof Refusal ? `${error.next}; then ` : "";
    throw new Error(
      `the rollback ended, ${draft.result}, and that could not be recorded: ${describeError(error)}\nNext: ${next}rewind resume`,
    );
  }
}

/** Writes triggers that fire down, and says them, as they fire. */
function escalating({ log }: OpenedStack, of: string, redact: (text: string) => string, tell: Tell) {
  return (escalations: readonly Escalation[]): void => {
    for (const { trigger, evidence } of escalations) {
      tell(coloured("red", `ESCALATE: ${trigger}: ${redact(evidence)}`));
      try {
        log.append({ kind: "escalation", of, trigger, evidence: redact(evidence) });
      } catch (error) {
        // It was said. That the log takes no more stops the rollback where it cannot do without, not here.
        tell(`not recorded: ${describeError(error)}`);
      }
    }
  };
}

/** Fires when the budget of the whole is used up, while the rollback still works. */
function escalateOverBudget(
  { objectives }: OpenedStack["settings"],
  escalate: (escalations: readonly Escalation[]) => void,
): NodeJS.Timeout | undefined {
  const budget = objectiveOf(objectives, "total");
  if (budget === undefined) return undefined;
  const evidence = `not done after ${duration(budget)}`;
  const trigger = "the objective of the whole was missed";
  return setTimeout(() => {
    escalate([{ trigger, evidence }]);
  }, budget).unref();
}

/** The first thing that went wrong, in one line and without secrets; undefined when nothing did. */
function firstErrorOf(applied: Applied, redact: (text: string) => string): string | undefined {
  if (applied.end === "unchanged") return undefined;
  if (applied.end !== "judged") return inOneLine(applied.reason, redact);
  const [worst] = failures(applied.outcome);
  return worst === undefined ? undefined : inOneLine(`${worst.name}: ${evidenceOf(worst)}`, redact);
}

/** The first lines of a reason in one, without secrets: they are taken out first, for a piece of one is not found. */
export function inOneLine(reason: string, redact: (text: string) => string): string {
  return shortened(redact(reason).split("\n").slice(0, 3).join(" "), 500);
}
