import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../release/parse";
import { inlineRows, rowsDigest, rowsPath } from "../release/rows";
import { Release } from "../release/schema/release";
import { recordsFolder } from "../release/schema/store";
import type { Snapshot } from "./entry";
import { releaseFiles } from "./release-file";
import { writeInlineRows } from "./row-files";

/**
 * Puts the rows that were applied last under their digest beside the records, where they are not and the catalogue has
 * them: another machine applied them, or this is a fresh clone. The provider of rows knows the folder of records alone.
 * Releases in files are read only where the stack file does not have the rows.
 *
 * @param folder the project's
 * @param states the states in which the stack may stand, as the deployment log has them
 */
export function bringAppliedRows(
  { environment, releases, references }: Pick<Settings, "environment" | "releases" | "references">,
  folder: string,
  states: readonly Pick<Snapshot, "tables">[],
): void {
  const records = recordsFolder(environment.records);
  const missing = new Set(
    states
      .flatMap(({ tables }) => Object.values(tables ?? {}))
      .filter(({ digest }) => !existsSync(join(folder, rowsPath(records, digest))))
      .map(({ digest }) => digest),
  );
  const bring = (release: Release | undefined): void => {
    for (const pinned of Object.values(release?.config ?? {})) {
      const rows = inlineRows(pinned);
      if (rows !== undefined && missing.delete(rowsDigest(pinned).digest)) writeInlineRows(folder, records, rows);
    }
  };
  for (const release of releases.values()) bring(release);
  // The newest first: what ran last is seldom far back.
  for (const { file } of [...references.values()].reverse()) {
    if (missing.size === 0) return;
    bring(releaseIn(folder, file));
  }
}

/** A release of the catalogue in its file; one that cannot be read is refused where it is pinned. */
function releaseIn(folder: string, file: string): Release | undefined {
  try {
    return Release.safeParse(releaseFiles(folder)(file)).data;
  } catch {
    return undefined;
  }
}
