import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pinnedCells } from "../rows/live";
import { locatedTable } from "../checks/row-probes";
import { writeProjectFile } from "../records/project-file";
import { parseBaseline } from "../release/baseline";
import { fileNameOf } from "../release/file-names";
import type { ReleaseId } from "../release/primitives";
import { jsonLines, rowsDigest } from "../release/rows";
import type { Release } from "../release/schema/release";
import { Refusal } from "./result";
import type { FiledStack } from "./stack-file";

/** More rows than this make a stack file hard to read; they stand in a file of their own. */
const inline = 200;

/** The configuration of a baseline as a release pins it, and the row files that are still to be written. */
export interface BaselineConfig {
  readonly config: NonNullable<Release["config"]>;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * The configuration rows of a baseline, for a new release of the stack that it was taken of.
 * @throws Refusal when the file is damaged, of a newer version, no baseline, or of another stack
 */
export function baselineConfig(
  { name: stack, settings, folder }: FiledStack,
  file: string,
  id: ReleaseId,
): BaselineConfig {
  const refused = (reason: string): Refusal =>
    new Refusal(
      `--from-baseline ${file}: ${reason}\nNothing was written.`,
      `a file that rewind baseline --stack ${stack} wrote`,
    );
  let text: string;
  try {
    text = readFileSync(resolve(file), "utf8");
  } catch (error) {
    throw refused(error instanceof Error ? error.message : "unreadable");
  }
  const parsed = parseBaseline(text);
  if (!parsed.ok) throw refused(parsed.reason);
  const { baseline } = parsed;
  if (baseline.stack !== stack) throw refused(`it was taken of the stack ${baseline.stack}`);
  const files = new Map<string, string>();
  const config = Object.entries(baseline.config).map(([table, { schema, rows, odd = [] }]) => {
    const located = locatedTable(settings, table);
    if (located?.schema !== schema) throw refused(`the environment has no table ${schema}.${table}`);
    if (odd.length > 0) {
      throw refused(
        `${odd.slice(0, 5).join(", ")}: JSON does not give the value back; declare the column as text and take the baseline again`,
      );
    }
    const pinned = rows.map((row) => pinnedCells(row, located));
    if (pinned.length <= inline) return [table, { rows: pinned }] as const;
    const path = `rows/${id}-${fileNameOf(table)}.jsonl`;
    const lines = jsonLines(pinned);
    if (existsSync(join(folder, path)) && readFileSync(join(folder, path), "utf8") !== lines) {
      throw refused(`${path} is there already, with other rows`);
    }
    files.set(path, lines);
    return [table, { ...rowsDigest({ rows: pinned }), file: path }] as const;
  });
  return { config: Object.fromEntries(config) as BaselineConfig["config"], files };
}

/** Writes the row files of a configuration. */
export function writeRowFiles(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) writeProjectFile(folder, path, text);
}
