import type { Result } from "../release/verdict";

/** Exit codes. Pulumi's own meanings, 0 to 9, stay Pulumi's. */
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
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code is the verdict. */
export const exitCodeOf: Readonly<Record<Result, ExitCode>> = {
  passed: exitCodes.ok,
  failed: exitCodes.verificationFailed,
  inconclusive: exitCodes.inconclusive,
  error: exitCodes.checkError,
};
