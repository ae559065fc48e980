import { deputiesOf } from "../release/confused-deputy";
import type { Entry } from "../records/entry";
import {
  appliedRecords,
  deployments,
  holdingsBefore,
  holdOn,
  knownGood,
  measuredRuns,
  openRollback,
  rollbacks,
  type Deployment,
} from "../records/state";
import { InvalidConfiguration } from "../release/config";
import { describeLoss, lossesOf } from "../release/holdings";
import type { Settings } from "../release/parse";
import { type Level } from "../release/level";
import { databasePins, estimateFrom, planFrom, touchesDatabase, type Plan } from "../release/plan";
import { canonicalJson } from "../release/canonical";
import type { Pinned } from "../release/pinned";
import type { ReleaseId } from "../release/primitives";
import { surroundingsOf } from "../release/snapshot";
import { changedRecords, describeRecord } from "../release/records";
import type { RefusalKind } from "./exit-codes";
import { textsOf } from "./plan-texts";
import { Refusal } from "./result";

/** What a plan is made of: a stack as its file and its deployment log know it. */
export interface Planning {
  readonly name: string;
  /** The project's folder. */
  readonly folder: string;
  readonly settings: Settings;
  readonly entries: readonly Entry[];
  /** The stack file as it was read. */
  readonly text: string;
  /** The same stack with another pin, through the same parser and rules. Throws InvalidConfiguration. */
  readonly repinned: (release: ReleaseId, pins: Readonly<Record<string, ReleaseId>>) => Settings;
}

/** Something that stands between a stack and a release, and the next command to type. */
export interface Obstacle {
  readonly reason: string;
  readonly next: string;
  /** `refused` unless said. */
  readonly kind?: RefusalKind;
}

/** What runs: what the log says was applied last, for the stack file may have been edited since. */
export function running(planning: Planning): Pick<Settings, "pinned" | "pins"> {
  const { settings, entries, repinned } = planning;
  const last = deployments(entries).at(-1)?.intent.to;
  if (last === undefined) return settings;
  // A release may have left the catalogue since; its changes are told against the pin then.
  if (goneFrom(planning) !== undefined) return settings;
  return repinned(last.release, last.pins);
}

/**
 * The release to go back to when none is named: the known-good one that passed last and does not run.
 * @throws Refusal when there is none
 */
export function defaultTarget(planning: Planning): ReleaseId {
  const found = lastGood(planning);
  if (found !== undefined) return found;
  const runs = deployments(planning.entries).at(-1)?.intent.to.release;
  throw new Refusal(
    `no other release is known to be good on this stack${runs === undefined ? "" : `; ${runs} was applied last`}`,
    "rewind rollback <release>, one of rewind release list",
  );
}

/** The known-good release of the catalogue that passed last and does not run; undefined without one. */
export function lastGood({ entries, settings }: Pick<Planning, "entries" | "settings">): ReleaseId | undefined {
  const runs = deployments(entries).at(-1)?.intent.to.release;
  return knownGood(entries).find(({ release }) => release !== runs && settings.catalogue.includes(release))?.release;
}

/** What a rollback leaves out, and which one asks. */
export interface Aim {
  /** The rollback that asks, which does not stand in its own way. */
  readonly own?: string;
  /** What stays where it is, by its path, and the release that it comes from. */
  readonly skipped?: Readonly<Record<string, ReleaseId>>;
}

/** The stack as it would be pinned. Throws InvalidConfiguration. */
function targetOf(
  { repinned }: Planning,
  from: Pinned,
  release: ReleaseId,
  level: Level,
  skipped: Aim["skipped"],
): Settings {
  const whole = repinned(release, skipped ?? {});
  return level === "fast" ? repinned(release, { ...databasePins(from, whole.pinned), ...skipped }) : whole;
}

/** What runs, the stack as it would be pinned where that can be said, and what stands between the two. */
interface Found {
  readonly obstacles: readonly Obstacle[];
  readonly sides?: { readonly from: ReturnType<typeof running>; readonly target: Settings };
}

/** Everything that stands between the stack and a release, without asking any component; empty when nothing does. */
export function obstaclesTo(
  planning: Planning,
  release: ReleaseId,
  level: Level = "full",
  aim: Aim = {},
): readonly Obstacle[] {
  return lookAt(planning, release, level, aim).obstacles;
}

function lookAt(planning: Planning, release: ReleaseId, level: Level, { own, skipped }: Aim): Found {
  const { settings, entries } = planning;
  const { catalogue } = settings;
  if (!catalogue.includes(release)) {
    const known = catalogue.length > 20 ? `${catalogue.length} others` : catalogue.join(", ");
    const reason = `no release ${release}; the catalogue has ${known}`;
    return { obstacles: [{ reason, next: "rewind rollback <release>" }] };
  }
  const obstacles: Obstacle[] = [];
  const open = openRollback(entries);
  if (open !== undefined && open.id !== own) {
    const { by, at, to } = open;
    const reason = `a rollback to ${to} by ${by} of ${at} has not come to its end`;
    obstacles.push({ reason, next: "rewind resume, or rewind abort; while it still works, wait", kind: "locked" });
  }
  const last = deployments(entries).at(-1);
  const gone = goneFrom(planning);
  if (level === "fast" && gone !== undefined) {
    const reason = `what runs (${gone}) is not in the catalogue any more, so its database cannot be kept`;
    obstacles.push({ reason, next: `rewind rollback ${release}` });
  }
  const from = running(planning);
  let target: Settings;
  try {
    target = targetOf(planning, from.pinned, release, level, skipped);
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return { obstacles: [...obstacles, { reason: error.message, next: `rewind release show ${release}` }] };
  }
  for (const id of new Set([release, ...Object.values(target.pinned.sources)])) {
    const hold = holdOn(entries, id, target.releases);
    if (hold === undefined) continue;
    const next = id === release ? hold.next : `rewind rollback ${release}`;
    obstacles.push({ reason: `${id} is ${hold.reason}`, next });
  }
  for (const changed of changedRecords(target, appliedRecords(entries))) {
    const next = `rewind release show ${changed.release}`;
    obstacles.push({ reason: describeRecord(changed), next, kind: "tampered" });
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
  // A release that left the catalogue cannot be compared: `changes` was computed against the pin.
  const isSame = changes.length === 0 && settings.pinned.digest === target.pinned.digest && gone === undefined;
  if (isSame && last?.outcome?.result === "passed") {
    obstacles.push({ reason: `rollback not required: ${release} is what runs`, next: "rewind verify" });
  }
  return { obstacles, sides: { from, target } };
}

/** The release that was applied last, or one that it took something from, where the catalogue no longer has it. */
function goneFrom({ entries, settings }: Planning): ReleaseId | undefined {
  const last = deployments(entries).at(-1)?.intent.to;
  return last === undefined
    ? undefined
    : [last.release, ...Object.values(last.pins)].find((id) => !settings.catalogue.includes(id));
}

const nothingKnown = { stack: "", undoes: undefined, estimate: undefined, warnings: [], texts: {} };

/** A plan, and what it was made from: whoever agrees to it agrees for the stack as it was then. */
export interface Planned {
  readonly plan: Plan;
  /** The stack file. */
  readonly text: string;
  /** The last entry of the log. */
  readonly last: string | undefined;
}

/**
 * The plan of a rollback.
 * @param wanted the target; the last known-good release that does not run when left out
 * @throws Refusal with the first obstacle, and with how many others there are
 */
export function planRollback(planning: Planning, wanted: ReleaseId | undefined, level: Level, aim: Aim = {}): Planned {
  const { name, folder, entries, text } = planning;
  const release = wanted ?? defaultTarget(planning);
  const { obstacles, sides } = lookAt(planning, release, level, aim);
  if (sides === undefined || obstacles.length > 0) throw refusalOf(obstacles, release);
  const plan = planFrom(sides.from, sides.target, level, {
    stack: name,
    undoes: deployments(entries).at(-1)?.intent.id,
    estimate: estimateFrom(measuredRuns(entries, level)),
    texts: textsOf(folder, sides.from.pinned, sides.target),
    warnings: [
      ...warningsOf(entries, release),
      ...ridingAlong(planning),
      ...deputiesOf({ storage: sides.target.pinned.facets.storage }, sides.target),
    ],
  });
  return { plan, text, last: entries.at(-1)?.id };
}

function refusalOf(obstacles: readonly Obstacle[], release: ReleaseId): Refusal {
  const [{ reason, next, kind }, ...others] = obstacles as readonly [Obstacle, ...Obstacle[]];
  const more = others.length === 0 ? "" : ` (and ${others.length} more: rewind why-not ${release})`;
  return new Refusal(`${reason}${more}`, next, kind);
}

/** What was edited since the last update and is applied with whatever comes next, although no plan shows it. */
function ridingAlong(planning: Planning): string[] {
  const { entries, settings } = planning;
  const last = deployments(entries).at(-1)?.intent.to;
  if (last === undefined) return [];
  const gone = goneFrom(planning);
  return [
    ...(gone === undefined
      ? []
      : [`${gone}, which runs, is not in the catalogue any more: changes are told against the pin`]),
    ...(last.surroundings === surroundingsOf(settings)
      ? []
      : ["the environment, the checks or letGo were edited since the last update, and go along"]),
    ...(canonicalJson(last.toggles ?? {}) === canonicalJson(settings.toggles)
      ? []
      : ["toggles were laid over or given back since the last update, and go along"]),
  ];
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
  return [
    ...(last !== undefined && isBroken(last)
      ? [
          `${release} itself was broken when it ran here last (${last.intent.at}: ${brokenBy(last)}); fix forward first, rather than go back to it`,
        ]
      : []),
    ...leftBefore(entries, release),
  ];
}

/** Whoever goes back twice without a target would go forward again: what a rollback left stays known to be good. */
function leftBefore(entries: readonly Entry[], release: ReleaseId): string[] {
  const left = rollbacks(entries).findLast(({ begun, ended }) => begun.from === release && ended?.result === "passed");
  if (left === undefined) return [];
  const { at, reason } = left.begun;
  const why = reason === undefined ? "" : ` (${reason})`;
  return [`${release} was rolled back from at ${at}${why}; to go further back, name an older release`];
}

const isBroken = ({ outcome }: Deployment): boolean => outcome?.result === "failed";

function brokenBy({ outcome }: Deployment): string {
  const failed = outcome?.checks.find(({ result }) => result === "failed");
  return failed === undefined ? "verification failed" : `${failed.name}: ${failed.evidence}`.slice(0, 200);
}
