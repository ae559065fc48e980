import { deployments } from "../records/state";
import { adviceFor, fourQuestions, scopeOf } from "../release/assessment";
import type { Level } from "../release/level";
import { failures } from "../release/verdict";
import { exitCodeOf } from "./exit-codes";
import type { AssessJson } from "./json/rollback";
import { planRollback, type Planning } from "./planning";
import { checkLines, coloured, duration } from "./report";
import { Refusal, type VerbResult } from "./result";
import { planningOf } from "./rollback-plan";
import { open, type OpenedStack, type Where } from "./stack";
import { measureStack } from "./verify";
import { counted } from "../release/text";

/** What the caller knows that no check can measure. */
export interface AssessOptions {
  /** Whether a hotfix is within reach in 15 minutes. */
  readonly hotfix: boolean | undefined;
  readonly now: () => Date;
}

/**
 * `rewind assess`: the four questions that come before any rollback, every trigger measured, what broke, how bad it is,
 * and what to type next. Changes nothing.
 */
export async function assess(where: Where, { hotfix, now }: AssessOptions): Promise<VerbResult<AssessJson>> {
  const stack = await open(where);
  const { settings, log, engine } = stack;
  const verdict = await measureStack(stack);
  const last = deployments(log.entries()).at(-1)?.intent;
  const questions = fourQuestions({
    checks: verdict.checks,
    production: settings.environment.kind === "production",
    last:
      last === undefined
        ? undefined
        : { release: last.to.release, milliseconds: Math.max(0, now().getTime() - Date.parse(last.at)) },
    hotfix,
  });
  const scope = scopeOf(verdict, settings.verification?.checks ?? {});
  const { severity, level, what } = adviceFor(scope);
  const triggers = verdict.checks.flatMap(({ trigger, evidence }) =>
    trigger === undefined ? [] : [{ trigger, evidence }],
  );
  const rollback = level === undefined ? undefined : wayBack(stack, level);
  const json = {
    stack: engine.name,
    verdict,
    questions,
    triggers,
    scope,
    severity,
    level: level ?? null,
    advice: what,
    rollback,
  };
  const marks = { true: coloured("yellow", "yes"), false: coloured("green", "no "), undefined: "?  " };
  const text = [
    coloured(
      "bold",
      `Assessment of ${engine.name}: ${scope}, ${severity.name}, respond within ${severity.minutes} min`,
    ),
    ...questions.map(({ question, answer, because }) => `  ${marks[`${answer}`]}  ${question} ${because}`),
    ...triggers.map(({ trigger, evidence }) => coloured("red", `Trigger:  ${trigger}: ${evidence}`)),
    ...checkLines(failures(verdict)),
    `Advice:   ${what}`,
    ...(rollback?.text ?? []),
    `Next:     ${rollback?.next ?? (scope === "none" ? "rewind status" : "rewind verify, when the cause is mended")}`,
  ].join("\n");
  return { code: exitCodeOf[verdict.result], text, json };
}

/** Where a rollback would lead, and what stands in its way. */
function wayBack(
  stack: OpenedStack,
  level: Level,
): { readonly to?: string; readonly text: readonly string[]; readonly next: string } {
  try {
    const { plan } = planAtBest(planningOf(stack), level);
    const takes = plan.estimate === undefined ? "" : `, about ${duration(plan.estimate.milliseconds)}`;
    const text = [
      `Way back: ${plan.from.release} → ${plan.to.release}, level ${plan.level}, ${counted(plan.changes.length, "change")}${takes}`,
      ...plan.warnings.map((line) => coloured("yellow", `Warning:  ${line}`)),
    ];
    return { to: plan.to.release, text, next: `rewind rollback ${plan.to.release} --level ${plan.level}` };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { text: [`Way back: none: ${error.message}`], next: error.next };
  }
}

/** The plan at the level that is advised, or fully where that is refused. */
function planAtBest(planning: Planning, level: Level) {
  try {
    return planRollback(planning, undefined, level);
  } catch (error) {
    if (!(error instanceof Refusal) || level === "full") throw error;
    return planRollback(planning, undefined, "full");
  }
}
