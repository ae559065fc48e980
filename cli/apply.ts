import { readFileSync } from "node:fs";
import { writeAtomically } from "../records/atomic-file";
import type { Outcome } from "../records/entry";
import { deployments, type Deployment } from "../records/state";
import { EngineError } from "./engine";
import type { Tell } from "./result";
import type { OpenedStack } from "./stack";

/** How applying an edited stack file ended. */
export type Applied =
  /** Verification gave its verdict, and if that is passed the engine finished. */
  | { readonly end: "judged"; readonly outcome: Outcome }
  /** The engine had nothing to do. */
  | { readonly end: "unchanged" }
  /** Nothing was touched; the stack file is as it was. */
  | { readonly end: "refused"; readonly reason: string }
  /** Something was touched, and the engine did not come to its end. */
  | { readonly end: "unfinished"; readonly reason: string };

/**
 * Writes the stack file and applies it between the stack's gates. An update that was refused before its first change
 * leaves the stack file as it was.
 * @param isOwn tells our own deployment from one that somebody else began in the meantime
 */
export async function applyStackFile(
  { engine, file, log }: OpenedStack,
  text: string,
  message: string,
  { tell, signal }: { readonly tell: Tell; readonly signal: AbortSignal },
  isOwn: (deployment: Deployment) => boolean = () => true,
): Promise<Applied> {
  const before = readFileSync(file, "utf8");
  const known = deployments(log.entries()).length;
  const own = () => deployments(log.entries()).slice(known).findLast(isOwn);
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
    // No intent means that nothing was touched, so nothing is left behind in the stack file.
    if (ours === undefined) return { end: "refused", reason };
    const { outcome } = ours;
    if (outcome !== undefined && outcome.result !== "passed") return { end: "judged", outcome };
    return { end: "unfinished", reason };
  }
  const outcome = own()?.outcome;
  return outcome === undefined ? { end: "unchanged" } : { end: "judged", outcome };
}
