import type { BackupPart, Occasion } from "./backup-manifest";
import { milliseconds, type Digest, type ReleaseId } from "./primitives";
import type { Backups } from "./schema/backups";

/** A backup as it is judged: what it says of itself, and whether it is what was written. */
export interface Candidate {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly occasion: Occasion;
  readonly parts: readonly BackupPart[];
  readonly bytes: number;
  /** Undefined in backups of the first form, which do not say it. */
  readonly pinned?: { readonly release: ReleaseId; readonly digest: Digest };
  /** What is not as it was written; empty when the backup is whole. */
  readonly problems: readonly string[];
  /** Why nothing proves who made it; left out where something does. */
  readonly unproven?: string;
}

/** What is asked of the backups of a stack, in milliseconds. */
export interface BackupObjectives {
  readonly age: number;
  readonly restore: number;
}

/** How many of the newest are kept unless the settings say otherwise. */
export const keptUnlessSaid = 14;

/** The objectives that the settings state, and the usual ones for those that they do not. */
export function backupObjectives(settings: Backups | undefined): BackupObjectives {
  const { age = "24h", restore = "30m" } = settings?.objectives ?? {};
  return { age: milliseconds(age), restore: milliseconds(restore) };
}

/** How old a backup is, in milliseconds; negative where it is newer than the clock. */
export const ageAt = (at: string, now: Date): number => now.getTime() - Date.parse(at);

/** Clocks of two machines are never quite the same. */
const tolerated = 60_000;

/** Whether a backup is newer than the clock, so that one of the two is wrong. */
export const isOfTheFuture = (at: string, now: Date): boolean => ageAt(at, now) < -tolerated;

const isWhole = ({ problems, unproven }: Candidate): boolean => problems.length === 0 && unproven === undefined;
const newestFirst = (a: Candidate, b: Candidate): number =>
  Date.parse(b.at) - Date.parse(a.at) || (a.id < b.id ? 1 : -1);

/** One of the four things that a score is made of. */
export interface Aspect {
  readonly name: "completeness" | "integrity" | "age" | "size";
  readonly points: number;
  /** Points that it can have at most. */
  readonly of: number;
  readonly evidence: string;
}

/** How good a backup is, of 100, and why. */
export interface Quality {
  readonly score: number;
  readonly aspects: readonly Aspect[];
}

/**
 * Scores a backup: what it has of what the stack has, whether it is what was written, how old it is against the objective,
 * and whether its size is what those of its kind have.
 * @param others the other backups of the stack
 */
export function qualityOf(
  backup: Candidate,
  others: readonly Candidate[],
  facts: { readonly expected: readonly BackupPart[]; readonly objectives: BackupObjectives; readonly now: Date },
): Quality {
  const aspects = [
    completeness(backup, facts.expected),
    integrity(backup),
    freshness(backup, facts.objectives, facts.now),
    size(backup, others),
  ];
  return { score: aspects.reduce((sum, { points }) => sum + points, 0), aspects };
}

function aspect(name: Aspect["name"], of: number, share: number, evidence: string): Aspect {
  return { name, of, points: Math.round(of * Math.min(1, Math.max(0, share))), evidence };
}

function completeness({ parts }: Candidate, expected: readonly BackupPart[]): Aspect {
  const missing = expected.filter((part) => !parts.includes(part));
  const share = expected.length === 0 ? 1 : 1 - missing.length / expected.length;
  const lacks = missing.length === 0 ? "" : `, without ${missing.join(", ")}`;
  return aspect("completeness", 40, share, `${Math.round(share * 100)} %${lacks}`);
}

function integrity({ problems, unproven }: Candidate): Aspect {
  const first = problems[0] ?? (unproven === undefined ? undefined : `nothing proves who made it: ${unproven}`);
  return aspect("integrity", 30, first === undefined ? 1 : 0, first ?? "every file is what was written");
}

/** Full marks within the objective, none from seven times as old on. */
function freshness({ at }: Candidate, { age: objective }: BackupObjectives, now: Date): Aspect {
  if (isOfTheFuture(at, now)) return aspect("age", 20, 0, "newer than the clock");
  const age = Math.max(0, ageAt(at, now));
  return aspect(
    "age",
    20,
    1 - (age - objective) / (6 * objective),
    `${hours(age)} old, ${hours(objective)} are allowed`,
  );
}

/** Full marks between half and twice of what whole backups with the same parts have, in the middle. */
function size({ id, bytes, parts }: Candidate, others: readonly Candidate[]): Aspect {
  const alike = others
    .filter((other) => other.id !== id && isWhole(other) && String(other.parts) === String(parts))
    .map((other) => other.bytes)
    .sort((a, b) => a - b);
  const usual = alike[Math.floor(alike.length / 2)];
  if (usual === undefined)
    return aspect("size", 10, bytes > 0 ? 1 : 0, `${bytes} bytes; there is none to compare with`);
  const ratio = Math.min(bytes, usual) / Math.max(bytes, usual, 1);
  return aspect("size", 10, ratio * 2, `${bytes} bytes, usual are ${usual}`);
}

const hours = (age: number): string => `${Math.round(age / 360_000) / 10} h`;

/** Why a backup was passed over, or that it was chosen. */
export interface Weighed {
  readonly id: string;
  readonly chosen: boolean;
  readonly why: string;
}

/** What is preferred when one is chosen: what was kept at a change of the stores, before any other change, on request. */
const preference: readonly (readonly Occasion[])[] = [["conversion"], ["rollback", "restore"], ["request"]];

/**
 * Chooses the backup to go back to: of those that are whole, not newer than the clock and have the wanted parts, the
 * newest of the kind that is preferred most.
 * @returns every backup in the order in which they were looked at, with the reason
 */
export function choose(
  backups: readonly Candidate[],
  { wanted, now }: { readonly wanted: readonly BackupPart[]; readonly now: Date },
): Weighed[] {
  const order = preference.flatMap((kind) =>
    backups.filter(({ occasion }) => kind.includes(occasion)).sort(newestFirst),
  );
  let found = false;
  return order.map((backup) => {
    const { id, occasion } = backup;
    const against = unfitFor(backup, wanted, now);
    if (against !== undefined) return { id, chosen: false, why: against };
    const chosen = !found;
    found = true;
    const words = `${wordsFor[occasion]}, of ${backup.at}`;
    return { id, chosen, why: chosen ? words : `${words}; fits as well` };
  });
}

const wordsFor: Readonly<Record<Occasion, string>> = {
  conversion: "kept when the records were converted",
  rollback: "kept before a rollback",
  restore: "kept before a restore",
  request: "made on request",
};

/** What speaks against going back to a backup; undefined when nothing does. */
export function unfitFor(backup: Candidate, wanted: readonly BackupPart[], now: Date): string | undefined {
  const [problem] = backup.problems;
  if (problem !== undefined) return `not what was written: ${problem}`;
  if (backup.unproven !== undefined) return `nothing proves who made it: ${backup.unproven}`;
  if (isOfTheFuture(backup.at, now)) return `made at ${backup.at}, which is newer than the clock`;
  const missing = wanted.filter((part) => !backup.parts.includes(part));
  return missing.length === 0 ? undefined : `without ${missing.join(", ")}`;
}

/** Whether a backup may go, and why not. */
export interface Retained {
  readonly id: string;
  readonly keep: boolean;
  readonly why: string;
}

/** What a stack still needs of its backups. */
export interface Needs {
  /** How many of the newest are kept. */
  readonly keep: number;
  /** What each known-good release deployed. */
  readonly knownGood: readonly { readonly release: ReleaseId; readonly digest: Digest }[];
  /** Backups that somebody may still go back to, such as that of a rollback that has not ended. */
  readonly inUse: readonly string[];
  readonly now: Date;
}

const unproven = (sorted: readonly Candidate[]): Candidate | undefined =>
  sorted.find(({ problems, unproven }) => problems.length === 0 && unproven !== undefined);

/**
 * Which backups may go: never one of the newest, never the last good one, never the newest good one of a known-good
 * release, never one that is in use, and never one whose time cannot be right.
 */
export function retained(backups: readonly Candidate[], { keep, knownGood, inUse, now }: Needs): Retained[] {
  const sorted = [...backups].sort(newestFirst);
  const past = sorted.filter(({ at }) => !isOfTheFuture(at, now));
  const good = past.filter(isWhole);
  const reasons = new Map<string, string>();
  const note = (backup: Candidate | undefined, why: string): void => {
    if (backup !== undefined && !reasons.has(backup.id)) reasons.set(backup.id, why);
  };
  note(good[0], "the last good one");
  for (const { release, digest } of knownGood) {
    note(
      good.find(({ pinned }) => pinned?.digest === digest),
      `the last good one of ${release}, which is known good`,
    );
  }
  for (const id of inUse) {
    note(
      sorted.find((each) => each.id === id),
      "in use",
    );
  }
  // Backups that somebody put there must not push those out that were made here.
  for (const unproven of [false, true]) {
    const alike = past.filter((each) => (each.unproven !== undefined) === unproven);
    for (const backup of alike.slice(0, keep)) note(backup, `one of the newest ${keep}`);
  }
  note(unproven(past), "the last one whose files are whole, though nothing proves who made it");
  return sorted.map(({ id, at }) => {
    const why = isOfTheFuture(at, now) ? `made at ${at}, which is newer than the clock` : reasons.get(id);
    return why === undefined ? { id, keep: false, why: "not needed" } : { id, keep: true, why };
  });
}
