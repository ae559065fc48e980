import { readFileSync } from "node:fs";
import { describeChange } from "../release/diff";
import type { Plan } from "../release/plan";
import type { Planning } from "./planning";
import { coloured, duration } from "./report";
import type { OpenedStack } from "./stack";
import type { FiledStack } from "./stack-file";

/** What planning needs of an opened stack, as it is now. */
export const planningOf = ({ engine, folder, settings, log, file, repinned }: OpenedStack): Planning => ({
  name: engine.name,
  folder,
  settings,
  entries: log.entries(),
  text: readFileSync(file, "utf8"),
  repinned,
});

/** The same of a stack that is known from its file alone. */
export const planningOfFile = ({ name, folder, settings, log, text, repinned }: FiledStack): Planning => ({
  name,
  folder,
  settings,
  entries: log.entries(),
  text,
  repinned,
});

/** A plan for people, before anything is asked. */
export function planText(plan: Plan): string[] {
  const { stack, from, to, level, advised, changes, risk, estimate, undoes, remains, warnings } = plan;
  const database =
    level === "fast"
      ? "none: configuration rows and schema stay as they are"
      : "configuration rows and schema of the release";
  const lines = changes.flatMap((change) => describeChange(change).map((line) => `  [${change.risk}] ${line}`));
  const hint = advised.level === level ? "" : `; ${advised.level} would do: ${advised.why}`;
  return [
    coloured("bold", `Rollback of ${stack}: ${from.release} → ${to.release}`),
    `Level:    ${level}${hint}`,
    `Target:   ${to.release} (deploys ${to.digest.slice(0, 19)}…)`,
    `Database: ${database}`,
    ...(undoes === undefined ? [] : [`Undoes:   ${undoes}`]),
    `Takes:    ${estimate === undefined ? "not known yet: nothing like it has run on this stack" : `${duration(estimate.milliseconds)}, the median of ${estimate.runs} measured`}`,
    `Changes:  ${changes.length}${risk === undefined ? "" : `, the riskiest ${risk}`}`,
    ...lines,
    "Not undone:",
    ...remains.map((line) => `  ${line}`),
    ...warnings.map((line) => coloured("yellow", `Warning:  ${line}`)),
  ];
}
