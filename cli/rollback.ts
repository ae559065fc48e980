import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import { deployments, holds } from "../records/state";
import { describeChange, diffPinned, type Change } from "../release/diff";
import type { Pinned } from "../release/pinned";
import type { ReleaseId } from "../release/primitives";
import { failures, type Verdict } from "../release/verdict";
import { backUp, type Backup } from "./backup";
import { EngineError } from "./engine";
import { exitCodeOf, exitCodes } from "./exit-codes";
import { withPin } from "./pin";
import { checkLines, coloured, duration } from "./report";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";

/** `fast` leaves the database as it is; `full` moves everything that the release pins. */
export const levels = ["fast", "full"] as const;
export type Level = (typeof levels)[number];

/** What the caller decides about a rollback. */
export interface RollbackOptions {
  readonly release: ReleaseId;
  readonly level: Level;
  readonly reason?: string;
  readonly tell: Tell;
  /** Asks the person; false is a no. */
  readonly confirm: (question: string) => Promise<boolean>;
  readonly now: () => Date;
}

/** The intended change, shown before it is applied; what is shown is what is applied. */
interface Plan {
  readonly from: Pinned;
  readonly to: Pinned;
  readonly pins: Readonly<Record<string, ReleaseId>>;
  readonly level: Level;
  readonly changes: readonly Change[];
}

/**
 * `rewind rollback <release>`: shows what would change, asks, backs up what is there, moves the pin, applies it between
 * the stack's gates, and reports. A refusal before the first change puts the stack file back as it was.
 */
export async function rollback(where: Where, options: RollbackOptions): Promise<VerbResult> {
  const { tell, confirm, now } = options;
  const started = now();
  const stack = await open(where);
  const plan = planRollback(stack, options);
  tell(bannerOf(stack, plan));
  if (!(await confirm(`Roll ${stack.engine.name} back to ${plan.to.release}?`))) {
    return { code: exitCodes.refused, text: "Aborted; nothing was touched.", json: { aborted: true } };
  }
  tell("Backing up the present state …");
  const backup = await backUp(stack, now());
  tell(`  ${backup.folder}`);
  const verdict = await apply(stack, plan, options);
  const took = now().getTime() - started.getTime();
  return report(stack, plan, backup, verdict, took);
}

/**
 * The change from the running pin to another.
 * @throws Refusal when the target is unknown, on hold, or already runs
 */
function planRollback({ settings, log, repinned }: OpenedStack, { release, level }: RollbackOptions): Plan {
  const { catalogue, pinned } = settings;
  if (!catalogue.includes(release)) {
    throw new Refusal(`no release ${release}; the catalogue has ${catalogue.join(", ")}`, "rewind rollback <release>");
  }
  const hold = holds(log.entries()).get(release);
  if (hold !== undefined) {
    throw new Refusal(`${release} is on hold: ${hold.reason}`, `rewind unhold ${release} --reason "…"`);
  }
  const pins = level === "fast" ? databasePins(pinned) : {};
  const to = repinned(release, pins).pinned;
  const changes = diffPinned(pinned, to);
  const last = deployments(log.entries()).at(-1);
  if (changes.length === 0 && last?.outcome?.result === "passed" && last.intent.to.digest === to.digest) {
    throw new Refusal(`rollback not required: ${release} is what runs`, "rewind verify");
  }
  return { from: pinned, to, pins, level, changes };
}

/** Pins every table apart at the release that it has now. */
function databasePins({ sources }: Pinned): Record<string, ReleaseId> {
  return Object.fromEntries(Object.entries(sources).filter(([path]) => path.startsWith("config/")));
}

function bannerOf({ engine }: OpenedStack, { from, to, level, changes }: Plan): string {
  const database = level === "fast" ? "none: configuration rows stay as they are" : "configuration rows of the release";
  const lines = changes.flatMap((change) => describeChange(change).map((line) => `  [${change.risk}] ${line}`));
  return [
    coloured("bold", `Rollback of ${engine.name}: ${from.release} → ${to.release}`),
    `Level:    ${level}`,
    `Target:   ${to.release} (${to.digest.slice(0, 19)}…)`,
    `Database: ${database}`,
    `Changes:  ${changes.length}`,
    ...lines,
    "Not undone: rows that the application wrote itself, and messages that it sent.",
  ].join("\n");
}

async function apply(
  stack: OpenedStack,
  plan: Plan,
  { tell, reason }: RollbackOptions,
): Promise<Verdict | EngineError> {
  const { engine, file, log } = stack;
  const before = readFileSync(file, "utf8");
  const known = deployments(log.entries()).length;
  writeAtomically(file, withPin(before, plan.to.release, plan.pins));
  tell(`Applying ${plan.to.release} …`);
  try {
    const message = `rollback to ${plan.to.release}${reason === undefined ? "" : `: ${reason}`}`;
    await engine.up(message, (text) => {
      tell(text.trimEnd());
    });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // No entry means that the gate refused it: nothing was touched, so nothing is left behind in the stack file.
    const touched = deployments(log.entries()).length > known;
    if (!touched) writeAtomically(file, before);
    return deployments(log.entries()).at(touched ? -1 : known)?.outcome ?? error;
  }
  const outcome = deployments(log.entries()).at(-1)?.outcome;
  return outcome ?? new EngineError("the update left no outcome in the deployment log");
}

function report(
  { engine, log }: OpenedStack,
  { from, to, level, changes }: Plan,
  backup: Backup,
  result: Verdict | EngineError,
  took: number,
): VerbResult {
  const common = { stack: engine.name, from: from.release, to: to.release, level, changes, backup, milliseconds: took };
  if (result instanceof EngineError) {
    const text = `Refused; ${from.release} runs as before.\n${result.message}\nNext: rewind verify`;
    return { code: exitCodes.refused, text, json: { ...common, outcome: "refused", reason: result.message } };
  }
  const passed = result.result === "passed";
  const headline = passed
    ? coloured("green", `ROLLBACK SUCCESS: ${engine.name} runs ${to.release}, verified`)
    : coloured("red", `ROLLBACK FAILED: ${failures(result).length} checks of ${to.release} did not pass`);
  const text = [
    headline,
    ...checkLines(result.checks),
    `From ${from.release} to ${to.release}, level ${level}, ${changes.length} changes, ${duration(took)}`,
    `Backup:   ${backup.folder}`,
    `Recorded: ${log.location}`,
    passed ? `Undo:     rewind rollback ${from.release}` : "Next:     rewind verify",
  ].join("\n");
  return { code: exitCodeOf[result.result], text, json: { ...common, outcome: result.result, checks: result.checks } };
}
