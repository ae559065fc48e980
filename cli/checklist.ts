import { deployments } from "../records/state";
import { areaOf } from "../release/areas";
import { definitionOf } from "../release/assessment";
import { areas, type Area } from "../release/schema/common";
import type { Question } from "../release/schema/verification";
import { judge, type Check } from "../release/verdict";
import { exitCodeOf } from "./exit-codes";
import { checkLines, coloured } from "./report";
import type { ChecklistJson } from "./json/rollback";
import { Refusal, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";
import { measureStack } from "./verify";

/** What the caller of `rewind checklist` decides. */
export interface ChecklistOptions {
  /** Answers given beforehand, by the names of the questions. */
  readonly answers: Readonly<Record<string, boolean>>;
  /** What goes with the answers into the log. */
  readonly note?: string | undefined;
  /** Asks a person for one of several words; undefined without a terminal. */
  readonly choose: ((question: string, words: readonly string[]) => Promise<string>) | undefined;
}

const titles: Readonly<Record<Area, string>> = {
  health: "Service health",
  authentication: "Authentication and access",
  features: "Core features",
  data: "Data integrity",
  performance: "Performance",
};

/**
 * `rewind checklist`: every check of verification in its checklist, and the questions that only a person can answer.
 * Answers stand in the deployment log; one that is missing leaves the verdict open.
 * @throws Refusal when an answer is given to what the stack does not ask
 */
export async function checklist(where: Where, options: ChecklistOptions): Promise<VerbResult<ChecklistJson>> {
  const stack = await open(where);
  const { engine, settings, log } = stack;
  const questions = settings.verification?.questions ?? {};
  const unasked = Object.keys(options.answers).filter((name) => !Object.hasOwn(questions, name));
  if (unasked.length > 0) {
    const known = Object.keys(questions).join(", ") || "none";
    throw new Refusal(`the stack does not ask ${unasked.join(", ")}; it asks ${known}`, "rewind checklist");
  }
  const last = deployments(log.entries()).at(-1)?.intent.id;
  if (last === undefined) throw new Refusal(`nothing was deployed to ${engine.name} yet`, "pulumi up");
  const { checks } = await measureStack(stack);
  const definitions = settings.verification?.checks ?? {};
  const items: { readonly area: Area; readonly check: Check }[] = checks.map((check) => ({
    area: areaOf(check, definitionOf(definitions, check)),
    check,
  }));
  for (const [name, question] of Object.entries(questions)) {
    items.push({ area: question.area, check: await answered(stack, last, name, question, options) });
  }
  const verdict = judge(items.map(({ check }) => check));
  const lists = areas.flatMap((area) => {
    const own = items.filter((item) => item.area === area).map(({ check }) => check);
    return own.length === 0 ? [] : [{ area, title: titles[area], ...judge(own) }];
  });
  const unanswered = verdict.checks.filter(
    ({ name, result }) => result === "inconclusive" && Object.hasOwn(questions, name),
  );
  const given = unanswered.map(({ name }) => `--answer ${name}=yes`).join(" ");
  const next =
    unanswered.length > 0
      ? `rewind checklist ${given}, or on a terminal`
      : verdict.result === "passed"
        ? undefined
        : "rewind assess, which says how bad it is and what to type";
  const text = [
    ...lists.flatMap((list) => [coloured("bold", list.title), ...checkLines(list.checks)]),
    `${items.filter(({ check }) => check.result === "passed").length} of ${items.length} are well`,
    ...(next === undefined ? [] : [`Next: ${next}`]),
  ].join("\n");
  return {
    code: exitCodeOf[verdict.result],
    text,
    json: {
      stack: engine.name,
      deployment: last,
      result: verdict.result,
      lists,
      ...(next === undefined ? {} : { next }),
    },
  };
}

/** A question as a check: a yes passes, a no fails, and nothing leaves it open. */
async function answered(
  { log }: OpenedStack,
  of: string,
  question: string,
  { ask }: Question,
  { answers, choose, note }: ChecklistOptions,
): Promise<Check> {
  const given = Object.hasOwn(answers, question) ? answers[question] : undefined;
  const word = given === undefined ? await choose?.(ask, ["yes", "no", "skip", "abort"]) : given ? "yes" : "no";
  if (word === "abort") throw new Refusal("aborted; the answers that were given stay in the log", "rewind checklist");
  const check = { name: question, milliseconds: 0, attempts: 1 };
  if (word !== "yes" && word !== "no") return { ...check, result: "inconclusive", evidence: `${ask} Nobody answered.` };
  const { by } = log.append({
    kind: "answer",
    of,
    question,
    yes: word === "yes",
    ...(note === undefined ? {} : { note }),
  });
  return { ...check, result: word === "yes" ? "passed" : "failed", evidence: `${ask} ${word}, says ${by}` };
}
