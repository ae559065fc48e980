import { headOf, lineAt, scanSql, type Scan } from "./sql";

/** What a file has to say in one direction, before anything is known of its statements. */
export interface SectionText {
  readonly sql: string;
  /** The line of the file on which it begins, from 1. */
  readonly line: number;
  /** The file says that it must run outside of a transaction. */
  readonly alone: boolean;
}

/** A file's sections, and whether it has headings; or the reason why it cannot be read. */
export type Sections =
  | {
      readonly up?: SectionText;
      readonly down?: SectionText;
      readonly headings: boolean;
      /** Nothing but a comment of its author: the number is taken, and there is nothing to do. */
      readonly idle?: boolean;
    }
  | { readonly problem: string };

/**
 * Headings of node-pg-migrate, dbmate, goose, sql-migrate and rambler, each a line of nothing else. What stands behind
 * the direction says whether the section runs in a transaction.
 */
const headings = [
  /^--[\s-]*(up|down)(?:[ \t]+migration)?[\s:.-]*$/i,
  /^--\s*migrate:(up|down)((?:\s+transaction:(?:true|false))?)\s*$/,
  /^--\s*\+(?:goose|migrate|micrate)\s+(up|down)((?:\s+notransaction)?)\s*$/i,
  /^--\s*rambler\s+(up|down)\s*$/i,
];
/** A line that one of these tools takes for a heading, with more on it: to guess would run the wrong half. */
const almostHeading =
  /^--[\s-]*(?:(?:up|down)[ \t]+migration\s*(?:[^\w\s]|for\b)|migrate:\s*(?:up|down)\b|\+(?:goose|migrate|micrate)\s+(?:up|down)\b)/i;
/** tern's one heading: what is above goes up, what is below goes down. */
const divider = /^----\s*create above \/ drop below\s*----\s*$/i;
const aloneMark = /^--[\s-]*(?:\+goose\s+)?no[ -]transaction[\s-]*$/i;
/** A line for a tool: it says nothing of what the author wants. */
const mark = /^\s*--\s*(?:\+|migrate:|rambler\b|no[ -]transaction\b)/i;
/** What other tools fill in or split by themselves before PostgreSQL reads it. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [/^--\s*\+goose\s+envsub\s+on\b/i, "goose would fill in variables here; write the values"],
  [/^--\s*liquibase formatted sql\b/i, 'is a changelog of Liquibase; write "-- Up Migration" and "-- Down Migration"'],
];
/** Commands for psql that change nothing in the database; pg_dump writes the first two. */
const harmless = /^\\(?:restrict|unrestrict|echo|qecho|timing)\b|^\\set[ \t]+ON_ERROR_STOP\b/i;

/**
 * Reads a file's sections. Only a comment that is a whole line can be a heading, so none is found inside of a quote.
 * @param oneWay the file's name says the direction already, so a comment that is almost a heading confuses nobody
 */
export function sectionsOf(original: string, oneWay = false): Sections {
  if (original.includes("\0")) return { problem: "it holds a zero byte, which PostgreSQL does not take" };
  const found = withoutPsql(original);
  if ("problem" in found) return found;
  const { text, scan } = found;
  const marks: { direction: "up" | "down"; at: number; alone: boolean }[] = [];
  let alone = false;
  for (const { start, end } of scan.comments) {
    const before = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
    if (before.trim() !== "") continue;
    const comment = text.slice(start, end);
    const [, direction, option = ""] = headings.map((each) => each.exec(comment)).find((each) => each !== null) ?? [];
    const line = (): number => lineAt(text, start);
    if (direction !== undefined) {
      const way = direction.toLowerCase() as "up" | "down";
      marks.push({ direction: way, at: start, alone: /false|notransaction/i.test(option) });
    } else if (divider.test(comment)) {
      marks.push({ direction: "up", at: 0, alone: false }, { direction: "down", at: start, alone: false });
    } else if (aloneMark.test(comment)) alone = true;
    else if (!oneWay && almostHeading.test(comment)) {
      return {
        problem: `line ${line()}: ${quoted(comment)} may be a heading; leave nothing else on the line of a heading`,
      };
    } else {
      const other = foreign.find(([pattern]) => pattern.test(comment));
      if (other !== undefined) return { problem: `line ${line()}: ${other[1]}` };
    }
  }
  const [first] = marks;
  if (first === undefined) {
    const idle =
      scan.statements.length === 0 && text.split("\n").some((each) => /\p{L}/u.test(each) && !mark.test(each));
    return { up: { sql: text, line: 1, alone }, headings: false, idle };
  }
  const stray = scan.statements.find(({ start }) => start < first.at);
  if (stray !== undefined) {
    return {
      problem: `line ${lineAt(text, stray.start)}: this stands before the first heading, so it would never run; move it below "-- Up Migration"`,
    };
  }
  const sections: { up?: SectionText; down?: SectionText } = {};
  for (const [index, mark] of marks.entries()) {
    if (sections[mark.direction] !== undefined) {
      const count = marks.filter(({ direction }) => direction === mark.direction).length;
      return { problem: `line ${lineAt(text, mark.at)}: it has ${count} sections ${mark.direction}` };
    }
    const sql = text.slice(mark.at, marks[index + 1]?.at);
    sections[mark.direction] = { sql, line: lineAt(text, mark.at), alone: alone || mark.alone };
  }
  return { ...sections, headings: true };
}

/** The text and what it holds, with blanks for what only psql reads; refused where psql would do something. */
function withoutPsql(original: string): { readonly text: string; readonly scan: Scan } | { readonly problem: string } {
  const scan = scanSql(original);
  const copy = scan.statements.find((each) => /^copy .* from stdin\b/.test(headOf(each, 200)));
  if (copy !== undefined) {
    const line = lineAt(original, copy.start);
    return {
      problem: `line ${line}: the data below "copy … from stdin" is for psql; write insert (pg_dump --inserts)`,
    };
  }
  let text = original;
  for (const { start, end } of scan.psql) {
    const command = original.slice(start, end);
    if (!harmless.test(command)) {
      const line = lineAt(original, start);
      return { problem: `line ${line}: ${quoted(command)} is for psql, not for PostgreSQL; leave it out` };
    }
    text = text.slice(0, start) + " ".repeat(end - start) + text.slice(end);
  }
  if (scan.open !== undefined) {
    return { problem: `line ${lineAt(original, scan.open.start)}: the ${scan.open.what} that begins here never ends` };
  }
  return { text, scan: scan.psql.length === 0 ? scan : scanSql(text) };
}

/** A piece of a file for a message. */
export const quoted = (text: string): string => {
  const line = text.replace(/[\s\p{C}]+/gu, " ").trim();
  return `"${line.length > 60 ? `${line.slice(0, 60)}…` : line}"`;
};
