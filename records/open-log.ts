import { join } from "node:path";
import { openFileLog, logOver, type DeploymentLog } from "./log";
import type { Place } from "./stores";
import type * as atOnce from "./stores/at-once";

/**
 * The deployment log of a stack in a store, of which it is the journal of its name. Its bytes are the same in every one.
 * @param redact takes the values of secrets out of a text
 * @throws from `append`, and where it is not in a file from all that reads: NewerStore, DamagedStore, StoreUnavailable
 */
export function openLogAt(
  place: Place,
  stack: string,
  redact: (text: string) => string,
  now?: () => Date,
): DeploymentLog {
  if (place.store === "json") return openFileLog(join(place.folder, `${stack}.jsonl`), stack, redact, now);
  const { journalLines } = require("./stores/at-once") as typeof atOnce;
  return logOver(journalLines(place, stack), stack, redact, now);
}
