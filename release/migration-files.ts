import { digestOf, digestOfText } from "./canonical";
import {
  addsEnumValue,
  problemInTransaction,
  problemOutside,
  runsAlone,
  wrapping,
  type StatementProblem,
} from "./migration-rules";
import { quoted, sectionsOf, type SectionText } from "./migration-sections";
import type { Digest } from "./primitives";
import { lineAt, scanSql, type Statement } from "./sql";

/** A migration as its file says it, or its two files. */
export interface MigrationFile {
  /** What a release pins: the file's name without what ends it, `0003_add_locale`. */
  readonly name: string;
  /** SHA-256 of the text, whatever its line ends are; of both texts where there are two files. */
  readonly digest: Digest;
  /** Every digest under which the same migration may have been noted. */
  readonly digests: readonly Digest[];
  readonly up: Section;
  /** Undefined when there is no way back, or an empty one. */
  readonly down: Section | undefined;
}

/** A file that is in the order of migrations and cannot be read: it stands in the way of those that would pass it. */
export interface UnreadableMigration {
  readonly name: string;
  readonly problem: string;
}

export type Migration = MigrationFile | UnreadableMigration;

/** One direction of a migration. */
export interface Section {
  /** The file, below the folder. */
  readonly path: string;
  readonly sql: string;
  /** The line of the file on which it begins, from 1. */
  readonly line: number;
  /** Runs outside of a transaction, statement by statement. */
  readonly alone: boolean;
  readonly statements: readonly Statement[];
  /** What runs after it must wait for a commit. */
  readonly addsEnumValue: boolean;
}

/** The text of a file below the folder of migrations. */
export interface MigrationText {
  readonly path: string;
  readonly text: string;
}

/** A migration in one file, read; or the reason why it cannot be one. */
export function parseMigration(name: string, { path, text }: MigrationText): Migration {
  const unified = unify(text);
  const sections = sectionsOf(unified);
  if ("problem" in sections) return { name, problem: `${path}: ${sections.problem}` };
  return build(name, sections, [path, path], digestOfText(unified), [
    digestOfText(text),
    digestOfText(unified.replaceAll("\n", "\r\n")),
  ]);
}

/** A migration in a file up and perhaps one down. A way back that is added later does not make it another migration. */
export function parsePair(name: string, up: MigrationText, down?: MigrationText): Migration {
  const texts: { up?: SectionText; down?: SectionText; idle?: boolean } = {};
  for (const [direction, file] of [["up", up] as const, ["down", down] as const]) {
    if (file === undefined) continue;
    const placeholder = /^[VU]\d/.test(file.path) ? /\$\{[^}\n]*\}/.exec(file.text)?.[0] : undefined;
    if (placeholder !== undefined) {
      return { name, problem: `${file.path}: Flyway would fill in ${quoted(placeholder)}; write the value` };
    }
    const sections = sectionsOf(unify(file.text), true);
    if ("problem" in sections) return { name, problem: `${file.path}: ${sections.problem}` };
    const other = direction === "up" ? sections.down : sections.headings ? sections.up : undefined;
    if (other !== undefined) {
      return {
        name,
        problem: `${file.path}:${other.line}: a heading of the other direction; the file's name says ${direction}`,
      };
    }
    const own = direction === "up" || sections.headings ? sections[direction] : sections.up;
    if (own !== undefined) texts[direction] = own;
    if (direction === "up" && sections.idle === true) texts.idle = true;
  }
  const [first, second] = [unify(up.text), down === undefined ? undefined : unify(down.text)];
  const digest = second === undefined ? digestOfText(first) : digestOf({ up: first, down: second });
  return build(name, texts, [up.path, down?.path ?? up.path], digest, [digestOfText(first)]);
}

/** The text without a byte order mark, with line feeds: neither says anything to PostgreSQL. */
const unify = (text: string): string => text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");

function build(
  name: string,
  texts: { readonly up?: SectionText; readonly down?: SectionText; readonly idle?: boolean },
  [upPath, downPath]: readonly [string, string],
  digest: Digest,
  others: readonly Digest[],
): Migration {
  const up = texts.up === undefined ? undefined : sectionOf(texts.up, upPath);
  const down = texts.down === undefined ? undefined : sectionOf(texts.down, downPath);
  for (const each of [up, down]) if (each !== undefined && "problem" in each) return { name, problem: each.problem };
  const idle = texts.idle === true;
  if (up === undefined || "problem" in up || (up.statements.length === 0 && !idle)) {
    return { name, problem: `${upPath}: it has no statement to go up; where that is meant, write select 1;` };
  }
  const empty = down === undefined || "problem" in down || down.statements.length === 0;
  // The way back from nothing is nothing.
  const back = !empty ? down : idle ? up : undefined;
  return { name, digest, digests: [...new Set([digest, ...others])], up, down: back };
}

function sectionOf({ sql, line, alone: marked }: SectionText, path: string): Section | { readonly problem: string } {
  const all = scanSql(sql).statements;
  const alone = marked || runsAlone(all);
  const around = alone ? [] : wrapping(all);
  const statements = all.filter((each) => !around.includes(each));
  const found: StatementProblem | undefined = alone ? problemOutside(statements) : problemInTransaction(statements);
  if (found !== undefined) {
    return { problem: `${path}:${line + lineAt(sql, found.statement.start) - 1}: ${found.problem}` };
  }
  // Blanks in place of what is left out: every error stays where it is in the file.
  const sent = around.reduce(
    (text, { start, end }) => text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end),
    sql,
  );
  return { path, sql: sent, line, alone, statements, addsEnumValue: addsEnumValue(statements) };
}

/** The numbers that order a migration: those in front, `1.10` after `1.9`; Flyway's `V2_1` is 2.1. */
function versionOf(name: string): bigint[] {
  const digits = /^[vV]?(\d+(?:[._]\d+)*)/.exec(name)?.[1] ?? "0";
  const parts = digits.split(/^V[\d._]+__/.test(name) ? /[._]/ : ".");
  return parts.map((part) => BigInt(/^\d+/.exec(part)?.[0] ?? "0"));
}

/** The order in which migrations run: by the numbers in front, then by name, as node-pg-migrate has it. */
export function inOrder(names: readonly string[]): string[] {
  const versions = new Map(names.map((name) => [name, versionOf(name)]));
  return [...names].sort((a, b) => {
    const [x = [], y = []] = [versions.get(a), versions.get(b)];
    for (let index = 0; index < Math.max(x.length, y.length); index++) {
      const [left, right] = [x[index] ?? 0n, y[index] ?? 0n];
      if (left !== right) return left < right ? -1 : 1;
    }
    return a < b ? -1 : a > b ? 1 : 0;
  });
}

/**
 * Where in its file an error is: line and column, both from 1.
 * @param position in what was sent, which PostgreSQL counts in characters, from 1
 * @param start where what was sent begins in the section's text
 */
export function positionIn(
  { sql, line }: Section,
  position: number,
  start = 0,
): { readonly line: number; readonly column: number } {
  const inside = Array.from(sql.slice(start)).slice(0, Math.max(position - 1, 0));
  const before = `${sql.slice(0, start)}${inside.join("")}`.split("\n");
  return { line: line + before.length - 1, column: Array.from(before.at(-1) ?? "").length + 1 };
}
