import type { Approval } from "../records/entry";
import { digestOfPlan, type Plan } from "../release/plan";
import type { Level } from "../release/level";
import type { ReleaseId } from "../release/primitives";
import { refusedBy, type Agreement } from "./agreement";
import { exitCodes } from "./exit-codes";
import { planRollback } from "./planning";
import type { ApproveJson } from "./json/rollback";
import { Refusal, type Tell, type VerbResult } from "./result";
import { planningOf, planText } from "./rollback-plan";
import { refuseUnasked, validFor, whyNotAgreed } from "./second-person";
import { open, type OpenedStack, type Where } from "./stack";

/**
 * Refuses a plan that needs the agreement of somebody else and has none.
 * @param command what may be typed once it has
 * @throws Refusal
 */
export function refuseUnapproved(
  { log, settings, engine }: Pick<OpenedStack, "log" | "settings" | "engine">,
  plan: Plan,
  command: string,
  now: Date,
): void {
  if (settings.approval === undefined) return;
  const next = `somebody else: rewind approve ${plan.to.release} --level ${plan.level} --stack ${engine.name}; then ${command}`;
  if (plan.level === "manual") {
    throw new Refusal("steps that are chosen one by one cannot be approved beforehand", "--level full");
  }
  const digest = digestOfPlan(plan);
  const given = log.entries().filter((entry): entry is Approval => entry.kind === "approval" && entry.plan === digest);
  const why = whyNotAgreed(
    given,
    settings,
    now,
    "a rollback of this stack needs somebody else's agreement to its plan",
  );
  if (why !== undefined) throw new Refusal(why, next);
}

/** What the caller of `rewind approve` decides. */
export interface ApproveOptions extends Agreement {
  readonly level: Exclude<Level, "manual">;
  readonly tell: Tell;
}

/**
 * `rewind approve [release]`: agrees to the plan of a rollback that somebody else is to carry out; changes nothing.
 * @throws Refusal where the rollback itself would be refused, and where nobody needs to approve
 */
export async function approve(
  where: Where,
  release: ReleaseId | undefined,
  options: ApproveOptions,
): Promise<VerbResult<ApproveJson>> {
  const stack = await open(where);
  const { engine, log, settings } = stack;
  refuseUnasked(stack, "rewind rollback");
  const { plan } = planRollback(planningOf(stack), release, options.level);
  options.tell(planText(plan).join("\n"));
  const command = `rewind approve ${plan.to.release} --level ${plan.level}`;
  const refused = await refusedBy(stack, options, `Approve this rollback of ${engine.name}?`, command);
  if (refused !== undefined) return refused;
  const entry = log.append({
    kind: "approval",
    plan: digestOfPlan(plan),
    from: plan.from.release,
    to: plan.to.release,
    level: plan.level,
  }) as Approval;
  const text = [
    `Approved by ${entry.by}, for ${validFor(settings)}: ${plan.from.release} → ${plan.to.release}, level ${plan.level}`,
    `Recorded: ${log.location} entry ${entry.id}`,
    `Next:     somebody else: rewind rollback ${plan.to.release} --level ${plan.level}`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: entry };
}
