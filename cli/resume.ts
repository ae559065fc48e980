import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import type { RollbackBegun, RollbackEnded } from "../records/entry";
import { isAlive, isOfThisMachine } from "../records/runner";
import { deployments, isJudged, stopped, unfinishedRollback, type Deployment } from "../records/state";
import type { ReleaseId } from "../release/primitives";
import { redactor } from "../release/redact";
import { refusedBy } from "./agreement";
import { applyStackFile } from "./apply";
import { exitCodes } from "./exit-codes";
import type { ResumedJson } from "./json/rollback";
import { withPin } from "../project/pin";
import { trySettling } from "./pending-operations";
import { planRollback } from "./planning";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { carryOut, liftStop, refuseStale, type RollbackOptions } from "./rollback";
import { inOneLine, recordEnd } from "./rollback-run";
import { planningOf, planText } from "./rollback-plan";
import { open, type OpenedStack, type Where } from "./stack";

/** A rollback that nobody works on any more, and how far it came. */
interface Interrupted {
  readonly begun: RollbackBegun;
  /** What the engine began of it; undefined when nothing was touched. */
  readonly deployment: Deployment | undefined;
  /** What somebody has applied since that: then neither way is left to it. */
  readonly since: Deployment | undefined;
  /** Its end, where it said itself that it came to none: by Ctrl-C, or because the engine failed half-way. */
  readonly ended: RollbackEnded | undefined;
}

/** What a verb that ends a rollback is told. */
export type ResumeOptions = Omit<RollbackOptions, "level"> & {
  /** Whether somebody knows that the process of another machine is gone. */
  readonly gone: boolean;
};

/**
 * `rewind resume`: a rollback that was interrupted goes on to its target.
 * @throws Refusal when none was, or when it still works
 */
export async function resume(where: Where, options: ResumeOptions): Promise<VerbResult<ResumedJson>> {
  let stack = await open(where, options.signal);
  const found = interruptedIn(stack, "resume", options.gone);
  const { begun, deployment } = found;
  options.tell(howFar(found));
  // It begins anew then, from what the stack file pinned: whoever gives that one up finds its way back, too.
  if (deployment === undefined && putPinBack(stack, begun)) stack = await open(where, options.signal);
  if (found.since !== undefined) return overtaken(stack, found, found.since);
  if (deployment?.outcome?.result === "passed") return await concluded(stack, found, deployment, options);
  const planned = planRollback(planningOf(stack), begun.to, begun.level, {
    own: begun.id,
    skipped: skippedIn(stack, begun),
  });
  options.tell(planText(planned.plan).join("\n"));
  const reason = `resumes ${begun.id}${begun.reason === undefined ? "" : `: ${begun.reason}`}`;
  const refused = await refusedBy(stack, options, `Go on with the rollback to ${begun.to}?`, "rewind resume");
  if (refused !== undefined) return refused;
  refuseStale(stack, planned);
  const last = end(stack, found, "unfinished", "it was interrupted, and resumed") ?? planned.last;
  return settled(
    stack,
    options,
    await carryOut(stack, { ...planned, last }, { ...options, reason, level: begun.level }),
  );
}

/** What was carried out, and then what the engine remembers of the update that was killed. */
async function settled<T>(stack: OpenedStack, { tell }: ResumeOptions, result: VerbResult<T>): Promise<VerbResult<T>> {
  if (result.code === exitCodes.ok) await trySettling(stack, tell);
  return result;
}

/** The verdict is written before the engine is done: workers may still wait, and what is to be deleted may be there. */
async function concluded(
  stack: OpenedStack,
  found: Interrupted,
  { intent }: Deployment,
  options: ResumeOptions,
): Promise<VerbResult<ResumedJson>> {
  const { begun } = found;
  const common = { run: begun.id, deployment: intent.id };
  const passed = (): VerbResult<ResumedJson> => {
    end(stack, found, "passed", "its end was not recorded");
    const entries = stack.log.entries();
    const stop = stopped(
      entries.slice(
        0,
        entries.findIndex(({ id }) => id === begun.id),
      ),
    );
    if (stop !== undefined) liftStop(stack, begun.to, stop);
    const text = `The rollback to ${begun.to} has come to its end: ${begun.to} is verified.\nNext: rewind verify`;
    return { code: exitCodes.ok, text, json: { outcome: "passed", ...common } };
  };
  const left = Object.entries(await stack.engine.preview()).filter(([kind, count]) => kind !== "same" && count > 0);
  if (left.length === 0) return settled(stack, options, passed());
  const words = left.map(([kind, count]) => `${count} ${kind}`).join(", ");
  const question = `${begun.to} is verified; do what the engine has left (${words})?`;
  const refused = await refusedBy(stack, options, question, "rewind resume");
  if (refused !== undefined) return refused;
  const { tell, signal } = options;
  const text = readFileSync(stack.file, "utf8");
  const applied = await applyStackFile(stack, text, `finishes ${begun.id}`, {
    tell,
    signal,
    rollback: begun.id,
  });
  if (applied.end === "unchanged" || (applied.end === "judged" && applied.outcome.result === "passed")) {
    return settled(stack, options, passed());
  }
  const reason = applied.end === "judged" ? applied.outcome.result : inOneLine(applied.reason, redactor(stack.secrets));
  end(stack, found, "unfinished", `verified, but the engine was not done: ${reason}`);
  return {
    code: exitCodes.error,
    text: `${begun.to} is verified, but the engine is not done: ${reason}\nNext: pulumi up, which finishes it`,
    json: { outcome: "unfinished", ...common },
  };
}

/**
 * `rewind abort`: a rollback that was interrupted is given up. Where nothing was touched only the stack file goes back;
 * otherwise what ran before is applied and verified again.
 */
export async function abort(where: Where, options: ResumeOptions): Promise<VerbResult<ResumedJson>> {
  const stack = await open(where, options.signal);
  const found = interruptedIn(stack, "abort", options.gone);
  const { begun, deployment } = found;
  options.tell(howFar(found));
  if (deployment === undefined) return givenUp(stack, found);
  if (found.since !== undefined) return overtaken(stack, found, found.since);
  const { ran } = begun;
  const planned = planRollback(planningOf(stack), ran.release, "full", { own: begun.id, skipped: ran.pins });
  options.tell(planText(planned.plan).join("\n"));
  const reason = `gives ${begun.id} up`;
  const refused = await refusedBy(stack, options, `Go back to ${ran.release}?`, "rewind abort");
  if (refused !== undefined) return refused;
  refuseStale(stack, planned);
  const last = end(stack, found, "aborted", "it was interrupted, and given up") ?? planned.last;
  return settled(stack, options, await carryOut(stack, { ...planned, last }, { ...options, reason, level: "full" }));
}

/** What stands is what somebody applied since; that the rollback came to no end is written down. */
function overtaken(stack: OpenedStack, found: Interrupted, { intent }: Deployment): VerbResult<ResumedJson> {
  const { begun } = found;
  const words = `${intent.to.release} was applied since by ${intent.by} (entry ${intent.id})`;
  end(stack, found, "unfinished", words);
  const text = `Nothing is left of the rollback to ${begun.to}: ${words}.\nNext: rewind verify`;
  const code = intent.to.release === begun.to ? exitCodes.ok : exitCodes.refused;
  return { code, text, json: { outcome: "unfinished", run: begun.id, since: intent.id } };
}

/** Nothing was touched: the stack file pins again what it pinned, unless somebody has set another pin since. */
function givenUp(stack: OpenedStack, found: Interrupted): VerbResult<ResumedJson> {
  const { settings } = stack;
  const { begun } = found;
  const { before } = begun;
  const ours = putPinBack(stack, begun);
  end(stack, found, "aborted", "given up before anything was touched");
  const pins =
    ours || settings.release === before.release
      ? `pins ${before.release} as before`
      : `is left as it is, pinned at ${settings.release}`;
  const text = `Given up; it had touched nothing, and the stack file ${pins}.\nNext: rewind verify`;
  return {
    code: exitCodes.ok,
    text,
    json: { outcome: "aborted", run: begun.id, release: ours ? before.release : settings.release },
  };
}

/** The pin of before, where the stack file has that of a rollback which touched nothing, and nobody has applied it since. */
function putPinBack({ settings, file, log }: OpenedStack, { id, to, before }: RollbackBegun): boolean {
  const entries = log.entries();
  const others = deployments(entries.slice(entries.findIndex((entry) => entry.id === id))).length > 0;
  const ours = settings.release === to && !others;
  if (ours) writeAtomically(file, withPin(readFileSync(file, "utf8"), before.release, before.pins));
  return ours;
}

function interruptedIn({ log }: OpenedStack, verb: "resume" | "abort", gone: boolean): Interrupted {
  const entries = log.entries();
  const found = unfinishedRollback(entries);
  if (found === undefined) throw new Refusal(`there is no rollback to ${verb}`, "rewind status");
  const { begun, ended } = found;
  if (ended === undefined && isAlive(begun.runner)) {
    throw new Refusal(
      `the rollback to ${begun.to} by ${begun.by} still works, as process ${begun.runner.pid}`,
      "wait for it, or interrupt it with Ctrl-C where it runs",
      "locked",
    );
  }
  if (ended === undefined && !isOfThisMachine(begun.runner) && !gone) {
    throw new Refusal(
      `the rollback to ${begun.to} was begun on ${begun.runner.host}, which cannot be asked whether it still works`,
      `rewind ${verb} --runner-is-gone, when you know that it does not`,
      "locked",
    );
  }
  const all = deployments(entries);
  const at = all.findLastIndex(({ intent }) => intent.rollback === begun.id);
  return { begun, ended, deployment: all[at], since: at < 0 ? undefined : all.slice(at + 1).at(-1) };
}

/** What was left where it is when the rollback began, by the releases that it came from. */
function skippedIn(stack: OpenedStack, { skipped = [], ran }: RollbackBegun): Record<string, ReleaseId> {
  if (skipped.length === 0) return {};
  const { sources } = stack.repinned(ran.release, ran.pins).pinned;
  return Object.fromEntries(skipped.flatMap((path) => (sources[path] === undefined ? [] : [[path, sources[path]]])));
}

function howFar({ begun, deployment }: Interrupted): string {
  const head = `A rollback ${begun.from} → ${begun.to} by ${begun.by} of ${begun.at} was interrupted`;
  const far =
    deployment === undefined
      ? "before anything was touched"
      : deployment.outcome !== undefined && isJudged(deployment.outcome)
        ? `after its verification said ${deployment.outcome.result}`
        : `in the middle of the update (entry ${deployment.intent.id})`;
  return coloured("yellow", `${head}, ${far}.`);
}

/** Writes the end of a rollback that has none yet, and returns the entry's id. */
function end(
  { log }: OpenedStack,
  { begun, deployment, ended }: Interrupted,
  result: RollbackEnded["result"],
  reason: string,
): string | undefined {
  if (ended !== undefined) return undefined;
  return recordEnd(log, {
    kind: "rollback-end",
    of: begun.id,
    result,
    reason,
    ...(deployment === undefined ? {} : { deployment: deployment.intent.id }),
    milliseconds: Math.max(0, Date.now() - Date.parse(begun.at)),
    parts: {},
  }).id;
}
