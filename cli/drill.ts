import { objectiveOf } from "../release/objectives";
import type { ReleaseId } from "../release/primitives";
import { refusedBy } from "./agreement";
import { exitCodes } from "./exit-codes";
import { canonicalJson } from "../release/canonical";
import { deployments, stopped } from "../records/state";
import type { DrillJson } from "./json/rollback";
import { afterStop } from "./next";
import { obstaclesTo, planRollback } from "./planning";
import { against } from "./parts";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { carryOut, type RollbackOptions } from "./rollback";
import { planningOf, planText } from "./rollback-plan";
import { open, type Where } from "./stack";

/**
 * `rewind drill`: a rollback for practice, there and back again, each verified, recorded and measured like a real one.
 * @throws Refusal on a production stack, and where a rollback would be refused
 */
export async function drill(
  where: Where,
  release: ReleaseId | undefined,
  options: Omit<RollbackOptions, "level" | "release">,
): Promise<VerbResult<DrillJson>> {
  const { tell, signal } = options;
  const first = await open(where, signal);
  const { settings, engine } = first;
  if (settings.environment.kind === "production") {
    throw new Refusal(
      "a drill is not for production",
      "rewind can-rollback, which asks everything and changes nothing",
    );
  }
  const planning = planningOf(first);
  const stop = stopped(planning.entries);
  if (stop !== undefined) {
    throw new Refusal(`the stack is stopped: ${stop.reason}`, afterStop(planning), "stopped");
  }
  const last = deployments(planning.entries).at(-1)?.intent.to;
  if (last?.release !== settings.release || canonicalJson(last.pins) !== canonicalJson(settings.pins)) {
    throw new Refusal(
      "the pin is not what was applied, so there is no way back to it",
      "pulumi up, or the pin put back",
    );
  }
  const there = planRollback(planning, release, "full");
  const before = { release: settings.release, skipped: settings.pins };
  // What stands between the stack and where it is now would stand in the way back.
  const [hold] = obstaclesTo(planning, before.release, "full", before).filter(
    ({ reason }) => !reason.startsWith("rollback not required"),
  );
  if (hold !== undefined) throw new Refusal(`there would be no way back: ${hold.reason}`, hold.next, hold.kind);
  tell(planText(there.plan).join("\n"));
  const question = `Roll ${engine.name} back to ${there.plan.to.release}, and to ${there.plan.from.release} again?`;
  const refused = await refusedBy(first, options, question, "rewind drill");
  if (refused !== undefined) return refused;
  const began = performance.now();
  const gone = await carryOut(first, there, { ...options, level: "full", reason: "drill, there" });
  const halfway = performance.now();
  if (gone.code !== exitCodes.ok) return gone;
  const second = await open(where);
  const back = await carryOut(second, planRollback(planningOf(second), before.release, "full", before), {
    ...options,
    level: "full",
    reason: "drill, back",
  });
  const ended = performance.now();
  const objective = objectiveOf(settings.objectives, "total");
  const line = (what: string, took: number): string => `  ${what}  ${against(took, objective)}`;
  const passed = back.code === exitCodes.ok;
  const text = [
    ...(passed ? [] : [back.text]),
    passed
      ? coloured(
          "green",
          `DRILL PASSED: ${engine.name} went to ${there.plan.to.release} and back to ${before.release}, verified`,
        )
      : coloured("red", `DRILL FAILED on the way back to ${before.release}`),
    line("there", halfway - began),
    line("back ", ended - halfway),
    `Next: ${passed ? "rewind history" : "rewind assess"}`,
  ].join("\n");
  const json = { stack: engine.name, there: gone.json, back: back.json, milliseconds: Math.round(ended - began) };
  return { code: back.code, text, json };
}
