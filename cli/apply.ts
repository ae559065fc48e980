import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeAtomically } from "../records/atomic-file";
import type { Entry, Outcome } from "../records/entry";
import { appliedRecords, deployments, describeStop, isJudged, stopped, type Deployment } from "../records/state";
import type { Settings } from "../release/parse";
import { changedRecords, describeRecord } from "../release/records";
import { writeOrRefuse } from "./disk";
import type { UpOptions } from "./engine";
import { EngineError } from "./engine-reason";
import { cameOfInterrupt, interrupted } from "./interrupted";
import { afterStop } from "./next";
import type { Obstacle } from "./planning";
import { Refusal, type Tell } from "./result";
import type { OpenedStack } from "./stack";

/** How applying an edited stack file ended. */
export type Applied =
  /** Verification gave its verdict, and if that is passed the engine finished. */
  | { readonly end: "judged"; readonly outcome: Outcome }
  /** The engine had nothing to do. */
  | { readonly end: "unchanged" }
  /** Nothing was touched; the stack file is as it was. */
  | ({ readonly end: "refused" } & Pick<Obstacle, "reason" | "kind"> & { readonly next?: string | undefined })
  /** Something was touched, and the engine did not come to its end. */
  | { readonly end: "unfinished"; readonly reason: string };

/** How an edited stack file is applied. */
export interface ApplyOptions {
  readonly tell: Tell;
  readonly signal: AbortSignal;
  /** The stack file that somebody agreed to change: another is left as it is. */
  readonly expected?: string;
  /** Whether the engine plans first, and then does what it planned and nothing else. */
  readonly planned?: boolean;
  readonly onResource?: UpOptions["onResource"];
  /** The rollback that it belongs to: the gates let one through where they would stop everything else. */
  readonly rollback?: string;
}

/**
 * What the gate would refuse at once whatever is asked, and whatever changes but the pin: an emergency stop, or a record
 * that is not what was applied. A rollback lifts the one, and its plan knows of the other.
 */
export function standingIn({ log, settings }: Pick<OpenedStack, "log" | "settings">): Obstacle | undefined {
  const entries = log.entries();
  const stop = stopIn(entries, settings);
  if (stop !== undefined) return stop;
  const [changed] = changedRecords(settings, appliedRecords(entries));
  if (changed === undefined) return undefined;
  return { reason: describeRecord(changed), next: `rewind release show ${changed.release}`, kind: "tampered" };
}

function stopIn(entries: readonly Entry[], settings: Settings): Obstacle | undefined {
  const stop = stopped(entries);
  if (stop === undefined) return undefined;
  return { reason: describeStop(stop), next: afterStop({ settings, entries }), kind: "stopped" };
}

/**
 * Refuses whatever would change a stack, its data or its store while it is stopped.
 * @throws Refusal with who stopped it, and why
 */
export function refuseWhileStopped({ log, settings }: Pick<OpenedStack, "log" | "settings">): void {
  const stop = stopIn(log.entries(), settings);
  if (stop !== undefined) throw new Refusal(stop.reason, stop.next, stop.kind);
}

/**
 * Writes the stack file and applies it between the stack's gates. An update that was refused before its first change
 * leaves the stack file as it was.
 */
export async function applyStackFile(
  stack: OpenedStack,
  text: string,
  message: string,
  { tell, signal, expected, planned = false, onResource, rollback }: ApplyOptions,
): Promise<Applied> {
  const { engine, file, log } = stack;
  const standing = rollback === undefined ? standingIn(stack) : undefined;
  if (standing !== undefined) return { end: "refused", ...standing };
  const before = readFileSync(file, "utf8");
  if (expected !== undefined && before !== expected) {
    return { end: "refused", reason: "the stack file was edited meanwhile; plan anew" };
  }
  const known = deployments(log.entries()).length;
  // Somebody else may have begun one in the meantime.
  const isOwn = ({ intent }: Deployment): boolean => rollback === undefined || intent.rollback === rollback;
  const own = () => deployments(log.entries()).slice(known).findLast(isOwn);
  // The engine's plan says the names of everything, and its secrets in the engine's own cipher.
  const folder = planned ? mkdtempSync(join(tmpdir(), "rewind-plan-")) : undefined;
  const plan = folder === undefined ? undefined : join(folder, "plan.json");
  const sayThatItStops = (): void => {
    tell("Interrupted; waiting for the engine to stop");
  };
  signal.addEventListener("abort", sayThatItStops);
  try {
    writeOrRefuse(dirname(file), () => {
      writeAtomically(file, text);
    });
    if (plan !== undefined) await engine.preview({ savePlan: plan, signal });
    await engine.up(message, {
      onOutput: (output) => {
        // Interrupted, the engine complains of everything that its plan still had to do.
        if (!signal.aborted) tell(output.trimEnd());
      },
      signal,
      ...(plan === undefined ? {} : { plan }),
      ...(rollback === undefined ? {} : { variables: { REWIND_ROLLBACK: rollback } }),
      ...(onResource === undefined ? {} : { onResource }),
    });
  } catch (error) {
    const ours = own();
    // What somebody else wrote meanwhile stays.
    if (ours === undefined && readFileSync(file, "utf8") === text) writeAtomically(file, before);
    if (!(error instanceof EngineError || error instanceof Refusal)) throw error;
    // Of an interrupt the engine only says that something was cancelled.
    const reason = (await cameOfInterrupt(signal)) ? interrupted : error.message;
    // No intent means that nothing was touched, so nothing is left behind in the stack file.
    if (ours === undefined) {
      const kind = error instanceof Refusal && !signal.aborted ? { kind: error.kind } : {};
      return { end: "refused", reason, next: nextOf(error, signal), ...kind };
    }
    const { outcome } = ours;
    if (outcome !== undefined && outcome.result !== "passed" && isJudged(outcome)) return { end: "judged", outcome };
    return { end: "unfinished", reason };
  } finally {
    signal.removeEventListener("abort", sayThatItStops);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
  const outcome = own()?.outcome;
  return outcome === undefined ? { end: "unchanged" } : { end: "judged", outcome };
}

/** What to do about an update that touched nothing, where its error or its end by a signal says so. */
export function nextOf(error: unknown, { aborted }: AbortSignal): string | undefined {
  if (aborted) return "the same command again";
  return error instanceof Refusal || error instanceof EngineError ? error.next : undefined;
}
