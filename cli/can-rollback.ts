import { probesBefore, timingBefore } from "../checks/before";
import { describeError, runProbes } from "../checks/probe";
import { bringAppliedRows } from "../records/applied-rows";
import { knownFromLog } from "../records/known";
import { projectFiles } from "../records/project-file";
import { deployments, knownGood } from "../records/state";
import { InvalidConfiguration } from "../release/config";
import type { Settings } from "../release/parse";
import type { ReleaseId } from "../release/primitives";
import { redactor } from "../release/redact";
import { failures, judge, warningsIn, type Check } from "../release/verdict";
import { proveNewestBackup } from "./backup-proof";
import { textOf } from "./can-rollback-text";
import { measureEngine, measurePlugins, pinnedEngine, pulumiIn, wantedPlugins } from "./engine-checks";
import { exitCodeOf, exitCodes, type ExitCode } from "./exit-codes";
import type { Assessment, CanRollback } from "./json/assessment";
import { look, type Advised } from "./look";
import { obstaclesTo, warningsOf, type Obstacle, type Planning } from "./planning";
import { Refusal, type Tell, type VerbResult } from "./result";
import { planningOf } from "./rollback-plan";
import { open, withClients, type Where } from "./stack";

/** What an assessment is asked with. */
export interface Asking {
  readonly planning: Planning;
  readonly common: readonly Advised[];
  /** Asks for a stack that is pinned so what the first gate would ask. */
  readonly ask: (target: Settings) => Promise<readonly Check[]>;
  /** Takes the values of secrets out of a text. */
  readonly redact: (text: string) => string;
  readonly tell: Tell;
}

/**
 * `rewind can-rollback [release]`: whether the stack can be rolled back, asked of the log, the components, the newest
 * backup and the engine beforehand. Nothing is changed.
 * @throws Refusal when there is no engine: without one there are no secrets to ask anybody with
 */
export async function canRollback(
  where: Where,
  { tell, now, ...wanted }: Wanted & { readonly tell: Tell; readonly now: Date },
): Promise<VerbResult<CanRollback>> {
  const stack = await open(where);
  const { engine, folder, secrets } = stack;
  const redact = redactor(secrets);
  const pulumi = pulumiIn(folder);
  const common = await Promise.all([
    look(backup, () => proveNewestBackup(folder, engine.name, now), redact),
    look("engine", () => measureEngine(pulumi, pinnedEngine(folder)), redact),
    look("plugins", () => measurePlugins(pulumi, wantedPlugins(folder), process.env), redact),
  ]);
  const planning = planningOf(stack);
  const { entries } = planning;
  const files = projectFiles(folder);
  const ask = (settings: Settings): Promise<Check[]> => {
    const known = knownFromLog(entries, settings, folder);
    bringAppliedRows(settings, folder, known.states);
    return withClients({ ...stack, settings }, (clients) =>
      runProbes(probesBefore(settings, clients, known, files), timingBefore, redact),
    );
  };
  return resultOf(await assessAll({ planning, common, ask, redact, tell }, wanted));
}

/** Which releases are asked about. */
export interface Wanted {
  readonly release: ReleaseId | undefined;
  /** How many, where none is named. */
  readonly limit: number;
}

/** Assesses the release that is named, or the newest known-good ones but the one that was applied last. */
export async function assessAll(asking: Asking, { release, limit }: Wanted): Promise<CanRollback> {
  if (limit < 1) throw new Refusal("expected a limit of at least 1", "rewind can-rollback");
  const { planning, common, tell } = asking;
  const { name, entries } = planning;
  const applied = deployments(entries).at(-1)?.intent.to.release ?? null;
  const good = knownGood(entries).filter((known) => known.release !== applied);
  const ids = release === undefined ? good.slice(0, limit).map((known) => known.release) : [release];
  const releases: Assessment[] = [];
  // One after the other: all at once would be load enough to make an answer late.
  for (const id of ids) {
    tell(`asking what a rollback to ${id} needs`);
    releases.push(await assess(asking, id));
  }
  const best = releases.find(({ can }) => can) ?? releases[0];
  return {
    stack: name,
    applied,
    asked: release ?? null,
    can: releases.some(({ can }) => can),
    common,
    releases,
    older: release === undefined ? good.length - releases.length : 0,
    next: best?.next ?? "rewind can-rollback <release>, one of rewind release list",
  };
}

async function assess({ planning, common, ask, redact }: Asking, release: ReleaseId): Promise<Assessment> {
  const { entries } = planning;
  const obstacles = obstaclesFor(planning, release).map((each) => ({ ...each, reason: redact(each.reason) }));
  const target = targetOf(planning, release);
  const own = target === undefined ? [] : await ask(target).catch((error: unknown) => [broken(redact, error)]);
  // Where nothing was asked of the release, an engine that answers is no evidence for it.
  const verdict = judge(own.length === 0 ? [] : [...own, ...common.filter(counts)]);
  const can = obstacles.length === 0 && verdict.result === "passed";
  const good = knownGood(entries).find((known) => known.release === release);
  const [obstacle] = obstacles;
  const [worst] = failures(verdict);
  const reason =
    obstacle?.reason ?? (worst === undefined ? "nothing was measured" : `${worst.name}: ${worst.evidence}`);
  return {
    release,
    digest: target?.pinned.digest ?? null,
    knownGood: good === undefined ? null : { at: good.at, entry: good.entry, times: good.times },
    can,
    obstacles,
    verdict,
    warnings: [...warningsOf(entries, release).map(redact), ...warningsIn(verdict)],
    reason: can ? null : reason,
    next: can ? `rewind rollback ${release}` : (obstacle?.next ?? nextAfter(release, worst)),
  };
}

/** Every obstacle; a stack file that cannot even say what runs is one. */
function obstaclesFor(planning: Planning, release: ReleaseId): readonly Obstacle[] {
  try {
    return obstaclesTo(planning, release);
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return [{ reason: error.message, next: "rewind doctor" }];
  }
}

function targetOf({ repinned }: Planning, release: ReleaseId): Settings | undefined {
  try {
    return repinned(release, {});
  } catch (error) {
    // Why it cannot be expressed is among the obstacles.
    if (error instanceof InvalidConfiguration) return undefined;
    throw error;
  }
}

/** What cannot even be asked would stop the gate in the same way. */
const broken = (redact: (text: string) => string, error: unknown): Check => ({
  name: "what the first gate asks",
  result: "error",
  evidence: redact(describeError(error)),
  milliseconds: 0,
  attempts: 1,
});

const backup = "backup";

/** That there is no backup yet speaks against nothing: a rollback makes one first, and refuses where it cannot. */
const counts = ({ name, result }: Check): boolean => name !== backup || result !== "inconclusive";

function nextAfter(release: ReleaseId, worst: (Check & { readonly next?: string }) | undefined): string {
  if (worst?.next !== undefined) return worst.next;
  const again = `rewind can-rollback ${release}`;
  if (worst === undefined) return again;
  const drifted = /^(?:rows|policy|schema) /.test(worst.name);
  return drifted ? `rewind diff --live, put it back, then ${again}` : `${again}, when ${worst.name} is well`;
}

/** 0 when there is a release to go back to; otherwise what stands between the stack and the first of them. */
function codeOf({ can, releases: [first] }: CanRollback): ExitCode {
  if (can) return exitCodes.ok;
  if (first === undefined) return exitCodes.inconclusive;
  const [obstacle] = first.obstacles;
  if (obstacle !== undefined) return exitCodes[obstacle.kind ?? "refused"];
  const [worst] = failures(first.verdict);
  // A backup fails only where it is not what was written.
  return worst?.name === backup && worst.result === "failed" ? exitCodes.tampered : exitCodeOf[first.verdict.result];
}

/** The result of the verb. */
export function resultOf(found: CanRollback): VerbResult<CanRollback> {
  return { code: codeOf(found), text: textOf(found), json: found };
}
