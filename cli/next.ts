import type { Entry } from "../records/entry";
import { appliedRecords, holdingsBefore, holds, stopped } from "../records/state";
import { lossesOf } from "../release/holdings";
import type { Settings } from "../release/parse";
import { changedRecords } from "../release/records";
import { lastGood } from "./planning";

/** What a stack is, as far as the command to type next depends on it. */
interface State {
  readonly settings: Settings;
  readonly entries: readonly Entry[];
}

/**
 * The command that clears what plain `pulumi up` of the pin would be refused for, as the stack file and the log tell it;
 * undefined where neither stands in the way. Every text that names `pulumi up` as the next command asks here.
 */
export function beforeUp(state: State): string | undefined {
  const { settings, entries } = state;
  if (stopped(entries) !== undefined) return afterStop(state);
  const held = holds(entries);
  const onHold = [settings.pinned.release, ...Object.values(settings.pinned.sources)].find((id) => held.has(id));
  if (onHold !== undefined) return afterHold(state, onHold);
  const [changed] = changedRecords(settings, appliedRecords(entries));
  if (changed !== undefined) return `rewind release show ${changed.release}: its record is not what was applied`;
  const [loss] = lossesOf(settings, holdingsBefore(entries));
  return loss === undefined ? undefined : `pulumi preview, which says what of the data is missing in the stack file`;
}

/** What to do about an emergency stop: only a rollback passes it, where there is a release to go back to. */
export function afterStop(state: State): string {
  const start = 'rewind start --reason "…" when it is over';
  return lastGood(state) === undefined ? start : `rewind rollback, or ${start}`;
}

/** What to do about a pinned release that is on hold. */
export function afterHold(state: State, release: string): string {
  const unhold = `rewind unhold ${release} --reason "…" when the cause is gone`;
  return lastGood(state) === undefined ? unhold : `rewind rollback, or ${unhold}`;
}
