import { readFileSync } from "node:fs";
import { describeError } from "../checks/probe";
import { appliedRecords, deployments, holds } from "../records/state";
import { describeChange, diffPinned, type Change } from "../release/diff";
import type { Pinned } from "../release/pinned";
import type { ReleaseId } from "../release/primitives";
import { changedRecords, describeRecord } from "../release/records";
import { failures } from "../release/verdict";
import { applyStackFile, type Applied } from "./apply";
import { backUp, type Backup } from "./backup";
import { exitCodeOf, exitCodes } from "./exit-codes";
import { withPin } from "./pin";
import { checkLines, coloured, duration } from "./report";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, type OpenedStack, type Where } from "./stack";

/** `fast` leaves the database as it is; `full` moves everything that the release pins. */
export type Level = "fast" | "full";

/** What the caller decides about a rollback. */
export interface RollbackOptions {
  readonly release: ReleaseId;
  readonly level: Level;
  readonly reason?: string;
  readonly tell: Tell;
  /** Asks the person; false is a no. */
  readonly confirm: (question: string) => Promise<boolean>;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** The intended change, shown before it is applied; what is shown is what is applied. */
interface Plan {
  readonly from: Pinned;
  readonly to: Pinned;
  readonly pins: Readonly<Record<string, ReleaseId>>;
  readonly level: Level;
  readonly changes: readonly Change[];
}

/**
 * `rewind rollback <release>`: shows what would change, asks, backs up what is there, moves the pin, applies it between
 * the stack's gates, and reports. A refusal before the first change puts the stack file back as it was.
 */
export async function rollback(where: Where, options: RollbackOptions): Promise<VerbResult> {
  const { tell, confirm, now, signal } = options;
  const started = now();
  const stack = await open(where);
  const plan = planRollback(stack, options);
  tell(bannerOf(stack, plan));
  const agreed = await confirm(`Roll ${stack.engine.name} back to ${plan.to.release}?`);
  if (!agreed || signal.aborted) {
    return {
      code: exitCodes.refused,
      text: "Aborted; nothing was touched.",
      json: { outcome: "refused", aborted: true },
    };
  }
  tell("Backing up the present state …");
  const backup = await backUp(stack, now()).catch((error: unknown) => {
    throw new Refusal(
      `no backup, no rollback: ${describeError(error)}`,
      "rewind verify, which says what does not answer",
    );
  });
  tell(`  ${backup.folder}`);
  const applied = await apply(stack, plan, options);
  return report(stack, plan, backup, applied, now().getTime() - started.getTime());
}

/**
 * The change from the running pin to another. What runs is what the log says was applied last; the stack file may have
 * been edited since.
 * @throws Refusal when the target is unknown, on hold, or already runs
 */
function planRollback({ settings, log, repinned }: OpenedStack, { release, level }: RollbackOptions): Plan {
  const { catalogue } = settings;
  if (!catalogue.includes(release)) {
    throw new Refusal(`no release ${release}; the catalogue has ${catalogue.join(", ")}`, "rewind rollback <release>");
  }
  const entries = log.entries();
  const hold = holds(entries).get(release);
  if (hold !== undefined) {
    throw new Refusal(`${release} is on hold: ${hold.reason}`, `rewind unhold ${release} --reason "…"`);
  }
  const last = deployments(entries).at(-1);
  const from = last === undefined ? settings.pinned : repinned(last.intent.to.release, last.intent.to.pins).pinned;
  const pins = level === "fast" ? databasePins(from) : {};
  const target = repinned(release, pins);
  const [changed] = changedRecords(target, appliedRecords(entries));
  if (changed !== undefined) throw new Refusal(describeRecord(changed), `rewind release show ${changed.release}`);
  const to = target.pinned;
  const changes = diffPinned(from, to, settings.environment.database?.tables);
  const rows = level === "fast" ? changes.find(({ facet }) => facet === "config" || facet === "schema") : undefined;
  if (rows !== undefined) {
    throw new Refusal(
      `fast leaves the database alone, but ${release} has ${rows.facet}/${rows.entry}`,
      `rewind rollback ${release}`,
    );
  }
  if (changes.length === 0 && last?.outcome?.result === "passed") {
    throw new Refusal(`rollback not required: ${release} is what runs`, "rewind verify");
  }
  return { from, to, pins, level, changes };
}

/** Pins every table, and the schema, apart at the release that it has now. */
function databasePins({ sources }: Pinned): Record<string, ReleaseId> {
  return Object.fromEntries(Object.entries(sources).filter(([path]) => /^(?:config|schema)\//.test(path)));
}

function bannerOf({ engine }: OpenedStack, { from, to, level, changes }: Plan): string {
  const database =
    level === "fast"
      ? "none: configuration rows and schema stay as they are"
      : "configuration rows and schema of the release";
  const lines = changes.flatMap((change) => describeChange(change).map((line) => `  [${change.risk}] ${line}`));
  return [
    coloured("bold", `Rollback of ${engine.name}: ${from.release} → ${to.release}`),
    `Level:    ${level}`,
    `Target:   ${to.release} (${to.digest.slice(0, 19)}…)`,
    `Database: ${database}`,
    `Changes:  ${changes.length}`,
    ...lines,
    "Not undone: rows that the application wrote itself, and messages that it sent.",
  ].join("\n");
}

async function apply(stack: OpenedStack, { to, pins }: Plan, options: RollbackOptions): Promise<Applied> {
  const { reason, tell } = options;
  const message = `rollback to ${to.release}${reason === undefined ? "" : `: ${reason}`}`;
  tell(`Applying ${to.release} …`);
  const applied = await applyStackFile(
    stack,
    withPin(readFileSync(stack.file, "utf8"), to.release, pins),
    message,
    options,
    ({ intent }) => intent.to.release === to.release && intent.to.digest === to.digest,
  );
  return applied.end === "unchanged"
    ? { end: "unfinished", reason: "the deployment log has no outcome of it" }
    : applied;
}

function report(
  { engine, log }: OpenedStack,
  { from, to, level, changes }: Plan,
  backup: Backup,
  applied: Applied,
  took: number,
): VerbResult {
  const common = { stack: engine.name, from: from.release, to: to.release, level, changes, backup, milliseconds: took };
  if (applied.end === "refused") {
    const text = `Refused; ${from.release} runs as before.\n${applied.reason}\nNext: rewind verify`;
    return { code: exitCodes.refused, text, json: { ...common, outcome: "refused", reason: applied.reason } };
  }
  const lines = [
    `From ${from.release} to ${to.release}, level ${level}, ${changes.length} changes, ${duration(took)}`,
    `Backup:   ${backup.folder}`,
    `Recorded: ${log.location}`,
  ];
  if (applied.end === "unfinished") {
    const headline = coloured("red", `ROLLBACK UNFINISHED: the update to ${to.release} did not come to its end`);
    const text = [headline, applied.reason, ...lines, "Next:     pulumi up, which finishes it and verifies"].join("\n");
    return { code: exitCodes.error, text, json: { ...common, outcome: "unfinished", reason: applied.reason } };
  }
  if (applied.end === "unchanged") throw new Error("an update of another pin changed nothing");
  const passed = applied.outcome.result === "passed";
  const headline = passed
    ? coloured("green", `ROLLBACK SUCCESS: ${engine.name} runs ${to.release}, verified`)
    : coloured("red", `ROLLBACK FAILED: ${failures(applied.outcome).length} checks of ${to.release} did not pass`);
  const next = passed ? `Undo:     rewind rollback ${from.release}` : "Next:     rewind verify";
  const { result, checks } = applied.outcome;
  const text = [headline, ...checkLines(checks), ...lines, next].join("\n");
  return { code: exitCodeOf[result], text, json: { ...common, outcome: result, checks } };
}
