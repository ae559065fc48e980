import { MigrationName } from "./schema/migrations";

/** Where a migration's text is: one file with both ways, or one for each. Paths are below the folder. */
export type MigrationSource =
  | { readonly name: string; readonly both: string }
  | { readonly name: string; readonly up: string; readonly down?: string }
  | { readonly name: string; readonly problem: string };

/** What lies in a folder of migrations. */
export interface FolderLayout {
  readonly sources: readonly MigrationSource[];
  /** What no migration is made of, and why, for people. */
  readonly ignored: readonly string[];
}

interface Part {
  readonly name: string;
  readonly part: "both" | "up" | "down";
}

const ordered = /^[vV]?\d/;
const programs = /\.(?:[cm]?[jt]s|py|go|rb|php|java|kt|xml|ya?ml|json)$/i;
const changelogs = /\.(?:xml|ya?ml|json)$/i;
const asSql = "Rewind runs SQL only; write it as SQL (Liquibase prints a changelog's with update-sql)";

const upWords = ["up", "do", "deploy", "apply"];
const downWords = ["down", "undo", "revert", "rollback"];
/** A name that says its direction at the end. Behind `_` and `-` the word may be one of the name, as in `0004_scale_up`. */
const directed = new RegExp(`^(.+)([._-])(?:(${upWords.join("|")})|(${downWords.join("|")}))$`, "i");
/** postgrator's: the direction behind the number. */
const postgrator = /^([vV]?\d+)\.(?:(do)|(undo))(?:\.(.+))?$/i;
/** A database in a name, as pop has it. */
const dialect = /^(.+)\.(?:(postgres(?:ql)?|pg)|mysql|mariadb|sqlite3?|cockroach(?:db)?|mssql|sqlserver|oracle)$/i;

/**
 * Finds the migrations among the files of a folder: `0003_add.sql` (node-pg-migrate, dbmate, goose, Supabase),
 * `0003_add.up.sql` with `0003_add.down.sql` (golang-migrate, sqlx), `003.do.add.sql` with `003.undo.add.sql` (postgrator),
 * `3-add-up.sql` with `3-add-down.sql` (db-migrate), `V2__add.sql` with `U2__add.sql` (Flyway), folders with `migration.sql` or
 * `up.sql`, and `down.sql` (Prisma, Diesel, Hasura), and two folders `up` and `down`. What has no number in front has no place in
 * the order, and what is written for another database none here: it is left alone and named. What has a
 * number and cannot be read is a source with a problem.
 *
 * @param paths every file, below the folder; of a folder in it the files directly there
 */
export function layoutOf(paths: readonly string[]): FolderLayout {
  const parts = new Map<string, Map<Part["part"], string[]>>();
  const problems = new Map<string, string>();
  const ignored: string[] = [];
  const undone: { readonly path: string; readonly version: string }[] = [];
  const bases = new Set(paths.map((path) => path.replace(/\.sql$/i, "").toLowerCase()));
  for (const path of paths) {
    const undo = /^U(\d[^/]*?)__[^/]*\.sql$/.exec(path)?.[1];
    const found = partOf(path, bases);
    if (undo !== undefined) undone.push({ path, version: flywayVersion(undo) });
    else if (found === undefined) {
      if (ordered.test(path) && !path.includes("/") && programs.test(path)) {
        const words = changelogs.test(path)
          ? `${path} is not SQL, and ${asSql}`
          : `${path} is a program; Rewind runs SQL only, so write it as SQL`;
        problems.set(path.replace(programs, ""), words);
      } else ignored.push(`${path} (${reasonFor(path)})`);
    } else {
      const of = parts.get(found.name) ?? new Map<Part["part"], string[]>();
      of.set(found.part, [...(of.get(found.part) ?? []), path]);
      parts.set(found.name, of);
    }
  }
  for (const { path, version } of undone) {
    const names = [...parts.keys()].filter((name) => flywayVersion(/^V(\d.*?)__/.exec(name)?.[1] ?? "") === version);
    const [name] = names;
    const of = name === undefined ? undefined : parts.get(name);
    if (of === undefined || names.length > 1) ignored.push(`${path} (there is no one V${version} that it undoes)`);
    else of.set("down", [...(of.get("down") ?? []), path]);
  }
  for (const of of parts.values()) {
    for (const [part, several] of of) {
      // What is written for PostgreSQL stands in for what is written for any database.
      const own = several.filter((path) => dialect.test(path.replace(/(?:\.(?:up|down))?\.sql$/i, "")));
      if (own.length === 0 || own.length === several.length) continue;
      of.set(part, own);
      ignored.push(
        ...several.filter((path) => !own.includes(path)).map((path) => `${path} (${own.join()} is for PostgreSQL)`),
      );
    }
  }
  const sources = [...parts].map(([name, of]) => sourceOf(name, of));
  for (const [name, problem] of problems) if (!parts.has(name)) sources.push({ name, problem });
  return { sources, ignored };
}

/** Which part of which migration a file is, by its path and the others; undefined for any other file. */
function partOf(path: string, bases: ReadonlySet<string>): Part | undefined {
  const [folder, file] = path.includes("/")
    ? [path.slice(0, path.indexOf("/")), path.slice(path.indexOf("/") + 1)]
    : [];
  if (folder !== undefined && file !== undefined) {
    const way = /^(?:(up)|down)$/i.exec(folder);
    const name = /^(.*)\.sql$/i.exec(file)?.[1];
    if (way !== null && name !== undefined && ordered.test(name))
      return { name, part: way[1] === undefined ? "down" : "up" };
    if (!ordered.test(folder) || !/^(?:migration|up|down)\.sql$/.test(file)) return undefined;
    return { name: folder, part: file === "down.sql" ? "down" : "up" };
  }
  const base = /^(.*)\.sql$/i.exec(path)?.[1];
  if (base === undefined || !ordered.test(base)) return undefined;
  const { name, part } = directionOf(base, bases);
  const [, plain, ours] = dialect.exec(name) ?? [];
  if (plain === undefined) return { name, part };
  return ours === undefined ? undefined : { name: plain, part };
}

/** What a file's name says of its direction; `both` where it says nothing. */
function directionOf(base: string, bases: ReadonlySet<string>): Part {
  const [, number, does, undoes, rest] = postgrator.exec(base) ?? [];
  if (number !== undefined && (does ?? undoes) !== undefined) {
    return { name: rest === undefined ? number : `${number}.${rest}`, part: does === undefined ? "down" : "up" };
  }
  const [, name, separator, up, down] = directed.exec(base) ?? [];
  const isPair = (words: readonly string[]): boolean =>
    words.some((word) => [".", "_", "-"].some((mark) => bases.has(`${name}${mark}${word}`.toLowerCase())));
  if (name !== undefined && up !== undefined && (separator === "." || isPair(downWords))) return { name, part: "up" };
  if (name !== undefined && down !== undefined) {
    if (separator === "." || isPair(upWords) || bases.has(name.toLowerCase())) return { name, part: "down" };
  }
  return { name: base, part: /^V\d.*?__/.test(base) ? "up" : "both" };
}

function sourceOf(name: string, parts: ReadonlyMap<Part["part"], readonly string[]>): MigrationSource {
  const [both = [], up = [], down = []] = [parts.get("both"), parts.get("up"), parts.get("down")];
  const all = [...both, ...up, ...down];
  if (!MigrationName.safeParse(name).success) {
    return {
      name,
      problem: `${JSON.stringify(all[0])}: a name has letters, digits, blanks and . _ - + @ , ( ) only, and at most 200 of them`,
    };
  }
  if (both.length + up.length > 1 || down.length > 1) {
    return { name, problem: `${all.join(" and ")} are one migration twice; leave one of them` };
  }
  if (both[0] !== undefined && down.length === 0) return { name, both: both[0] };
  const forward = up[0] ?? both[0];
  if (forward === undefined) return { name, problem: `${down[0]} has no file beside it that goes up` };
  return { name, up: forward, ...(down[0] === undefined ? {} : { down: down[0] }) };
}

const flywayVersion = (version: string): string =>
  version
    .split(/[._]/)
    .map((part) => part.replace(/^0+(?=.)/, ""))
    .join(".")
    .replace(/(?:\.0)+$/, "");

function reasonFor(path: string): string {
  if (/^R__.*\.sql$/.test(path)) {
    return "repeatable, and Rewind runs a migration once: when it changes, add a migration with a number that holds its text";
  }
  if (/changelog/i.test(path) && changelogs.test(path)) return asSql;
  if (path.includes("/") && ordered.test(path)) return "beside a migration";
  if (!/\.sql$/i.test(path)) return "not SQL";
  return ordered.test(path) ? "written for another database" : "no number in front";
}
