import { setImmediate } from "node:timers/promises";

/** Why something ended that Ctrl-C, or a signal like it, brought to its end. */
export const interrupted = "interrupted";

/**
 * Whether an error came of a signal. The engine's commands hear it, too, and may be gone before this process has heard
 * anything.
 */
export async function cameOfInterrupt(signal: AbortSignal | undefined): Promise<boolean> {
  await setImmediate();
  return signal?.aborted === true;
}
