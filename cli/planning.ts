import type { Entry } from "../records/entry";
import {
  appliedRecords,
  deployments,
  holdingsBefore,
  holds,
  knownGood,
  measuredRuns,
  openRollback,
  type Deployment,
} from "../records/state";
import { InvalidConfiguration } from "../release/config";
import { describeLoss, lossesOf } from "../release/holdings";
import type { Settings } from "../release/parse";
import { type Level } from "../release/level";
import { databasePins, estimateFrom, planFrom, touchesDatabase, type Plan } from "../release/plan";
import type { ReleaseId } from "../release/primitives";
import { changedRecords, describeRecord } from "../release/records";
import { Refusal } from "./result";

/** What a plan is made of: a stack as its file and its deployment log know it. */
export interface Planning {
  readonly name: string;
  readonly settings: Settings;
  readonly entries: readonly Entry[];
  /** The same stack with another pin, through the same parser and rules. Throws InvalidConfiguration. */
  readonly repinned: (release: ReleaseId, pins: Readonly<Record<string, ReleaseId>>) => Settings;
}

/** Something that stands between a stack and a release, and the next command to type. */
export interface Obstacle {
  readonly reason: string;
  readonly next: string;
}

/** What runs: what the log says was applied last, for the stack file may have been edited since. */
export function running({ settings, entries, repinned }: Planning): Pick<Settings, "pinned" | "pins"> {
  const last = deployments(entries).at(-1)?.intent.to;
  if (last === undefined) return settings;
  // A release may have left the catalogue since; its changes are told against the pin then.
  if (![last.release, ...Object.values(last.pins)].every((id) => settings.catalogue.includes(id))) return settings;
  return repinned(last.release, last.pins);
}

/**
 * The release to go back to when none is named: the known-good one that passed last and does not run.
 * @throws Refusal when there is none
 */
export function defaultTarget({ entries, settings }: Planning): ReleaseId {
  const runs = deployments(entries).at(-1)?.intent.to.release;
  const found = knownGood(entries).find(
    ({ release }) => release !== runs && settings.catalogue.includes(release),
  )?.release;
  if (found !== undefined) return found;
  throw new Refusal(
    `no other release is known to be good on this stack${runs === undefined ? "" : `; ${runs} was applied last`}`,
    "rewind rollback <release>, one of rewind release list",
  );
}

/**
 * Everything that stands between the stack and a release, without asking any component; empty when nothing does.
 * @param own the rollback that asks, which does not stand in its own way
 */
export function obstaclesTo(planning: Planning, release: ReleaseId, level: Level = "full", own?: string): Obstacle[] {
  const { settings, entries, repinned } = planning;
  const { catalogue } = settings;
  if (!catalogue.includes(release)) {
    const known = catalogue.length > 20 ? `${catalogue.length} others` : catalogue.join(", ");
    return [{ reason: `no release ${release}; the catalogue has ${known}`, next: "rewind rollback <release>" }];
  }
  const obstacles: Obstacle[] = [];
  const open = openRollback(entries);
  if (open !== undefined && open.id !== own) {
    const { by, at, to } = open;
    const reason = `a rollback to ${to} by ${by} of ${at} has not come to its end`;
    obstacles.push({ reason, next: "rewind resume, or rewind abort; while it still works, wait" });
  }
  const from = running(planning);
  let target: Settings;
  try {
    target = repinned(release, level === "fast" ? databasePins(from.pinned) : {});
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return [...obstacles, { reason: error.message, next: `rewind release show ${release}` }];
  }
  const held = holds(entries);
  for (const id of new Set([release, ...Object.values(target.pinned.sources)])) {
    const hold = held.get(id);
    if (hold === undefined) continue;
    obstacles.push({ reason: `${id} is on hold: ${hold.reason}`, next: `rewind unhold ${id} --reason "…"` });
  }
  for (const changed of changedRecords(target, appliedRecords(entries))) {
    obstacles.push({ reason: describeRecord(changed), next: `rewind release show ${changed.release}` });
  }
  for (const loss of lossesOf(target, holdingsBefore(entries))) {
    obstacles.push({ reason: describeLoss(loss), next: "put it back in the stack file" });
  }
  const { changes } = planFrom(from, target, level, nothingKnown);
  const inDatabase = level === "fast" ? changes.find(touchesDatabase) : undefined;
  if (inDatabase !== undefined) {
    const what = `${inDatabase.facet}/${inDatabase.entry}`;
    const reason = `fast leaves the database alone, but ${release} has ${what}`;
    obstacles.push({ reason, next: `rewind rollback ${release}` });
  }
  const last = deployments(entries).at(-1);
  if (changes.length === 0 && last?.outcome?.result === "passed" && settings.pinned.digest === target.pinned.digest) {
    obstacles.push({ reason: `rollback not required: ${release} is what runs`, next: "rewind verify" });
  }
  return obstacles;
}

const nothingKnown = { stack: "", undoes: undefined, estimate: undefined, warnings: [] };

/** A plan, and the stack as it will be pinned. */
export interface Planned {
  readonly plan: Plan;
  readonly target: Settings;
}

/**
 * The plan of a rollback.
 * @param wanted the target; the last known-good release that does not run when left out
 * @param own the rollback that asks, which does not stand in its own way
 * @param skipped what stays where it is, by its path, and the release that it comes from
 * @throws Refusal with the first obstacle, and with how many others there are
 */
export function planRollback(
  planning: Planning,
  wanted: ReleaseId | undefined,
  level: Level,
  { own, skipped = {} }: { readonly own?: string; readonly skipped?: Readonly<Record<string, ReleaseId>> } = {},
): Planned {
  const { name, entries, repinned } = planning;
  const release = wanted ?? defaultTarget(planning);
  const [first, ...others] = obstaclesTo(planning, release, level, own);
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` (and ${others.length} more: rewind why-not ${release})`;
    throw new Refusal(`${first.reason}${more}`, first.next);
  }
  const from = running(planning);
  const target = repinned(release, { ...(level === "fast" ? databasePins(from.pinned) : {}), ...skipped });
  const plan = planFrom(from, target, level, {
    stack: name,
    undoes: deployments(entries).at(-1)?.intent.id,
    estimate: estimateFrom(measuredRuns(entries, level)),
    warnings: warningsOf(entries, release),
  });
  return { plan, target };
}

/**
 * The plan back to what was pinned before a rollback that is given up, or was a drill; partial pins included.
 * @throws Refusal with the first obstacle
 */
export function planBack(
  planning: Planning,
  { release, pins }: { readonly release: ReleaseId; readonly pins: Readonly<Record<string, ReleaseId>> },
  own?: string,
): Planned {
  const { name, entries, repinned } = planning;
  const [first] = obstaclesTo(planning, release, "full", own);
  if (first !== undefined) throw new Refusal(first.reason, first.next);
  const target = repinned(release, pins);
  const plan = planFrom(running(planning), target, "full", {
    stack: name,
    undoes: deployments(entries).at(-1)?.intent.id,
    estimate: estimateFrom(measuredRuns(entries, "full")),
    warnings: warningsOf(entries, release),
  });
  return { plan, target };
}

/** What speaks against a target although nothing forbids it: nobody saw it work here, or it was broken when it left. */
export function warningsOf(entries: readonly Entry[], release: ReleaseId): string[] {
  const good = knownGood(entries).find((known) => known.release === release);
  const of = deployments(entries).filter(({ intent }) => intent.to.release === release);
  if (good === undefined) {
    return [
      `${release} never passed verification on this stack; a release that did is the safer way: rewind known-good`,
    ];
  }
  const last = of.at(-1);
  return last !== undefined && isBroken(last)
    ? [
        `${release} itself was broken when it ran here last (${last.intent.at}: ${brokenBy(last)}); fix forward first, rather than go back to it`,
      ]
    : [];
}

const isBroken = ({ outcome }: Deployment): boolean => outcome?.result === "failed";

function brokenBy({ outcome }: Deployment): string {
  const failed = outcome?.checks.find(({ result }) => result === "failed");
  return failed === undefined ? "verification failed" : `${failed.name}: ${failed.evidence}`.slice(0, 200);
}
