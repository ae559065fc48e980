import assert from "node:assert/strict";
import { isReadable, readBackup, type Backup } from "../../recovery/backups/read";
import type { Fill } from "../../recovery/backups/write";

/** What a backup of the tests says of itself. */
export const facts = { stack: "staging", at: "2026-11-21T15:00:00.000Z", occasion: "request" } as const;

/** Fills a backup with texts, by path. */
export const holding =
  (contents: Readonly<Record<string, string>>): Fill =>
  async (staging) => {
    for (const [path, text] of Object.entries(contents)) await staging.add(path, text);
    return undefined;
  };

/** Reads a backup, which has to be one. */
export function readable(place: string): Backup {
  const backup = readBackup(place);
  if (!isReadable(backup)) assert.fail(backup.reason);
  return backup;
}
