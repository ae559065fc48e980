import { readFileSync } from "node:fs";
import { describeError } from "../checks/probe";
import type { RollbackBegun, RollbackEnded, Stop } from "../records/entry";
import type { DeploymentLog, Draft } from "../records/log";
import { deployments, knownGood, openRollback, stopped, unfinishedRollback } from "../records/state";
import { type Level } from "../release/level";
import { digestOfPlan, type Plan } from "../release/plan";
import type { ReleaseId } from "../release/primitives";
import { redactor } from "../release/redact";
import { evidenceOf, failures } from "../release/verdict";
import { applyStackFile, nextOf, type Applied } from "./apply";
import { backUp } from "./backup";
import { exitCodeOf, exitCodes } from "./exit-codes";
import { chooseSteps } from "./manual";
import { objectiveLines, watchParts } from "./parts";
import { withPin } from "./pin";
import { planRollback, type Planned } from "./planning";
import { planningOf, planText } from "./rollback-plan";
import { checkLines, coloured, duration } from "./report";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { Refusal, type Tell, type VerbResult } from "./result";
import { thisRunner } from "./runner";
import { open, type OpenedStack, type Where } from "./stack";

/** What the caller decides about a rollback. */
export interface RollbackOptions {
  /** The last known-good release that does not run, when left out. */
  readonly release?: ReleaseId | undefined;
  readonly level: Level;
  readonly reason?: string;
  /** What a person has chosen to leave where it is, by its path. */
  readonly skipped?: readonly string[];
  /** Asks for one of several words, of a step by hand. */
  readonly choose?: (question: string, words: readonly string[]) => Promise<string>;
  /** Whether somebody agreed beforehand, and named the stack that is meant. */
  readonly agreed: "no" | "unnamed" | "named";
  readonly tell: Tell;
  /** Asks the person for a word; anything else is a no. */
  readonly confirm: (question: string, word: string) => Promise<boolean>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/**
 * `rewind rollback [release]`: plans, asks, backs up what is there, moves the pin, lets the engine plan and then do that
 * and nothing else between the stack's gates, verifies, records, reports. A refusal before the first change leaves the
 * stack file as it was. Where the stack says so, a rollback that fails verification is followed by one to the last
 * known-good release, once.
 */
export async function rollback(where: Where, options: RollbackOptions): Promise<VerbResult> {
  const { tell, confirm, signal } = options;
  const stack = await open(where, signal);
  const { planned, skipped } = await stepByStep(
    stack,
    planRollback(planningOf(stack), options.release, options.level),
    options,
  );
  tell(planText(planned.plan).join("\n"));
  const isProduction = stack.settings.environment.kind === "production";
  if (isProduction && options.agreed === "unnamed") {
    throw new Refusal(
      "production asks for its own name: --yes alone may be meant for another stack",
      `rewind rollback ${planned.plan.to.release} --yes --stack ${stack.engine.name}`,
    );
  }
  if (options.agreed === "no") {
    const word = isProduction ? stack.engine.name : "yes";
    const agreed = await confirm(`Roll ${stack.engine.name} back to ${planned.plan.to.release}?`, word);
    if (!agreed || signal.aborted) {
      return {
        code: exitCodes.refused,
        text: "Aborted; nothing was touched.",
        json: { outcome: "refused", aborted: true },
      };
    }
  }
  return carryOut(stack, planned, { ...options, skipped });
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
  const now = log.entries().at(-1);
  const next = "the same command again, which plans anew";
  if (now?.id !== last) {
    const what = `${now?.kind ?? "entry"} ${now?.id ?? ""}`;
    throw new Refusal(`the plan is stale: ${now?.by ?? "somebody"} changed the stack meanwhile (${what})`, next);
  }
  if (readFileSync(file, "utf8") !== text) {
    throw new Refusal("the plan is stale: the stack file was edited meanwhile", next);
  }
}

/** What of a rollback is known when it has ended. */
interface Ended {
  readonly begun: RollbackBegun;
  readonly ended: RollbackEnded;
  readonly applied: Applied;
}

/**
 * Carries a plan out that was agreed to, from the backup to the report.
 * @throws Refusal when the plan is stale; nothing was touched then
 */
export async function carryOut(stack: OpenedStack, planned: Planned, options: RollbackOptions): Promise<VerbResult> {
  refuseStale(stack, planned);
  const stop = stopped(stack.log.entries());
  const done = await run(stack, planned, options);
  const first = concluded(stack, planned.plan, done, stop);
  const failed = done.applied.end === "judged" && done.applied.outcome.result === "failed";
  if (!failed || options.signal.aborted || stack.settings.onFailure !== "rollback") return first;
  return await backByPolicy(stack, planned.plan, first, stop, options);
}

/** What a rollback that has ended leaves: its report, and no stop where it passed. */
function concluded(stack: OpenedStack, plan: Plan, done: Ended, stop: Stop | undefined): VerbResult {
  const passed = done.applied.end === "judged" && done.applied.outcome.result === "passed";
  if (passed && stop !== undefined) liftStop(stack, plan, stop);
  return report(stack, plan, done);
}

/** After a rollback that failed verification: back to the last known good, once. The first error stays the first. */
async function backByPolicy(
  stack: OpenedStack,
  failed: Plan,
  first: VerbResult,
  stop: Stop | undefined,
  options: RollbackOptions,
): Promise<VerbResult> {
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
    return { code: first.code, text, json: { ...(first.json as object), then: second.json } };
  } catch (error) {
    const next = error instanceof Refusal ? error.next : "rewind status";
    return { ...first, text: `${first.text}\nNot gone back: ${describeError(error)}\nNext:     ${next}` };
  }
}

async function run(stack: OpenedStack, { plan, text }: Planned, options: RollbackOptions): Promise<Ended> {
  const { log, settings } = stack;
  const redact = redactor(stack.secrets);
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
  let backup: string | undefined;
  const end = (applied: Applied): Ended => {
    const own = deployments(log.entries()).findLast(({ intent }) => intent.rollback === begun.id)?.intent.id;
    const deployment = applied.end === "judged" ? applied.outcome.of : own;
    const why = firstErrorOf(applied);
    const result =
      applied.end === "judged" ? applied.outcome.result : applied.end === "unchanged" ? "passed" : applied.end;
    const ended = record(log, {
      kind: "rollback-end",
      of: begun.id,
      result,
      ...(why === undefined ? {} : { reason: redact(why) }),
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
    return end({ end: "refused", reason: `a rollback to ${first.to} by ${first.by} of ${first.at} began first` });
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

function report(stack: OpenedStack, plan: Plan, { begun, ended, applied }: Ended): VerbResult {
  const { engine, log, settings } = stack;
  const { from, to, level, changes } = plan;
  const { milliseconds, parts, backup } = ended;
  const common = {
    stack: engine.name,
    run: begun.id,
    from: from.release,
    to: to.release,
    level,
    plan,
    backup,
    milliseconds,
    parts,
  };
  if (applied.end === "refused") {
    const next = applied.next ?? `rewind why-not ${to.release}, rewind verify`;
    const text = `Refused; ${from.release} runs as before.\n${applied.reason}\nNext: ${next}`;
    return { code: exitCodes.refused, text, json: { ...common, outcome: "refused", reason: applied.reason } };
  }
  const lines = [
    `From ${from.release} to ${to.release}, level ${level}, ${changes.length} changes, ${duration(milliseconds)}`,
    ...(begun.skipped === undefined ? [] : [`Skipped:  ${begun.skipped.join(", ")}`]),
    ...objectiveLines(settings, milliseconds, parts),
    ...(backup === undefined ? [] : [`Backup:   ${backup}`]),
    `Recorded: ${log.location} entry ${begun.id}`,
  ];
  if (applied.end === "unfinished") {
    const headline = coloured("red", `ROLLBACK UNFINISHED: the update to ${to.release} did not come to its end`);
    const next =
      unfinishedRollback(log.entries())?.begun.id === begun.id
        ? `rewind resume, which goes on and verifies; or rewind abort, back to ${from.release}`
        : "pulumi up, which finishes what comes after verification";
    const byHand = `By hand:  rewind plan ${to.release} --by-hand`;
    const text = [headline, applied.reason, ...lines, `Next:     ${next}`, byHand].join("\n");
    return { code: exitCodes.error, text, json: { ...common, outcome: "unfinished", reason: applied.reason } };
  }
  const undo = `Undo:     rewind rollback ${from.release}`;
  if (applied.end === "unchanged") {
    const headline = coloured(
      "green",
      `ROLLBACK SUCCESS: ${engine.name} ran ${to.release} already, nothing had to change`,
    );
    return {
      code: exitCodes.ok,
      text: [headline, ...lines, undo].join("\n"),
      json: { ...common, outcome: "passed", checks: [] },
    };
  }
  const passed = applied.outcome.result === "passed";
  const headline = passed
    ? coloured("green", `ROLLBACK SUCCESS: ${engine.name} runs ${to.release}, verified`)
    : coloured("red", `ROLLBACK FAILED: ${failures(applied.outcome).length} checks of ${to.release} did not pass`);
  const next = passed
    ? undo
    : "Next:     rewind rollback, to the last known good; rewind verify when the cause is gone\nBy hand:  rewind plan --by-hand";
  const { result, checks } = applied.outcome;
  const text = [headline, ...checkLines(checks), ...lines, next].join("\n");
  return { code: exitCodeOf[result], text, json: { ...common, outcome: result, checks } };
}
