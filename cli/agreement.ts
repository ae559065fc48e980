import { exitCodes } from "./exit-codes";
import type { AbortedJson } from "./json/shapes";
import { Refusal, type VerbResult } from "./result";
import type { OpenedStack } from "./stack";

/** How somebody agrees to what a verb is about to do. */
export interface Agreement {
  /** Whether somebody agreed beforehand, and named the stack that is meant. */
  readonly agreed: "no" | "unnamed" | "named";
  /** Asks the person for a word; anything else is a no. */
  readonly confirm: (question: string, word: string) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * Asks for agreement: for the word yes, and in production for the stack's own name.
 * @param command what to type, for somebody who agreed without naming a production stack
 * @returns undefined when it was given, and otherwise what the verb returns
 * @throws Refusal when production was not named, and when there is nobody to ask
 */
export async function refusedBy(
  { engine, settings }: Pick<OpenedStack, "settings"> & { readonly engine: Pick<OpenedStack["engine"], "name"> },
  { agreed, confirm, signal }: Agreement,
  question: string,
  command: string,
): Promise<VerbResult<AbortedJson> | undefined> {
  const isProduction = settings.environment.kind === "production";
  if (isProduction && agreed === "unnamed") {
    throw new Refusal(
      "production asks for its own name: --yes alone may be meant for another stack",
      `${command} --yes --stack ${engine.name}`,
    );
  }
  const given = agreed !== "no" || (await confirm(question, isProduction ? engine.name : "yes"));
  if (given && !signal.aborted) return undefined;
  return {
    code: exitCodes.refused,
    text: "Aborted; nothing was touched.",
    json: { outcome: "refused", aborted: true },
  };
}
