import type { Approval } from "../records/entry";
import { author } from "../records/log";
import { digestOfPlan, type Plan } from "../release/plan";
import type { Level } from "../release/level";
import { milliseconds, type ReleaseId } from "../release/primitives";
import { refusedBy, type Agreement } from "./agreement";
import { exitCodes } from "./exit-codes";
import { planRollback } from "./planning";
import type { ApproveJson } from "./json/rollback";
import { Refusal, type Tell, type VerbResult } from "./result";
import { planningOf, planText } from "./rollback-plan";
import { open, type OpenedStack, type Where } from "./stack";

/** How long an approval holds unless the stack says it. */
const usual = "30m";
/** By how much two machines may tell the time differently, in milliseconds. */
const clocksDiffer = 60_000;

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
  const { approval } = settings;
  if (approval === undefined) return;
  const next = `somebody else: rewind approve ${plan.to.release} --level ${plan.level} --stack ${engine.name}; then ${command}`;
  if (plan.level === "manual") {
    throw new Refusal("steps that are chosen one by one cannot be approved beforehand", "--level full");
  }
  const digest = digestOfPlan(plan);
  const given = log.entries().filter((entry): entry is Approval => entry.kind === "approval" && entry.plan === digest);
  const others = given.filter(({ by }) => !isSamePerson(by, author()));
  const valid = approval.validFor ?? usual;
  const age = ({ at }: Approval): number => now.getTime() - Date.parse(at);
  if (others.some((each) => age(each) >= -clocksDiffer && age(each) <= milliseconds(valid))) return;
  const [own, old] = [given.at(-1), others.at(-1)];
  throw new Refusal(
    old !== undefined && age(old) < -clocksDiffer
      ? `the approval by ${old.by} of ${old.at} is from the future: a clock is wrong`
      : old !== undefined
        ? `the approval by ${old.by} of ${old.at} is older than ${valid}`
        : own !== undefined
          ? `${own.by} approved this plan and cannot be the second one, too`
          : "a rollback of this stack needs somebody else's agreement to its plan",
    next,
  );
}

/**
 * Whether two authors of entries may be one person: the same name on two machines is one, and so is an account that names
 * its operator once and forgets it the next time.
 */
export function isSamePerson(one: string, other: string): boolean {
  const [a, b] = [personOf(one), personOf(other)];
  if (a.operator !== undefined && b.operator !== undefined) return a.operator === b.operator;
  return a.user === b.user || (a.operator ?? a.user) === (b.operator ?? b.user);
}

function personOf(by: string): { readonly operator: string | undefined; readonly user: string } {
  const [, operator, user = ""] = /^(?:(\S+) via )?(.*)@[^@]*$/.exec(by) ?? [];
  return { operator, user };
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
  if (settings.approval === undefined) {
    throw new Refusal(`${engine.name} asks for no second agreement (rewind:approval)`, "rewind rollback");
  }
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
    `Approved by ${entry.by}, for ${settings.approval.validFor ?? usual}: ${plan.from.release} → ${plan.to.release}, level ${plan.level}`,
    `Recorded: ${log.location} entry ${entry.id}`,
    `Next:     somebody else: rewind rollback ${plan.to.release} --level ${plan.level}`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: entry };
}
