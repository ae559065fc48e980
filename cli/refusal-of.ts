import { DamagedLog, NewerLog } from "../records/line";
import { BadStore, DamagedStore, NewerStore, StoreHeld, StoreUnavailable } from "../records/store";
import { EngineError } from "./engine-reason";
import { Refusal } from "./result";

/** The reasoned no that an error is; undefined for any other. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof NewerLog || error instanceof NewerStore) {
    return new Refusal(error.message, "the Rewind that wrote it, or a newer one");
  }
  const ofStore = refusalOfStore(error);
  if (ofStore !== undefined || !(error instanceof DamagedLog)) return ofStore;
  return new Refusal(
    error.message,
    "rewind doctor, which says where the log lies; a copy of it has the line",
    "tampered",
  );
}

function refusalOfStore(error: unknown): Refusal | undefined {
  if (error instanceof BadStore) return new Refusal(error.message, "rewind records --help says what it may be");
  if (error instanceof StoreHeld) {
    return new Refusal(error.message, "wait for it, or end it; then the same command again", "locked");
  }
  if (error instanceof StoreUnavailable) return new Refusal(error.message, "the same command when it answers");
  if (!(error instanceof DamagedStore)) return undefined;
  return new Refusal(error.message, "put it back from a copy, and find out who changed it", "tampered");
}

/** What to type after an error; undefined where only its own words can say it. */
export function nextAfter(error: unknown): string | undefined {
  // By its name: the schema library is not loaded for every command.
  if (error instanceof Error && error.name === "InvalidConfiguration")
    return "correct what is named, then the same command again";
  return error instanceof EngineError ? error.next : refusalOf(error)?.next;
}
