import { readdirSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { inOrder, parseMigration, parsePair, type Migration, type MigrationText } from "../release/migration-files";
import { limits } from "../release/limits";
import { layoutOf, type MigrationSource } from "../release/migration-folder";
import { readProjectText } from "./project-text";

const most = 10_000;

/** What a folder of migrations holds. */
export interface MigrationFolder {
  /** In the order in which they run. */
  readonly migrations: readonly Migration[];
  /** The files that are no migrations, each with the reason. */
  readonly ignored: readonly string[];
}

/**
 * Reads every migration of a folder. A file that cannot be read is no error here: it is in the way of those migrations
 * alone that would pass it.
 * @throws Error when there is no such folder, or too much in it
 */
export function readMigrations(project: string, folder: string): MigrationFolder {
  const list = (path: string): Dirent[] =>
    readdirSync(join(project, path), { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  let entries: Dirent[];
  try {
    entries = list(folder);
  } catch {
    throw new Error(`no folder ${folder}`);
  }
  const paths = entries.flatMap((entry) =>
    entry.isDirectory() ? list(`${folder}/${entry.name}`).map(({ name }) => `${entry.name}/${name}`) : [entry.name],
  );
  if (paths.length > most) throw new Error(`${folder}: ${paths.length} files; at most ${most}`);
  const { sources, ignored } = layoutOf(paths.sort());
  const byName = new Map(sources.map((source) => [source.name, source]));
  // Prisma orders its folders as text: 20250625_b comes after 20230620181114_a, though the number is smaller.
  const isPrisma = sources.every(
    (source) => "problem" in source || ("up" in source && source.up.endsWith("/migration.sql")),
  );
  const names = isPrisma ? [...byName.keys()].sort() : inOrder([...byName.keys()]);
  const migrations = names.flatMap((name) => {
    const source = byName.get(name);
    return source === undefined ? [] : [read(project, folder, source)];
  });
  return { migrations, ignored };
}

/** The digest of every migration that can be read, by name. */
export const digestsIn = ({ migrations }: MigrationFolder): Record<string, string> =>
  Object.fromEntries(migrations.flatMap((each) => ("digest" in each ? [[each.name, each.digest] as const] : [])));

function read(project: string, folder: string, source: MigrationSource): Migration {
  if ("problem" in source) return source;
  const text = (path: string): MigrationText => ({
    path,
    text: readProjectText(project, `${folder}/${path}`, limits.migrationBytes),
  });
  try {
    if ("both" in source) return parseMigration(source.name, text(source.both));
    return parsePair(source.name, text(source.up), source.down === undefined ? undefined : text(source.down));
  } catch (error) {
    return { name: source.name, problem: error instanceof Error ? error.message : String(error) };
  }
}
