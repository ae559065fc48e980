import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import type { RollbackBegun, RollbackEnded } from "../records/entry";
import { deployments, openRollback, type Deployment } from "../records/state";
import type { ReleaseId } from "../release/primitives";
import { exitCodes } from "./exit-codes";
import { withPin } from "./pin";
import { planBack, planRollback } from "./planning";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { carryOut, type RollbackOptions } from "./rollback";
import { planningOf, planText } from "./rollback-plan";
import { isAlive } from "./runner";
import { open, type OpenedStack, type Where } from "./stack";

/** A rollback that nobody works on any more, and how far it came. */
interface Interrupted {
  readonly begun: RollbackBegun;
  /** What the engine began of it; undefined when nothing was touched. */
  readonly deployment: Deployment | undefined;
}

/**
 * `rewind resume`: a rollback that was interrupted goes on to its target.
 * @throws Refusal when none was, or when it still works
 */
export async function resume(where: Where, options: Omit<RollbackOptions, "level">): Promise<VerbResult> {
  const stack = await open(where);
  const { begun, deployment } = interruptedIn(stack, "resume");
  options.tell(howFar({ begun, deployment }));
  if (deployment?.outcome?.result === "passed") {
    end(stack, begun, "passed", "its end was not recorded", deployment.intent.id);
    const text = `The rollback to ${begun.to} had come to its end: ${begun.to} is verified.\nNext: rewind verify`;
    return { code: exitCodes.ok, text, json: { outcome: "passed", run: begun.id, deployment: deployment.intent.id } };
  }
  const planned = planRollback(planningOf(stack), begun.to, begun.level, {
    own: begun.id,
    skipped: skippedIn(stack, begun),
  });
  options.tell(planText(planned.plan).join("\n"));
  const reason = `resumes ${begun.id}${begun.reason === undefined ? "" : `: ${begun.reason}`}`;
  return await confirmedThen(stack, options, `Go on with the rollback to ${begun.to}?`, async () => {
    end(stack, begun, "unfinished", "it was interrupted, and resumed", deployment?.intent.id);
    return carryOut(stack, planned, { ...options, reason, level: begun.level });
  });
}

/**
 * `rewind abort`: a rollback that was interrupted is given up. Where nothing was touched only the stack file goes back;
 * otherwise what ran before is applied and verified again.
 */
export async function abort(where: Where, options: Omit<RollbackOptions, "level">): Promise<VerbResult> {
  const stack = await open(where);
  const { begun, deployment } = interruptedIn(stack, "abort");
  const { before } = begun;
  options.tell(howFar({ begun, deployment }));
  if (deployment === undefined) {
    writeAtomically(stack.file, withPin(readFileSync(stack.file, "utf8"), before.release, before.pins));
    end(stack, begun, "aborted", "given up before anything was touched");
    const text = `Given up; nothing had been touched, and the stack file pins ${before.release} as before.\nNext: rewind verify`;
    return { code: exitCodes.ok, text, json: { outcome: "aborted", run: begun.id } };
  }
  const planned = planBack(planningOf(stack), before, begun.id);
  options.tell(planText(planned.plan).join("\n"));
  const reason = `gives ${begun.id} up`;
  return await confirmedThen(stack, options, `Go back to ${before.release}?`, async () => {
    end(stack, begun, "aborted", "it was interrupted, and given up", deployment.intent.id);
    return carryOut(stack, planned, { ...options, reason, level: "full" });
  });
}

async function confirmedThen(
  stack: OpenedStack,
  { agreed, confirm }: Pick<RollbackOptions, "agreed" | "confirm">,
  question: string,
  act: () => Promise<VerbResult>,
): Promise<VerbResult> {
  const isProduction = stack.settings.environment.kind === "production";
  if (isProduction && agreed === "unnamed") {
    throw new Refusal("production asks for its own name", `the same command with --stack ${stack.engine.name}`);
  }
  if (agreed === "no" && !(await confirm(question, isProduction ? stack.engine.name : "yes"))) {
    const text = "Left as it is.\nNext: rewind resume, or rewind abort";
    return { code: exitCodes.refused, text, json: { outcome: "refused", aborted: true } };
  }
  return act();
}

function interruptedIn({ log }: OpenedStack, verb: "resume" | "abort"): Interrupted {
  const entries = log.entries();
  const begun = openRollback(entries);
  if (begun === undefined) throw new Refusal(`there is no rollback to ${verb}`, "rewind status");
  if (isAlive(begun.runner)) {
    throw new Refusal(
      `the rollback to ${begun.to} by ${begun.by} still works, as process ${begun.runner.pid}`,
      "wait for it, or interrupt it with Ctrl-C where it runs",
    );
  }
  const later = entries.slice(entries.indexOf(begun));
  const deployment = deployments(later).findLast(({ intent }) => intent.to.release === begun.to);
  return { begun, deployment };
}

/** What was left where it is when the rollback began, by the releases that it came from. */
function skippedIn(stack: OpenedStack, { skipped = [], before }: RollbackBegun): Record<string, ReleaseId> {
  if (skipped.length === 0) return {};
  const { sources } = stack.repinned(before.release, before.pins).pinned;
  return Object.fromEntries(skipped.flatMap((path) => (sources[path] === undefined ? [] : [[path, sources[path]]])));
}

function howFar({ begun, deployment }: Interrupted): string {
  const head = `A rollback ${begun.from} → ${begun.to} by ${begun.by} of ${begun.at} was interrupted`;
  const far =
    deployment === undefined
      ? "before anything was touched"
      : deployment.outcome === undefined
        ? `in the middle of the update (entry ${deployment.intent.id})`
        : `after its verification said ${deployment.outcome.result}`;
  return coloured("yellow", `${head}, ${far}.`);
}

function end(
  { log }: OpenedStack,
  begun: RollbackBegun,
  result: RollbackEnded["result"],
  reason: string,
  deployment?: string,
): void {
  log.append({
    kind: "rollback-end",
    of: begun.id,
    result,
    reason,
    ...(deployment === undefined ? {} : { deployment }),
    milliseconds: Math.max(0, Date.now() - Date.parse(begun.at)),
    parts: {},
  });
}
