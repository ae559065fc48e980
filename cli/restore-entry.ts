import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lastVerified } from "../records/state";
import type { Backup } from "../recovery/backups/read";
import type { BackupPart } from "../release/backup-manifest";
import type { Settings } from "../release/parse";
import { snapshotOf, surroundingsOf } from "../release/snapshot";
import type { Check } from "../release/verdict";
import type { OpenedStack } from "./stack";
import { inBackup } from "./backup-place";
import { settingsIn } from "./stack-file";

/** What the gates of a stack compare with the deployment log. */
const compared: readonly BackupPart[] = ["database", "rows", "policies", "state", "stack"];

/** Whether the deployment log has to know that a part comes back. */
export const isCompared = (part: BackupPart): boolean => compared.includes(part);

/**
 * Writes down that a stack is about to be as it was: otherwise the next update would take what comes back for somebody's
 * edit. It is verified by nobody yet, and says so.
 * @returns what writes down how it ended
 */
export function beginRestore(stack: OpenedStack, backup: Backup): (error?: string) => void {
  const { log } = stack;
  const settings = settingsOf(stack, backup);
  const { pinned, pins, toggles } = settings;
  const from = lastVerified(log.entries())?.intent.to;
  const { id } = log.append({
    kind: "intent",
    to: {
      ...{ release: pinned.release, digest: pinned.digest, pins, surroundings: surroundingsOf(settings) },
      ...(Object.keys(toggles).length === 0 ? {} : { toggles }),
    },
    ...(from === undefined ? {} : { from }),
    snapshot: snapshotOf(settings),
  });
  const started = performance.now();
  return (error) => {
    const milliseconds = Math.round(performance.now() - started);
    const check: Check = {
      name: "restore",
      result: error === undefined ? "inconclusive" : "error",
      evidence: error ?? `as it was in the backup ${backup.id}; not verified since`,
      milliseconds,
      attempts: 1,
    };
    log.append({ kind: "outcome", of: id, result: check.result, checks: [check], milliseconds });
  };
}

/** What the stack pinned when the backup was made; as it pins now where the backup does not say. */
function settingsOf({ engine, file: own, folder, settings }: OpenedStack, backup: Backup): Settings {
  const file = backup.files.find(({ path }) => path === inBackup(own));
  if (file === undefined) return settings;
  return settingsIn(engine.name, readFileSync(join(backup.place, file.stored), "utf8"), folder);
}
