import { readFileSync } from "node:fs";
import { describeError } from "../checks/probe";
import type { Entry, Stop } from "../records/entry";
import { deployments, describeStop, knownGood, openRollback, stopped } from "../records/state";
import { type Level } from "../release/level";
import type { Plan } from "../release/plan";
import type { ReleaseId } from "../release/primitives";
import { refusedBy, type Agreement } from "./agreement";
import { refuseUnapproved } from "./approval";
import type { RollbackDoneJson, RollbackJson, RollbackOnceJson } from "./json/rollback";
import { exitCodes } from "./exit-codes";
import { chooseSteps } from "./manual";
import { pendingIn, trySettling } from "./pending-operations";
import { planRollback, type Planned } from "./planning";
import { planningOf, planText } from "./rollback-plan";
import { coloured } from "./report";
import { keepReport, reportOf, resultOf, type Ended } from "./rollback-report";
import { runRollback } from "./rollback-run";
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

/**
 * Why to go back by policy of the stack, after an update that failed verification: once, and not past a stop, for then
 * somebody decides.
 * @throws Refusal where it is not for a machine to decide
 */
function reasonByPolicy({ engine, log, settings }: OpenedStack, { release, reason }: RollbackOptions): string {
  if (release !== undefined) {
    throw new Refusal("by policy there is no choice of a release", `rewind rollback ${release}`);
  }
  const entries = log.entries();
  const stop = stopped(entries);
  if (stop !== undefined) {
    throw new Refusal(describeStop(stop), "rewind status", "stopped");
  }
  const last = deployments(entries).at(-1);
  if (last?.outcome?.result !== "failed") {
    const what =
      last === undefined ? "nothing was deployed yet" : `${last.intent.to.release} did not fail verification`;
    throw new Refusal(`nothing to go back from: ${what}`, "rewind status");
  }
  if (settings.onFailure !== "rollback") {
    throw new Refusal(`${engine.name} waits for a person when verification fails (rewind:onFailure)`, "rewind assess");
  }
  if (last.intent.rollback !== undefined) {
    const what = "what failed was a rollback itself; by policy it is done once, then a person decides";
    throw new Refusal(what, "rewind assess");
  }
  const why = `verification of ${last.intent.to.release} failed`;
  return reason === undefined ? why : `${why}: ${reason}`;
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
  const byPolicy = options.byPolicy === true;
  const reason = byPolicy ? reasonByPolicy(stack, options) : options.reason;
  const whole = planRollback(planningOf(stack), options.release, options.level);
  const { release } = whole.plan.to;
  const command = `rewind rollback ${release} --level ${options.level}`;
  // What the stack file says beforehand needs nobody else's agreement.
  if (!byPolicy) refuseUnapproved(stack, whole.plan, command, options.now());
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

/** Entries that change nothing of a stack. */
const saysOnly: ReadonlySet<Entry["kind"]> = new Set([
  "answer",
  "approval",
  "backup",
  "escalation",
  "request",
  "request-approval",
]);

/**
 * Refuses a plan that is not for the stack as it is any more: somebody agreed to it for another.
 * @throws Refusal
 */
export function refuseStale({ file, log }: OpenedStack, { text, last }: Planned): void {
  const entries = log.entries();
  const since = entries.slice(entries.findIndex(({ id }) => id === last) + 1);
  const now = since.findLast(({ kind }) => !saysOnly.has(kind));
  const next = "the same command again, which plans anew";
  if (now !== undefined) {
    const kind = openRollback(entries) === undefined ? "refused" : "locked";
    throw new Refusal(`the plan is stale: ${now.by} changed the stack meanwhile (${now.kind} ${now.id})`, next, kind);
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
  const pending = pendingIn(options.tell);
  const done = await runRollback(stack, planned, { ...options, tell: pending.tell });
  const first = concluded(stack, planned.plan, done, stop);
  if (first.code === exitCodes.ok && pending.said()) await trySettling(stack, options.tell);
  const failed = done.applied.end === "judged" && done.applied.outcome.result === "failed";
  if (!failed || options.signal.aborted || stack.settings.onFailure !== "rollback") return first;
  return await backByPolicy(stack, planned.plan, first, stop, options);
}

/** What a rollback that has ended leaves: its report, and no stop where it passed. */
function concluded(stack: OpenedStack, plan: Plan, done: Ended, stop: Stop | undefined): VerbResult<RollbackOnceJson> {
  const passed = done.applied.end === "judged" && done.applied.outcome.result === "passed";
  const standing = passed && stop !== undefined ? liftStop(stack, plan.to.release, stop) : undefined;
  const report = reportOf(stack, plan, done);
  const lost = keepReport(report, stack.log.folder);
  const result = resultOf(report);
  // The rollback is what it is, also where nothing more of it finds room.
  const text = [
    result.text,
    ...(standing === undefined ? [] : [`The stack is still stopped, for that could not be recorded: ${standing}`]),
    ...(lost === undefined ? [] : [`The report could not be kept: ${lost}`]),
  ].join("\n");
  return { ...result, text };
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
    const done = await runRollback(stack, planned, { ...options, reason, skipped: [] });
    const second = concluded(stack, planned.plan, done, stop);
    const text = `${second.text}\n\nFirst error, because of which the stack went back:\n${first.text}`;
    // That the stack is well again does not make the rollback that was asked for a success.
    return { code: first.code, text, json: { ...first.json, then: second.json } };
  } catch (error) {
    const next = error instanceof Refusal ? error.next : "rewind status";
    return { ...first, text: `${first.text}\nNot gone back: ${describeError(error)}\nNext:     ${next}` };
  }
}

/**
 * A rollback that passed lifts the emergency stop under which it began, and none that somebody made since.
 * @returns why it stands still, where that could not be recorded
 */
export function liftStop({ log }: Pick<OpenedStack, "log">, release: ReleaseId, stop: Stop): string | undefined {
  try {
    if (stopped(log.entries())?.id === stop.id) log.append({ kind: "start", reason: `${release} is verified` });
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
