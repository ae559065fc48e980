import type { KeptHolding } from "../release/holdings";
import type { Digest, ReleaseId } from "../release/primitives";
import type { MigrationStep } from "../release/migration-plan";
import type { Toggle, Toggles } from "../release/schema/toggles";
import type { RowsDigest } from "../release/rows";
import type { Level } from "../release/level";
import type { Check, Result } from "../release/verdict";

/** What a pin leaves behind, as digests: enough to see, row by row and policy by policy, whether it is still there. */
export interface Snapshot {
  /** By table, by key: entries of version 1. */
  readonly rows?: Readonly<Record<string, Readonly<Record<string, Digest>>>>;
  /** By table, since version 2; the rows lie beside the log under their digest. */
  readonly tables?: Readonly<Record<string, RowsDigest>>;
  /** By bucket. */
  readonly policies: Readonly<Record<string, Digest>>;
  /** What holds customer data, where it is protected. */
  readonly holds?: readonly KeptHolding[];
  /** The last migration that is applied, where the pin says it. */
  readonly migration?: string;
}

/** A pin as an entry names it. */
export interface Pin {
  readonly release: ReleaseId;
  readonly digest: Digest;
  /** What is pinned apart from the rest. */
  readonly pins: Readonly<Record<string, ReleaseId>>;
  /** What the stack lays over the toggles of the release, where it does. */
  readonly toggles?: Toggles;
  /** SHA-256 of the environment and the declared checks: a change there is a change too, and is verified. */
  readonly surroundings: Digest;
}

interface Written {
  /** The form of the entry; a reader refuses one that is newer than itself. */
  readonly version: 1 | 2 | 3;
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly stack: string;
  /** The person or pipeline, as the machine knows it. */
  readonly by: string;
}

/** Written before the first change. Without an outcome it says that an update was interrupted. */
export interface Intent extends Written {
  readonly kind: "intent";
  readonly to: Pin;
  /** The pin that was verified last, unless this is the first. */
  readonly from?: Pin;
  /** What the pin is about to leave behind. */
  readonly snapshot: Snapshot;
  /** The SHA-256 of each release's own record that the pin takes something from: a release is immutable once applied. */
  readonly records?: Readonly<Record<ReleaseId, Digest>>;
  /** The migrations that the update is about to run, in order. */
  readonly migrations?: readonly MigrationStep[];
  /** The rollback by `rewind` that it belongs to. */
  readonly rollback?: string;
  /** The restore point in the database's own log from just before the first change. */
  readonly restorePoint?: string;
  /** What the first gate let pass and a person should know, a line each: an image that only the Docker host has. */
  readonly warnings?: readonly string[];
}

/** Written after the last change, or on the way out when an update failed. */
export interface Outcome extends Written {
  readonly kind: "outcome";
  /** The id of the intent. */
  readonly of: string;
  /** The verdict of verification; `error` also when the update ended before there was one. */
  readonly result: Result;
  readonly checks: readonly Check[];
  /** From the intent to the outcome. */
  readonly milliseconds: number;
}

/** A release that must not be applied again until someone lifts the hold. */
export interface Hold extends Written {
  readonly kind: "hold" | "unhold";
  readonly release: ReleaseId;
  readonly reason: string;
  /** What the release deployed when it was put on hold: the same under another id is on hold, too. */
  readonly content?: Digest;
}

/** A toggle that someone laid over the release, or gave back to it, before the update that applies it. */
export interface ToggleChange extends Written {
  readonly kind: "toggle";
  readonly toggle: string;
  /** Its value from now on; left out where the release decides again. */
  readonly value?: Toggle;
  readonly reason: string;
}

/** A step of the rotation of an identity's key. Access keys are names; secret keys stand nowhere. */
export interface Rotation extends Written {
  readonly kind: "rotation";
  readonly identity: string;
  /** `begun` before anything is made; `revoked` when the old key was refused; `finished` when nothing names it. */
  readonly step: "begun" | "revoked" | "finished";
  /** The access key that leaves. */
  readonly from: string;
  /** The access key that comes. */
  readonly to: string;
  readonly reason: string;
}

/** Something that was done outside of an update, once it was done. */
export interface Audited extends Written {
  readonly kind: "audit";
  /** A build that was put into the object store; a copy of the database that was made beside the running one. */
  readonly act: "publish" | "recover";
  /** What exactly, on one line. */
  readonly what: string;
}

/** A clean-up of rows that a version made, or its undoing. The rows themselves stand in the database's own archive. */
export interface DataChange extends Written {
  readonly kind: "data";
  readonly act: "clean" | "restore";
  /** `begun` before the transaction; then whether it was committed, which a connection that broke leaves open. */
  readonly step: "begun" | "finished" | "failed" | "unknown";
  /** The clean-up under which the rows are archived: the id of the entry that began it. */
  readonly run: string;
  /** Schema and name. */
  readonly table: string;
  /** How many rows. */
  readonly count: number;
  /** Of a clean-up: the version whose rows are meant, and the time after which they were made. */
  readonly madeBy?: string;
  readonly since?: string;
  /** Why it was done, or why it failed. */
  readonly reason?: string;
}

/** An emergency stop, or its end: while a stack is stopped, no gate lets a change through. */
export interface Stop extends Written {
  readonly kind: "stop" | "start";
  readonly reason: string;
}

/** A process by what tells it from a later one of the same number. */
export interface Runner {
  readonly host: string;
  readonly pid: number;
  /** When it began, as its machine counts; left out where the machine does not say. */
  readonly began?: string;
}

/** A rollback by `rewind`, before anything is touched. Without an end it is under way, or was interrupted. */
export interface RollbackBegun extends Written {
  readonly kind: "rollback";
  readonly from: ReleaseId;
  readonly to: ReleaseId;
  readonly level: Level;
  /** The SHA-256 of the plan that was shown and agreed to. */
  readonly plan: Digest;
  /** The deployment that it undoes. */
  readonly undoes?: string;
  readonly reason?: string;
  /** What a person chose to leave where it is, by its path: `functions/score_prism`. */
  readonly skipped?: readonly string[];
  /** What the stack file pinned until then: its own two lines. */
  readonly before: { readonly release: ReleaseId; readonly pins: Readonly<Record<string, ReleaseId>> };
  /** What ran until then, which may be another. */
  readonly ran: { readonly release: ReleaseId; readonly pins: Readonly<Record<string, ReleaseId>> };
  readonly runner: Runner;
}

/** A trigger that fired because of a rollback: it calls for more people. */
export interface Escalated extends Written {
  readonly kind: "escalation";
  /** The id of the entry that began the rollback. */
  readonly of: string;
  readonly trigger: string;
  /** What was seen, without secrets. */
  readonly evidence: string;
}

/** Somebody's agreement to the plan of somebody else. */
export interface Approval extends Written {
  readonly kind: "approval";
  /** The SHA-256 of the plan. */
  readonly plan: Digest;
  readonly from: ReleaseId;
  readonly to: ReleaseId;
  readonly level: Level;
}

/** An act that needs the agreement of a second person. */
export interface Requested extends Written {
  readonly kind: "request";
  /** All that it would do, in one sentence: the agreement is to this sentence. */
  readonly act: string;
}

/** The agreement of a second person to a request. */
export interface RequestApproved extends Written {
  readonly kind: "request-approval";
  /** The id of the request. */
  readonly of: string;
}

/** What a person answered to a question that no check can measure. */
export interface Answered extends Written {
  readonly kind: "answer";
  /** The deployment that was looked at. */
  readonly of: string;
  /** Its name in the stack file. */
  readonly question: string;
  readonly yes: boolean;
  readonly note?: string;
}

/** A backup that was made, bound to what it holds; or the use of one although nothing proves who made it. */
export interface BackupNoted extends Written {
  readonly kind: "backup";
  readonly act: "made" | "unproven";
  /** Its name. */
  readonly backup: string;
  /** The SHA-256 of its manifest, which holds the sums of all its files. */
  readonly manifest: Digest;
  /** Of an unproven one: what was done with it. */
  readonly verb?: "verify" | "fetch" | "choose" | "restore";
}

/** How a rollback by `rewind` came to its end. */
export interface RollbackEnded extends Written {
  readonly kind: "rollback-end";
  /** The id of the entry that began it. */
  readonly of: string;
  /** The verdict; `refused` and `aborted` left everything as it was, `unfinished` did not. */
  readonly result: Result | "refused" | "unfinished" | "aborted";
  /** The first thing that went wrong. */
  readonly reason?: string;
  /** The deployment that it made. */
  readonly deployment?: string;
  /** Where the backup lies. */
  readonly backup?: string;
  /** From the decision to the end. */
  readonly milliseconds: number;
  /** How long each part of it took, in milliseconds: `backup`, `config`, `services`, `verification`. */
  readonly parts: Readonly<Record<string, number>>;
}

/** One line of the deployment log. */
export type Entry =
  | Intent
  | Outcome
  | Hold
  | ToggleChange
  | Rotation
  | Audited
  | DataChange
  | Stop
  | RollbackBegun
  | Escalated
  | Approval
  | Requested
  | RequestApproved
  | Answered
  | BackupNoted
  | RollbackEnded;
