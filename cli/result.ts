import type { ExitCode } from "./exit-codes";

/** What a verb returns. Only main.ts prints it and exits with it. */
export interface VerbResult {
  readonly code: ExitCode;
  /** For people. */
  readonly text: string;
  /** For machines: printed by `--json`. */
  readonly json: unknown;
}

/** A reasoned no. It names the next command to type. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(
    message: string,
    readonly next: string,
  ) {
    super(message);
  }
}

/** Something for people while a verb works; it goes to standard error. */
export type Tell = (line: string) => void;
