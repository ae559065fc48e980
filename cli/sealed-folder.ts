import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, syncFolder, syncName, writeNew } from "../records/atomic-file";
import { sumsText } from "../release/backup-manifest";

/**
 * Writes files into a folder that is new, or empty, and readable by its owner alone. They are written beside it and the
 * folder is renamed into its place, so it is whole or not there; `sha256sum -c SHA256SUMS` proves it.
 * @param contents by name
 */
export function writeSealed(place: string, contents: Readonly<Record<string, string>>): void {
  const sums = sumsText(
    Object.entries(contents).map(([path, text]) => ({ path, sha256: createHash("sha256").update(text).digest("hex") })),
  );
  if (!existsSync(dirname(place))) makeFolder(dirname(place), 0o700);
  const partial = mkdtempSync(`${place}.partial-`);
  try {
    for (const [path, text] of Object.entries({ ...contents, SHA256SUMS: sums })) {
      writeNew(join(partial, path), text);
    }
    syncFolder(partial);
    renameSync(partial, place);
    syncName(place);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}
