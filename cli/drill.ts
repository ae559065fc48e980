import { objectiveOf } from "../release/objectives";
import type { ReleaseId } from "../release/primitives";
import { exitCodes } from "./exit-codes";
import { planBack, planRollback } from "./planning";
import { coloured, duration } from "./report";
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
): Promise<VerbResult> {
  const { tell, confirm, agreed, now } = options;
  const first = await open(where);
  const { settings, engine } = first;
  if (settings.environment.kind === "production") {
    throw new Refusal(
      "a drill is not for production",
      "rewind can-rollback, which asks everything and changes nothing",
    );
  }
  const there = planRollback(planningOf(first), release, "full");
  tell(planText(there.plan).join("\n"));
  const question = `Roll ${engine.name} back to ${there.plan.to.release}, and to ${there.plan.from.release} again?`;
  if (agreed === "no" && !(await confirm(question, "yes"))) {
    return {
      code: exitCodes.refused,
      text: "Aborted; nothing was touched.",
      json: { outcome: "refused", aborted: true },
    };
  }
  const began = now().getTime();
  const before = { release: settings.release, pins: settings.pins };
  const gone = await carryOut(first, there, { ...options, level: "full", reason: "drill, there" });
  const halfway = now().getTime();
  if (gone.code !== exitCodes.ok) return gone;
  const second = await open(where);
  const back = await carryOut(second, planBack(planningOf(second), before), {
    ...options,
    level: "full",
    reason: "drill, back",
  });
  const ended = now().getTime();
  const objective = objectiveOf(settings.objectives, "total") ?? Number.POSITIVE_INFINITY;
  const line = (what: string, took: number): string =>
    `  ${what}  ${duration(took)}, ${took <= objective ? coloured("green", "within") : coloured("red", "over")} ${duration(objective)}`;
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
  const json = { stack: engine.name, there: gone.json, back: back.json, milliseconds: ended - began };
  return { code: back.code, text, json };
}
