import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { shared, writeAtomically } from "../records/atomic-file";
import type { Entry, RollbackBegun, RollbackEnded } from "../records/entry";
import { deployments, escalationsIn, unfinishedRollback } from "../records/state";
import { describeError } from "../checks/probe";
import { criteriaOf, type Criterion } from "../release/criteria";
import { describeChange } from "../release/diff";
import type { ReleaseId } from "../release/primitives";
import { objectiveOf, type Objectives, type Part } from "../release/objectives";
import type { Plan } from "../release/plan";
import { evidenceOf, failures, type Check, type Result } from "../release/verdict";
import type { Applied } from "./apply";
import { exitCodeOf, exitCodes, type ExitCode, type RefusalKind } from "./exit-codes";
import type { RollbackOnceJson } from "./json/rollback";
import { against, objectiveLines } from "./parts";
import { lastGood } from "./planning";
import { checkLines, coloured, duration, marked } from "./report";
import type { VerbResult } from "./result";
import type { OpenedStack } from "./stack";
import { counted } from "../release/text";

/** What of a rollback is known when it has ended. */
export interface Ended {
  readonly begun: RollbackBegun;
  readonly ended: RollbackEnded;
  readonly applied: Applied;
}

/** A rollback from the decision to the verdict, as a person, a page or a machine reads it. */
export type RollbackReport = Omit<RollbackOnceJson, "plan"> & { readonly plan: Plan };

/** The report of a rollback that has ended. */
export function reportOf(
  { engine, log, settings }: OpenedStack,
  plan: Plan,
  { begun, ended, applied }: Ended,
): RollbackReport {
  const entries = log.entries();
  const checks = applied.end === "judged" ? applied.outcome.checks : [];
  const definitions = settings.verification?.checks ?? {};
  return {
    stack: engine.name,
    run: begun.id,
    by: begun.by,
    at: begun.at,
    ...(begun.reason === undefined ? {} : { why: begun.reason }),
    from: plan.from.release,
    to: plan.to.release,
    level: plan.level,
    plan,
    skipped: begun.skipped ?? [],
    outcome: outcomeOf(applied),
    ...(ended.reason === undefined ? {} : { reason: ended.reason }),
    ...(ended.backup === undefined ? {} : { backup: ended.backup }),
    milliseconds: ended.milliseconds,
    parts: ended.parts,
    objectives: objectivesOf(settings.objectives, Object.keys(ended.parts)),
    checks,
    criteria:
      applied.end === "judged" ? criteriaOf({ checks, definitions, before: seenBefore(entries, begun, plan) }) : [],
    escalations: escalationsIn(entries, begun.id),
    log: log.location,
    next: nextOf(applied, plan, {
      isOpen: unfinishedRollback(entries)?.begun.id === begun.id,
      good: lastGood({ entries, settings }),
    }),
  };
}

function objectivesOf(stated: Objectives | undefined, parts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...parts, "total"].flatMap((part) => {
      const objective = objectiveOf(stated, part as Part | "total");
      return objective === undefined ? [] : [[part, objective]];
    }),
  );
}

/** What verification saw when the target passed last, or else before the deployment that is undone. */
function seenBefore(entries: readonly Entry[], { id }: RollbackBegun, { to }: Plan): readonly Check[] | undefined {
  const before = entries.slice(
    0,
    entries.findIndex((entry) => entry.id === id),
  );
  const passed = deployments(before).filter(({ outcome }) => outcome?.result === "passed");
  const last = passed.findLast(({ intent }) => intent.to.digest === to.digest) ?? passed.at(-1);
  return last?.outcome?.checks;
}

function outcomeOf(applied: Applied): RollbackReport["outcome"] {
  if (applied.end === "judged") return applied.outcome.result;
  if (applied.end === "refused") return applied.kind ?? "refused";
  return applied.end === "unchanged" ? "passed" : applied.end;
}

/**
 * What to type after a rollback.
 * @param isOpen whether it may be resumed
 * @param good the release to go back to; undefined where none is known to be good
 */
function nextOf(
  applied: Applied,
  { from, to }: Plan,
  { isOpen, good }: { readonly isOpen: boolean; readonly good: ReleaseId | undefined },
): string {
  switch (applied.end) {
    case "refused":
      return applied.next ?? `rewind why-not ${to.release}, rewind verify`;
    case "unfinished":
      return isOpen
        ? `rewind resume, which goes on and verifies; or rewind abort, back to ${from.release}`
        : "pulumi up, which finishes what comes after verification";
    case "unchanged":
      return `rewind rollback ${from.release}, which undoes it`;
    case "judged":
      return applied.outcome.result === "passed"
        ? `rewind rollback ${from.release}, which undoes it`
        : good === undefined
          ? "rewind assess, for no release is known to be good; rewind verify when the cause is gone"
          : `rewind rollback, to ${good}, the last known good; rewind verify when the cause is gone`;
  }
}

/** What a rollback's verb returns: its report for people and machines, and its verdict as the exit code. */
export function resultOf(report: RollbackReport): VerbResult<RollbackReport> {
  return { code: codeOf(report), text: reportText(report), json: report };
}

function codeOf({ outcome }: RollbackReport): ExitCode {
  if (isRefused(outcome)) return exitCodes[outcome];
  return outcome === "unfinished" ? exitCodes.error : exitCodeOf[outcome];
}

const isRefused = (outcome: RollbackReport["outcome"]): outcome is RefusalKind =>
  outcome === "refused" || outcome === "stopped" || outcome === "locked" || outcome === "tampered";

function headlineOf({ stack, from, to, outcome, checks, plan }: RollbackReport): string {
  if (isRefused(outcome)) return `Refused; ${from} runs as before.`;
  if (outcome === "unfinished") return `ROLLBACK UNFINISHED: the update to ${to} did not come to its end`;
  if (outcome !== "passed") {
    return `ROLLBACK FAILED: ${failures({ result: outcome, checks }).length} checks of ${to} did not pass`;
  }
  const unchanged = checks.length === 0 && plan.changes.length === 0;
  return `ROLLBACK SUCCESS: ${stack} ${unchanged ? `ran ${to} already, nothing had to change` : `runs ${to}, verified`}`;
}

/** A report for the terminal. */
export function reportText(report: RollbackReport): string {
  const { from, to, level, plan, outcome, reason, milliseconds, skipped, backup, log, run, next } = report;
  const colour = outcome === "passed" ? "green" : isRefused(outcome) ? "yellow" : "red";
  const headline = coloured(colour, headlineOf(report));
  if (isRefused(outcome)) return [headline, reason ?? "", `Next:     ${next}`].join("\n");
  const unmeasured = report.criteria.filter(({ met }) => met === null).length;
  return [
    headline,
    ...(outcome === "unfinished" && reason !== undefined ? [reason] : []),
    ...checkLines(report.checks),
    `From ${from} to ${to}, level ${level}, ${counted(plan.changes.length, "change")}, ${duration(milliseconds)}`,
    ...(skipped.length === 0 ? [] : [`Skipped:  ${skipped.join(", ")}`]),
    ...objectiveLines(report),
    ...(report.criteria.length === 0
      ? []
      : ["Criteria:", ...report.criteria.map((each) => `  ${marked(resultOfCriterion(each))} ${each.name}`)]),
    ...(unmeasured === 0 ? [] : [`          ? is measured by nothing: rewind report ${run} says what to declare`]),
    ...report.escalations.map(({ trigger, evidence }) => coloured("red", `ESCALATE: ${trigger}: ${evidence}`)),
    ...(backup === undefined ? [] : [`Backup:   ${backup}`]),
    `Recorded: ${log} entry ${run}`,
    `Report:   rewind report ${run} --markdown`,
    `${outcome === "passed" ? "Undo:" : "Next:"}     ${next.replace(/, which undoes it$/, "")}`,
    // After a failed verification the way leads to the last known good, after half an update to its target.
    ...(outcome === "passed" ? [] : [`By hand:  rewind plan ${outcome === "unfinished" ? `${to} ` : ""}--by-hand`]),
  ].join("\n");
}

function resultOfCriterion({ met }: Criterion): Result {
  return met === null ? "inconclusive" : met ? "passed" : "failed";
}

/** A report as a document. What others wrote, such as names and evidence, cannot break its tables. */
export function reportMarkdown(report: RollbackReport): string {
  const { stack, run, by, at, why, from, to, level, plan, skipped, reason, milliseconds, backup, log, next } = report;
  const changes = plan.changes.flatMap((change) => describeChange(change).map((line) => [change.risk, line]));
  return [
    `# ${cell(headlineOf(report))}`,
    table(
      ["", ""],
      [
        ["Stack", stack],
        ["From → to", `${from} → ${to}`],
        ["Level", level],
        ["Begun", `${at} by ${by}`],
        ...(why === undefined ? [] : [["Why", why]]),
        ["Took", against(milliseconds, report.objectives.total)],
        ...(reason === undefined ? [] : [["First error", reason]]),
        ...(skipped.length === 0 ? [] : [["Skipped", skipped.join(", ")]]),
        ...(backup === undefined ? [] : [["Backup", backup]]),
        ["Record", `${log}, entry ${run}`],
        ["Next", next],
      ],
    ),
    ...section(
      "Escalations",
      ["Trigger", "Evidence"],
      report.escalations.map((each) => [each.trigger, each.evidence]),
    ),
    ...section("Changes", ["Risk", "Change"], changes),
    ...section(
      "Success criteria",
      ["Criterion", "Met", "Evidence"],
      report.criteria.map(({ name, met, evidence }) => [
        name,
        met === null ? "not measured" : met ? "yes" : "no",
        evidence,
      ]),
    ),
    ...section(
      "Time",
      ["Part", "Took"],
      Object.entries(report.parts).map(([part, took]) => [part, against(took, report.objectives[part])]),
    ),
    ...section(
      "Verification",
      ["Check", "Result", "Took", "Evidence"],
      report.checks.map((check) => [check.name, check.result, `${check.milliseconds} ms`, evidenceOf(check)]),
    ),
    ...section(
      "What a rollback does not bring back",
      [""],
      plan.remains.map((line) => [line]),
    ),
  ]
    .join("\n\n")
    .concat("\n");
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`## ${title}`, table(head, rows)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map(cell)))].join("\n");
}

/** A text in one line, in which nothing is markup. */
const cell = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/\s+/g, " ")
    .replace(/[\\`*_[\]<>|~#&!]/g, "\\$&");

/** Where the report of a rollback lies, in the folder of records. */
export const reportFile = (folder: string, stack: string, run: string): string =>
  join(folder, "reports", stack, `${run}.json`);

/** Keeps a report as JSON and as Markdown. Returns why it could not be kept, undefined when it was. */
export function keepReport(report: RollbackReport, folder: string): string | undefined {
  const file = reportFile(folder, report.stack, report.run);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeAtomically(file, `${JSON.stringify(report, null, 2)}\n`, shared);
    writeAtomically(file.replace(/json$/, "md"), reportMarkdown(report), shared);
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
