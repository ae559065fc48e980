import { resolve } from "node:path";
import type { MigrationStep } from "../release/migration-plan";
import type { Settings } from "../release/parse";
import type { Entry, Snapshot } from "./entry";
import { readFileLog } from "./log";
import { expectedStates, holdOn, rehearsedIn } from "./state";

/** What the deployment log knows that a change must respect, in the form in which `checks/before.ts` asks for it. */
export interface KnownFromLog {
  /** Why a release is on hold, and what lifts the hold; undefined when it is not. */
  readonly holdOn: (release: string) => { readonly reason: string; readonly next: string } | undefined;
  /** The states in which the stack may stand; none before the first verified deployment. */
  readonly states: readonly Snapshot[];
  /** The migrations that ran on the stack that rehearses production's. */
  readonly rehearsed: readonly MigrationStep[];
}

/**
 * What the deployment log of a stack, and that of the stack that rehearses for it, know before a change. The first gate
 * and whoever asks beforehand what it would say ask the same.
 * @param folder the project's, from which the path of the rehearsal's log goes
 * @throws Error when the rehearsal's log is not one
 */
export function knownFromLog(
  entries: readonly Entry[],
  { environment, releases }: Pick<Settings, "environment" | "releases">,
  folder: string,
): KnownFromLog {
  const rehearsal = environment.database?.migrations?.rehearsal;
  return {
    holdOn: (release) => holdOn(entries, release, releases),
    states: expectedStates(entries),
    rehearsed: rehearsal === undefined ? [] : rehearsedIn(readFileLog(resolve(folder, rehearsal))),
  };
}
