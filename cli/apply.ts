import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import type { Outcome } from "../records/entry";
import { deployments } from "../records/state";
import { EngineError } from "./engine";
import type { Tell } from "./result";
import type { OpenedStack } from "./stack";

/** How applying an edited stack file ended. */
export type Applied =
  /** Verification gave a verdict; `refused` otherwise, and nothing was touched; `unfinished` when it did not get there. */
  | { readonly end: "verified"; readonly outcome: Outcome }
  | { readonly end: "unchanged" }
  | { readonly end: "refused" | "unfinished"; readonly reason: string; readonly outcome?: Outcome };

/**
 * Writes the stack file and applies it between the stack's gates. An update that was refused before its first change
 * leaves the stack file as it was.
 */
export async function applyStackFile(
  { engine, file, log }: OpenedStack,
  text: string,
  message: string,
  { tell, signal }: { readonly tell: Tell; readonly signal: AbortSignal },
): Promise<Applied> {
  const before = readFileSync(file, "utf8");
  const known = deployments(log.entries()).length;
  const own = () => deployments(log.entries()).slice(known).at(-1);
  writeAtomically(file, text);
  try {
    await engine.up(
      message,
      (output) => {
        tell(output.trimEnd());
      },
      signal,
    );
  } catch (error) {
    const ours = own();
    if (ours === undefined) writeAtomically(file, before);
    if (!(error instanceof EngineError)) throw error;
    const reason = error.message;
    if (ours === undefined) return { end: "refused", reason };
    const { outcome } = ours;
    if (outcome?.result === "failed") return { end: "verified", outcome };
    return { end: "unfinished", reason, ...(outcome === undefined ? {} : { outcome }) };
  }
  const outcome = own()?.outcome;
  return outcome === undefined ? { end: "unchanged" } : { end: "verified", outcome };
}
