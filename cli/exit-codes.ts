import type { Result } from "../release/verdict";

/** Exit codes; docs/exit-codes.md says what to do after each. Pulumi's own meanings, 0 to 9, stay Pulumi's. */
export const exitCodes = {
  ok: 0,
  error: 1,
  /** Rewind said no, with a reason; nothing was touched. */
  refused: 10,
  verificationFailed: 11,
  /** Nothing was measured, or not enough of it. */
  inconclusive: 12,
  /** A probe itself broke. */
  checkError: 13,
  /** What runs is not what was applied. */
  drifted: 14,
  /** The emergency stop stands in the way. */
  stopped: 15,
  /** Somebody else is at it, or was and has not come to an end: a rollback, or whoever holds the engine's lock. */
  locked: 16,
  /** What must never change is not what was written: a release's record, a backup, a row file, the deployment log. */
  tampered: 17,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What kind of no a refusal is: the name of its exit code, and the outcome that `--json` tells. */
export type RefusalKind = "refused" | "stopped" | "locked" | "tampered";

/** The exit code is the verdict. */
export const exitCodeOf: Readonly<Record<Result, ExitCode>> = {
  passed: exitCodes.ok,
  failed: exitCodes.verificationFailed,
  inconclusive: exitCodes.inconclusive,
  error: exitCodes.checkError,
};
