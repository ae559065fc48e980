import { describeChange, type Change } from "../release/diff";
import type { Plan } from "../release/plan";
import type { ReleaseId } from "../release/primitives";
import { backUp } from "./backup";
import { running } from "./planning";
import { coloured } from "./report";
import { Refusal } from "./result";
import type { RollbackOptions } from "./rollback";
import { planningOf } from "./rollback-plan";
import type { OpenedStack } from "./stack";

/** What a person may answer to a step. */
const words = ["yes", "no", "inspect", "back up", "abort"] as const;

/**
 * Asks for every change of a plan whether it is wanted. What is answered with no stays where it is: it is pinned apart,
 * at the release that it comes from now.
 *
 * @returns what is left out, by its path, and that release
 * @throws Refusal when nobody can be asked, and when somebody aborts
 */
export async function chooseSteps(
  stack: OpenedStack,
  plan: Plan,
  { choose, tell, now }: Pick<RollbackOptions, "choose" | "tell" | "now">,
): Promise<Record<string, ReleaseId>> {
  if (choose === undefined) throw new Refusal("manual asks for every step, and nobody can be asked", "--level full");
  const { sources } = running(planningOf(stack)).pinned;
  const skipped: Record<string, ReleaseId> = {};
  for (const [at, change] of plan.changes.entries()) {
    const path = `${change.facet}/${change.entry}`;
    const source = sources[path];
    const question = `Step ${at + 1} of ${plan.changes.length}, risk ${change.risk}: ${path} ${change.action}.`;
    for (let answer = ""; answer !== "yes" && answer !== "no";) {
      answer = await choose(question, words);
      if (answer === "abort") throw new Refusal("aborted; nothing was touched", "rewind status");
      if (answer === "inspect") tell(inspected(change));
      if (answer === "back up") tell(`  ${(await backUp(stack, { occasion: "rollback", now: now() })).place}`);
      if (answer !== "no") continue;
      if (source !== undefined) skipped[path] = source;
      else {
        // What is not there yet cannot be pinned where it is.
        tell(coloured("yellow", `  ${path} is new in ${plan.to.release} and goes with it: yes, or abort`));
        answer = "";
      }
    }
  }
  return skipped;
}

function inspected(change: Change): string {
  return describeChange(change)
    .map((line) => `  ${line}`)
    .join("\n");
}
