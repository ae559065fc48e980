import { readFileSync } from "node:fs";
import { describeError } from "../checks/probe";
import type { RollbackBegun, RollbackEnded, Stop } from "../records/entry";
import type { DeploymentLog, Draft } from "../records/log";
import { thisRunner } from "../records/runner";
import { deployments, knownGood, openRollback, stopped } from "../records/state";
import { type Level } from "../release/level";
import { escalationsOf, type Escalation } from "../release/escalation";
import { objectiveOf } from "../release/objectives";
import { digestOfPlan, type Plan } from "../release/plan";
import type { ReleaseId } from "../release/primitives";
import { redactor } from "../release/redact";
import { evidenceOf, failures } from "../release/verdict";
import { refusedBy, type Agreement } from "./agreement";
import { refuseUnapproved } from "./approval";
import { applyStackFile, nextOf, type Applied } from "./apply";
import { backUp } from "./backup";
import type { RollbackDoneJson, RollbackJson, RollbackOnceJson } from "./json/rollback";
import { chooseSteps } from "./manual";
import { watchParts } from "./parts";
import { withPin } from "./pin";
import { planRollback, type Planned } from "./planning";
import { planningOf, planText } from "./rollback-plan";
import { coloured, duration } from "./report";
import { keepReport, reportOf, resultOf, type Ended } from "./rollback-report";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";

/** What the caller decides about a rollback. */
export interface RollbackOptions extends Agreement {
  /** The last known-good release that does not run, when left out. */
  readonly release?: ReleaseId | undefined;
  readonly level: Level;
  readonly reason?: string;
  /** Whether it is done only where an update failed verification and the stack says that it goes back by itself. */
  readonly byPolicy?: boolean;
  /** What a person has chosen to leave where it is, by its path. */
  readonly skipped?: readonly string[];
  /** Asks for one of several words, of a step by hand. */
  readonly choose?: (question: string, words: readonly string[]) => Promise<string>;
  readonly tell: Tell;
  readonly now: () => Date;
}

/** After an update that failed verification, what the policy of the stack says: back to the last known good, once. */
function refuseAgainstPolicy(
  { engine, log, settings }: OpenedStack,
  { release }: RollbackOptions,
): Pick<RollbackOptions, "release" | "reason"> {
  if (release !== undefined)
    throw new Refusal("by policy there is no choice of a release", `rewind rollback ${release}`);
  const last = deployments(log.entries()).at(-1);
  if (last?.outcome?.result !== "failed") {
    const what =
      last === undefined ? "nothing was deployed yet" : `${last.intent.to.release} did not fail verification`;
    throw new Refusal(`nothing to go back from: ${what}`, "rewind status");
  }
  if (settings.onFailure !== "rollback") {
    throw new Refusal(`${engine.name} waits for a person when verification fails (rewind:onFailure)`, "rewind assess");
  }
  if (last.intent.rollback !== undefined) {
    throw new Refusal(
      "what failed was a rollback itself; by policy it is done once, then a person decides",
      "rewind assess",
    );
  }
  return { reason: `verification of ${last.intent.to.release} failed` };
}

/**
 * `rewind rollback [release]`: plans, asks, backs up what is there, moves the pin, lets the engine plan and then do that
 * and nothing else between the stack's gates, verifies, records, reports. A refusal before the first change leaves the
 * stack file as it was. Where the stack says so, a rollback that fails verification is followed by one to the last
 * known-good release, once.
 */
export async function rollback(where: Where, options: RollbackOptions): Promise<VerbResult<RollbackJson>> {
  const { tell, signal } = options;
  const stack = await open(where, signal);
  const { release: wanted, reason } = options.byPolicy === true ? refuseAgainstPolicy(stack, options) : options;
  const whole = planRollback(planningOf(stack), wanted, options.level);
  const { release } = whole.plan.to;
  const command = `rewind rollback ${release} --level ${options.level}`;
  refuseUnapproved(stack, whole.plan, command, options.now());
  const { planned, skipped } = await stepByStep(stack, whole, options);
  tell(planText(planned.plan).join("\n"));
  const refused = await refusedBy(stack, options, `Roll ${stack.engine.name} back to ${release}?`, command);
  return refused ?? carryOut(stack, planned, { ...options, ...(reason === undefined ? {} : { reason }), skipped });
}

/** On the level `manual`, what of a plan a person wants; the whole of it on any other. */
async function stepByStep(
  stack: OpenedStack,
  whole: Planned,
  options: RollbackOptions,
): Promise<{ readonly planned: Planned; readonly skipped: readonly string[] }> {
  if (options.level !== "manual") return { planned: whole, skipped: [] };
  const skipped = await chooseSteps(stack, whole.plan, options);
  if (Object.keys(skipped).length === 0) return { planned: whole, skipped: [] };
  if (Object.keys(skipped).length === whole.plan.changes.length) {
    throw new Refusal("every step was skipped; nothing was touched", "rewind status");
  }
  const planned = planRollback(planningOf(stack), whole.plan.to.release, "manual", { skipped });
  return { planned, skipped: Object.keys(skipped) };
}

/**
 * Refuses a plan that is not for the stack as it is any more: somebody agreed to it for another.
 * @throws Refusal
 */
export function refuseStale({ file, log }: OpenedStack, { text, last }: Planned): void {
  const entries = log.entries();
  const now = entries.at(-1);
  const next = "the same command again, which plans anew";
  if (now?.id !== last) {
    const what = `${now?.kind ?? "entry"} ${now?.id ?? ""}`;
    const kind = openRollback(entries) === undefined ? "refused" : "locked";
    throw new Refusal(`the plan is stale: ${now?.by ?? "somebody"} changed the stack meanwhile (${what})`, next, kind);
  }
  if (readFileSync(file, "utf8") !== text) {
    throw new Refusal("the plan is stale: the stack file was edited meanwhile", next);
  }
}

/**
 * Carries a plan out that was agreed to, from the backup to the report.
 * @throws Refusal when the plan is stale; nothing was touched then
 */
export async function carryOut(
  stack: OpenedStack,
  planned: Planned,
  options: RollbackOptions,
): Promise<VerbResult<RollbackDoneJson>> {
  refuseStale(stack, planned);
  const stop = stopped(stack.log.entries());
  const done = await run(stack, planned, options);
  const first = concluded(stack, planned.plan, done, stop);
  const failed = done.applied.end === "judged" && done.applied.outcome.result === "failed";
  if (!failed || options.signal.aborted || stack.settings.onFailure !== "rollback") return first;
  return await backByPolicy(stack, planned.plan, first, stop, options);
}

/** What a rollback that has ended leaves: its report, and no stop where it passed. */
function concluded(stack: OpenedStack, plan: Plan, done: Ended, stop: Stop | undefined): VerbResult<RollbackOnceJson> {
  const passed = done.applied.end === "judged" && done.applied.outcome.result === "passed";
  if (passed && stop !== undefined) liftStop(stack, plan, stop);
  const report = reportOf(stack, plan, done);
  const lost = keepReport(report);
  const result = resultOf(report);
  // The rollback is what it is, also where its report finds no room.
  return lost === undefined ? result : { ...result, text: `${result.text}\nThe report could not be kept: ${lost}` };
}

/** After a rollback that failed verification: back to the last known good, once. The first error stays the first. */
async function backByPolicy(
  stack: OpenedStack,
  failed: Plan,
  first: VerbResult<RollbackOnceJson>,
  stop: Stop | undefined,
  options: RollbackOptions,
): Promise<VerbResult<RollbackDoneJson>> {
  options.tell(first.text);
  const planning = planningOf(stack);
  const good = knownGood(planning.entries).find(
    ({ release }) => release !== failed.to.release && planning.settings.catalogue.includes(release),
  )?.release;
  if (good === undefined) return first;
  try {
    if (stopped(planning.entries)?.id !== stop?.id)
      throw new Refusal("the stack was stopped meanwhile", "rewind status");
    options.tell(coloured("bold", `By policy of the stack: back to ${good}, the last known good`));
    const reason = `verification of ${failed.to.release} failed`;
    // Whoever agreed to leave the database alone did not agree to more.
    const planned = planRollback(planning, good, failed.level === "fast" ? "fast" : "full");
    const done = await run(stack, planned, { ...options, reason, skipped: [] });
    const second = concluded(stack, planned.plan, done, stop);
    const text = `${second.text}\n\nFirst error, because of which the stack went back:\n${first.text}`;
    // That the stack is well again does not make the rollback that was asked for a success.
    return { code: first.code, text, json: { ...first.json, then: second.json } };
  } catch (error) {
    const next = error instanceof Refusal ? error.next : "rewind status";
    return { ...first, text: `${first.text}\nNot gone back: ${describeError(error)}\nNext:     ${next}` };
  }
}

async function run(stack: OpenedStack, { plan, text }: Planned, options: RollbackOptions): Promise<Ended> {
  const { log, settings } = stack;
  const { reason, skipped = [], tell, now, signal } = options;
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
  const time = watch.time;
  const escalate = escalating(stack, begun.id, tell);
  const budget = escalateOverBudget(settings, escalate);
  let backup: string | undefined;
  const end = (applied: Applied): Ended => {
    clearTimeout(budget);
    const own = deployments(log.entries()).findLast(({ intent }) => intent.rollback === begun.id)?.intent.id;
    const deployment = applied.end === "judged" ? applied.outcome.of : own;
    const why = firstErrorOf(applied);
    if (applied.end === "judged" || applied.end === "unfinished") {
      const checks = applied.end === "judged" ? applied.outcome.checks : [];
      const definitions = settings.verification?.checks ?? {};
      const facts = { checks, definitions, broken: watch.broken(), parts: watch.parts() };
      escalate(escalationsOf({ ...facts, objectives: settings.objectives }));
    }
    const result =
      applied.end === "judged" ? applied.outcome.result : applied.end === "unchanged" ? "passed" : applied.end;
    const ended = record(log, {
      kind: "rollback-end",
      of: begun.id,
      result,
      ...(why === undefined ? {} : { reason: why }),
      ...(deployment === undefined ? {} : { deployment }),
      ...(backup === undefined ? {} : { backup }),
      milliseconds: Math.round(performance.now() - started),
      parts: watch.parts(),
    });
    return { begun, ended, applied };
  };
  // Two that began at once: the one whose entry stands first goes on.
  const first = openRollback(log.entries());
  if (first !== undefined && first.id !== begun.id) {
    const reason = `a rollback to ${first.to} by ${first.by} of ${first.at} began first`;
    return end({ end: "refused", reason, kind: "locked" });
  }
  try {
    tell(watch.line("backing up the present state"));
    backup = (await time("backup", () => backUp(stack, now()))).folder;
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
      variables: { REWIND_ROLLBACK: begun.id },
      onResource: watch.onResource,
      isOwn: ({ intent }) => intent.rollback === begun.id,
    });
  } catch (error) {
    // Whatever broke, the log says that nobody works on it any more, and what stands in the way.
    end({ end: "unfinished", reason: describeError(error) });
    throw error;
  }
  return end(
    applied.end === "unchanged" && plan.changes.length > 0
      ? { end: "unfinished", reason: "the deployment log has no outcome of it" }
      : applied,
  );
}

/**
 * Writes the end of a rollback.
 * @throws Error when it cannot be written: a Refusal would say that nothing was touched
 */
function record(log: DeploymentLog, draft: Extract<Draft, { kind: "rollback-end" }>): RollbackEnded {
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
function escalating({ log, secrets }: OpenedStack, of: string, tell: Tell) {
  const redact = redactor(secrets);
  return (escalations: readonly Escalation[]): void => {
    for (const { trigger, evidence } of escalations) {
      tell(coloured("red", `ESCALATE: ${trigger}: ${redact(evidence)}`));
      try {
        log.append({ kind: "escalation", of, trigger, evidence });
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

/** The first thing that went wrong, in one line; undefined when nothing did. */
function firstErrorOf(applied: Applied): string | undefined {
  if (applied.end === "unchanged") return undefined;
  if (applied.end !== "judged") return applied.reason.split("\n").slice(0, 3).join(" ").slice(0, 500);
  const [worst] = failures(applied.outcome);
  return worst === undefined ? undefined : `${worst.name}: ${evidenceOf(worst)}`.slice(0, 500);
}

/** A rollback that passed lifts the emergency stop under which it began, and none that somebody made since. */
function liftStop({ log }: OpenedStack, { to }: Plan, stop: Stop): void {
  if (stopped(log.entries())?.id === stop.id) log.append({ kind: "start", reason: `${to.release} is verified` });
}
