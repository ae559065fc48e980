import { existsSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Level } from "../release/level";
import type { ReleaseId } from "../release/primitives";
import { rollbacks, stopped, unfinishedRollback } from "../records/state";
import { writtenByHand } from "../records/verify";
import { byHand, byHandText } from "./by-hand";
import { exitCodes } from "./exit-codes";
import type { PlannedJson, WhyNotJson } from "./json/rollback";
import { obstaclesTo, planRollback } from "./planning";
import { coloured } from "./report";
import type { VerbResult } from "./result";
import { planningOfFile, planText } from "./rollback-plan";
import type { Where } from "./stack";
import { readStack } from "./stack-file";

/** The stack file in a backup; those of the first form have it beside their sums. */
function keptFile(backup: string, file: string): string {
  const first = join(backup, file);
  return existsSync(first) ? first : join(backup, "stack", file);
}

/** `rewind plan [release]`: the plan of a rollback, without an engine, a network or a secret. */
export function plan(where: Where, release: ReleaseId | undefined, level: Level): VerbResult<PlannedJson> {
  const planned = planRollback(planningOfFile(readStack(where)), release, level).plan;
  const next = `Next:     rewind rollback ${planned.to.release}${level === "full" ? "" : ` --level ${level}`}`;
  return { code: exitCodes.ok, text: [...planText(planned), next].join("\n"), json: planned };
}

/**
 * `rewind plan [release] --by-hand`: the same rollback as commands that need no `rewind`, for when it fails itself. One
 * that is under way does not stand in the way.
 */
export function planByHand(
  where: Where,
  release: ReleaseId | undefined,
  level: Level,
  now: Date,
): VerbResult<PlannedJson> {
  const stack = readStack(where);
  const { folder, file, log, name, settings } = stack;
  const entries = log.entries();
  const open = unfinishedRollback(entries)?.begun;
  const { plan } = planRollback(
    planningOfFile(stack),
    release ?? open?.to,
    level,
    open === undefined ? {} : { own: open.id },
  );
  const end = { version: 2, id: log.nextId(), at: now.toISOString(), stack: name, by: writtenByHand, kind: "start" };
  const backup = rollbacks(entries).findLast(({ ended }) => ended?.backup !== undefined)?.ended?.backup;
  const steps = byHand(plan, {
    file: relative(folder, file),
    settings,
    kept: backup === undefined ? undefined : relative(folder, keptFile(backup, basename(file))),
    stop:
      stopped(entries) === undefined
        ? undefined
        : {
            log: log.file === undefined ? undefined : relative(folder, log.file),
            line: JSON.stringify({ ...end, reason: "rolled back by hand" }),
          },
  });
  return { code: exitCodes.ok, text: byHandText(plan, steps), json: { ...plan, byHand: steps } };
}

/** `rewind why-not <release>`: every obstacle, not only the first, whose kind is the exit code. */
export function whyNot(where: Where, release: ReleaseId, level: Level): VerbResult<WhyNotJson> {
  const planning = planningOfFile(readStack(where));
  const obstacles = obstaclesTo(planning, release, level);
  const [first] = obstacles;
  const json = { stack: planning.name, release, level, obstacles };
  if (first === undefined) {
    const text = `Nothing that the stack file and the log know of stands between ${planning.name} and ${release}.\nNext: rewind can-rollback ${release}, which asks the components, too`;
    return { code: exitCodes.ok, text, json };
  }
  const lines = obstacles.flatMap(({ reason, next }) => [
    `  ${coloured("red", "✗")} ${reason.replaceAll("\n", "\n    ")}`,
    `    Next: ${next}`,
  ]);
  const headline = `${obstacles.length} ${obstacles.length === 1 ? "thing stands" : "things stand"} between ${planning.name} and ${release}:`;
  return { code: exitCodes[first.kind ?? "refused"], text: [headline, ...lines].join("\n"), json };
}
