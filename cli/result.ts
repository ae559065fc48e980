import type { ExitCode, RefusalKind } from "./exit-codes";

/** What a verb returns. Only main.ts prints it and exits with it. */
export interface VerbResult<Json = unknown> {
  readonly code: ExitCode;
  /** For people. */
  readonly text: string;
  /** For machines: printed by `--json`; cli/json has a schema for each verb's. */
  readonly json: Json;
}

/** A reasoned no. It names the next command to type. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(
    message: string,
    readonly next: string,
    readonly kind: RefusalKind = "refused",
  ) {
    super(message);
  }
}

/** Something for people while a verb works; it goes to standard error. */
export type Tell = (line: string) => void;
