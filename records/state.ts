import { canonicalJson } from "../release/canonical";
import type { Escalation } from "../release/escalation";
import type { MigrationStep } from "../release/migration-plan";
import type { KeptHolding } from "../release/holdings";
import type { Settings } from "../release/parse";
import type { Digest, ReleaseId } from "../release/primitives";
import { contentIn } from "../release/records";
import type { Level } from "../release/level";
import type { Check } from "../release/verdict";
import type { Entry, Hold, Intent, Outcome, RollbackBegun, RollbackEnded, Snapshot, Stop } from "./entry";

/** An intent and what came of it; no outcome when the update was interrupted or is under way. */
export interface Deployment {
  readonly intent: Intent;
  readonly outcome: Outcome | undefined;
}

/** The check that stands in an outcome for all others where the update ended before they were asked. */
export const endedEarly: Check = {
  name: "update",
  result: "error",
  evidence: "the update ended before verification",
  milliseconds: 0,
  attempts: 1,
};

/** Whether verification gave the verdict of an outcome; false where the update ended before it could. */
export function isJudged({ checks }: Pick<Outcome, "checks">): boolean {
  return !checks.some(({ name, evidence }) => name === endedEarly.name && evidence === endedEarly.evidence);
}

/** Every deployment in the log, oldest first. */
export function deployments(entries: readonly Entry[]): readonly Deployment[] {
  const before = paired.get(entries);
  if (before !== undefined) return before;
  const outcomes = new Map<string, Outcome>();
  for (const entry of entries) if (entry.kind === "outcome") outcomes.set(entry.of, entry);
  const all: Deployment[] = [];
  for (const entry of entries)
    if (entry.kind === "intent") all.push({ intent: entry, outcome: outcomes.get(entry.id) });
  paired.set(entries, all);
  return all;
}

/** Whoever asks one thing of a log asks several; a log that was read does not change. */
const paired = new WeakMap<readonly Entry[], readonly Deployment[]>();

/**
 * The deployment that ended last without having passed; what it moved before it ended may not be what the state says.
 * It stays the same when later ones pass, so that whoever goes by it does so once.
 */
export function lastUnfinished(entries: readonly Entry[]): Deployment | undefined {
  return deployments(entries).findLast(({ outcome }) => outcome?.result !== "passed");
}

/** A release that passed verification on a stack and has not been held since. */
export interface KnownGood {
  readonly release: ReleaseId;
  /** What it deployed. */
  readonly digest: Digest;
  /** When it passed last, ISO 8601. */
  readonly at: string;
  /** The deployment that passed. */
  readonly entry: string;
  /** How often it passed. */
  readonly times: number;
}

/**
 * The known-good releases of a stack, the one that passed last first. A deployment of which something was pinned apart
 * says nothing of its release.
 */
export function knownGood(entries: readonly Entry[]): KnownGood[] {
  const held = holds(entries);
  const found = new Map<ReleaseId, KnownGood>();
  for (const { intent, outcome } of deployments(entries)) {
    const { release, digest, pins } = intent.to;
    if (outcome?.result !== "passed" || Object.keys(pins).length > 0) continue;
    const times = (found.get(release)?.times ?? 0) + 1;
    found.delete(release);
    found.set(release, { release, digest, at: outcome.at, entry: intent.id, times });
  }
  return [...found.values()].filter(({ release }) => !held.has(release)).reverse();
}

/** The releases that a pin takes something from, which never passed verification on this stack and are not on hold. */
export function unproven(
  entries: readonly Entry[],
  { release, sources }: { readonly release: ReleaseId; readonly sources: Readonly<Record<string, ReleaseId>> },
): ReleaseId[] {
  const held = holds(entries);
  const passed = everPassed(entries);
  return [...new Set([release, ...Object.values(sources)])].filter((id) => !passed.has(id) && !held.has(id));
}

/** The releases that passed verification on this stack at some time. */
function everPassed(entries: readonly Entry[]): ReadonlySet<ReleaseId> {
  return new Set(
    deployments(entries).flatMap(({ intent: { to }, outcome }) =>
      outcome?.result === "passed" ? [to.release, ...Object.values(to.pins)] : [],
    ),
  );
}

/** What stops every change of a stack, undefined while nothing does. */
export function stopped(entries: readonly Entry[]): Stop | undefined {
  const last = entries.findLast((entry): entry is Stop => entry.kind === "stop" || entry.kind === "start");
  return last?.kind === "stop" ? last : undefined;
}

/** An emergency stop, in words. */
export const describeStop = ({ by, at, reason }: Stop): string => `the stack was stopped by ${by} at ${at}: ${reason}`;

/** A rollback by `rewind`, and how it ended; no end when it was interrupted or is under way. */
export interface RecordedRollback {
  readonly begun: RollbackBegun;
  readonly ended: RollbackEnded | undefined;
}

/** Every rollback in the log, oldest first. */
export function rollbacks(entries: readonly Entry[]): RecordedRollback[] {
  const ends = new Map(entries.flatMap((entry) => (entry.kind === "rollback-end" ? [[entry.of, entry] as const] : [])));
  return entries.flatMap((entry) => (entry.kind === "rollback" ? [{ begun: entry, ended: ends.get(entry.id) }] : []));
}

/** The triggers that fired because of a rollback, in their order. */
export function escalationsIn(entries: readonly Entry[], run: string): Escalation[] {
  return entries.flatMap((entry) =>
    entry.kind === "escalation" && entry.of === run ? [{ trigger: entry.trigger, evidence: entry.evidence }] : [],
  );
}

/** The rollback that has not ended; of several the first, which the others have to wait for. */
export function openRollback(entries: readonly Entry[]): RollbackBegun | undefined {
  return rollbacks(entries).find(({ ended }) => ended === undefined)?.begun;
}

/**
 * The rollback that waits for somebody to resume it or give it up: the open one, or else the one that the last update
 * of the stack belongs to, where that update was not verified and the rollback ended unfinished.
 */
export function unfinishedRollback(entries: readonly Entry[]): RecordedRollback | undefined {
  const all = rollbacks(entries);
  const open = all.find(({ ended }) => ended === undefined);
  const last = deployments(entries).at(-1);
  if (open !== undefined || last?.outcome?.result === "passed") return open;
  return all.find(({ begun, ended }) => begun.id === last?.intent.rollback && ended?.result === "unfinished");
}

/**
 * How long rollbacks of a level took that passed, in milliseconds, the latest twenty. Where there was none, what
 * deployments took from their intent to their verdict.
 */
export function measuredRuns(entries: readonly Entry[], level: Level): number[] {
  const same = rollbacks(entries).flatMap(({ begun, ended }) =>
    begun.level === level && ended?.result === "passed" ? [ended.milliseconds] : [],
  );
  if (same.length > 0) return same.slice(-20);
  return deployments(entries)
    .flatMap(({ outcome }) => (outcome?.result === "passed" ? [outcome.milliseconds] : []))
    .slice(-20);
}

/** The deployment that passed verification last. */
export function lastVerified(entries: readonly Entry[]): Deployment | undefined {
  return deployments(entries).findLast(({ outcome }) => outcome?.result === "passed");
}

/**
 * When the release that was applied last was applied first, in a row: updates that changed something else, such as a
 * toggle, do not begin anew. ISO 8601, undefined before the first deployment.
 */
export function pinnedSince(entries: readonly Entry[]): string | undefined {
  const all = deployments(entries).map(({ intent }) => intent);
  const same = ({ to }: Intent): boolean =>
    canonicalJson([to.release, to.pins]) === canonicalJson([all.at(-1)?.to.release, all.at(-1)?.to.pins]);
  const other = all.findLastIndex((intent) => !same(intent));
  return all[other + 1]?.at;
}

/** The migrations that ran in deployments that passed verification: what a rehearsal has tried. */
export function rehearsedIn(entries: readonly Entry[]): MigrationStep[] {
  return deployments(entries).flatMap(({ intent, outcome }) =>
    outcome?.result === "passed" ? (intent.migrations ?? []) : [],
  );
}

/** The releases on hold, each with the entry that says why. */
export function holds(entries: readonly Entry[]): Map<ReleaseId, Hold> {
  const held = new Map<ReleaseId, Hold>();
  for (const entry of entries) {
    if (entry.kind === "hold") held.set(entry.release, entry);
    if (entry.kind === "unhold") held.delete(entry.release);
  }
  return held;
}

/**
 * Why a release is on hold, and what lifts the hold; undefined when it is not. A copy of a release on hold, under another
 * name, is on hold too; one that passed verification here under its own name is no copy.
 */
export function holdOn(
  entries: readonly Entry[],
  release: ReleaseId,
  releases: Settings["releases"],
): { readonly reason: string; readonly next: string } | undefined {
  const held = holds(entries);
  const own = held.get(release);
  if (own !== undefined) return { reason: `on hold: ${own.reason}`, next: unholding(release) };
  const { content } = contentIn(releases, release);
  if (content === undefined || everPassed(entries).has(release)) return undefined;
  const twin = [...held.values()].find((hold) => hold.content === content);
  if (twin === undefined) return undefined;
  return { reason: `the same as ${twin.release}, which is on hold: ${twin.reason}`, next: unholding(twin.release) };
}

const unholding = (release: ReleaseId): string => `rewind unhold ${release} --reason "…"`;

/**
 * The states in which a stack may stand: as it was verified last, or as any update meant it that began since and did
 * not get there. Empty before the first verified deployment, when there is nothing to compare with.
 */
export function expectedStates(entries: readonly Entry[]): Snapshot[] {
  const all = deployments(entries);
  const last = all.findLastIndex(({ outcome }) => outcome?.result === "passed");
  return last < 0 ? [] : all.slice(last).map(({ intent }) => intent.snapshot);
}

/**
 * What a stack holds of its customers, as the last update meant it. An update may only leave out what it was let do, so
 * the last one knows of everything, also when it failed.
 */
export function holdingsBefore(entries: readonly Entry[]): readonly KeptHolding[] {
  return deployments(entries).at(-1)?.intent.snapshot.holds ?? [];
}

/** The digest of each release's own record as it was applied first. */
export function appliedRecords(entries: readonly Entry[]): Map<ReleaseId, Digest> {
  const applied = new Map<ReleaseId, Digest>();
  for (const { intent } of deployments(entries)) {
    for (const [id, digest] of Object.entries(intent.records ?? {})) if (!applied.has(id)) applied.set(id, digest);
  }
  return applied;
}
