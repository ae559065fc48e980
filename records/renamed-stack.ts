import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectIn, stackNames } from "../project/project";
import type { Place } from "./stores";

/** That a stack without a log may have had another name. */
export interface Renamed {
  readonly evidence: string;
  /** The command that leads on. */
  readonly next: string;
}

/**
 * What a stack without a log may have been called before: `pulumi stack rename` moves the state and the stack file, and
 * knows nothing of the log, nor of the holds and known good releases in it.
 * @param logs the names of the logs that there are
 */
export function renamedFrom(folder: string, stack: string, logs: readonly string[]): Renamed | undefined {
  const named = new Set(stackNames(projectIn(folder)));
  const lost = logs.filter((name) => name !== stack && !named.has(name));
  const [old] = lost;
  if (old === undefined) return undefined;
  return {
    evidence: `${stack} has no log, and there is one of ${lost.join(", ")} without a stack file: a renamed stack loses its holds and known good`,
    next: `pulumi stack rename ${old} --stack ${stack}, if it was ${old} before`,
  };
}

/** The names of the logs that are files. In another store it takes a connection to know; the doctor asks there. */
export function logFilesAt(place: Place): string[] {
  if (place.store !== "json" || !existsSync(place.folder)) return [];
  const ending = ".jsonl";
  const names = readdirSync(place.folder).filter(
    (name) => name.endsWith(ending) && statSync(join(place.folder, name)).size > 0,
  );
  return names.map((name) => name.slice(0, -ending.length)).sort();
}
