import { readdirSync } from "node:fs";
import { join } from "node:path";
import { inOrder, parseMigration, type MigrationFile } from "../release/migration-files";
import { MigrationName } from "../release/schema/migrations";
import { readProjectText } from "./project-text";

const most = 10_000;

/**
 * Every migration of a folder, in the order in which they run. Nothing but SQL files may lie there: another kind of
 * file is one that somebody expects to run.
 * @throws Error that names the file and what is wrong with it
 */
export function readMigrations(project: string, folder: string): MigrationFile[] {
  let entries: string[];
  try {
    entries = readdirSync(join(project, folder)).filter((name) => !name.startsWith("."));
  } catch {
    throw new Error(`no folder ${folder}`);
  }
  if (entries.length > most) throw new Error(`${folder}: ${entries.length} files; at most ${most}`);
  const names = entries.map((entry) => {
    const name = entry.replace(/\.sql$/, "");
    if (name === entry || !MigrationName.safeParse(name).success) {
      throw new Error(`${folder}/${entry}: expected a migration such as 0003_add_locale.sql, and nothing else here`);
    }
    return name;
  });
  return inOrder(names).map((name) => {
    const path = `${folder}/${name}.sql`;
    const parsed = parseMigration(name, readProjectText(project, path));
    if ("problem" in parsed) throw new Error(`${path}: ${parsed.problem}`);
    return parsed;
  });
}
