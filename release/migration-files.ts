import { digestOfText } from "./canonical";
import type { Digest } from "./primitives";

/** A migration as its file says it. */
export interface MigrationFile {
  /** Its name, which is the file's without the extension: `0003_add_locale`. */
  readonly name: string;
  /** SHA-256 of the whole file. */
  readonly digest: Digest;
  readonly up: Section;
  /** Undefined when there is no way back, or an empty one. */
  readonly down: Section | undefined;
  /** Runs by itself, outside of a transaction. */
  readonly alone: boolean;
}

/** One direction of a migration. */
export interface Section {
  readonly sql: string;
  /** The line of the file on which it begins, from 1. */
  readonly line: number;
}

const heading = /^[ \t]*--[ \t-]*(up|down) migration\b/i;
const aloneMark = /^[ \t]*--[ \t-]*no[ -]transaction\b/im;
/** Words that would end the transaction in which every migration runs. A block of PL/pgSQL says begin alone. */
const control =
  /(?:^|;)[ \t]*(?:(?:commit|rollback|abort|start[ \t]+transaction|begin[ \t]+(?:transaction|work|read|isolation))\b|begin[ \t]*;)/im;

/** A migration's file, read; or the reason why it cannot be one. */
export function parseMigration(name: string, text: string): MigrationFile | { readonly problem: string } {
  const lines = text.split("\n");
  const found = lines.flatMap((line, index) => {
    const direction = heading.exec(line)?.[1]?.toLowerCase();
    return direction === undefined ? [] : [{ direction: direction as "up" | "down", index }];
  });
  const section = (direction: "up" | "down"): Section | undefined | string => {
    const places = found.filter((each) => each.direction === direction);
    if (places.length > 1) return `it has ${places.length} sections ${direction}`;
    const [place] = places;
    if (place === undefined) return direction === "up" && found.length === 0 ? { sql: text, line: 1 } : undefined;
    const end = found.find(({ index }) => index > place.index)?.index ?? lines.length;
    return { sql: lines.slice(place.index, end).join("\n"), line: place.index + 1 };
  };
  const [up, down] = [section("up"), section("down")];
  for (const each of [up, down]) if (typeof each === "string") return { problem: each };
  if (text.includes("\0")) return { problem: "a zero byte is not for PostgreSQL" };
  if (typeof up !== "object" || says(up.sql) === "") return { problem: 'it has nothing below "-- Up Migration"' };
  const alone = aloneMark.test(text);
  const ended = alone ? null : (control.exec(up.sql) ?? (typeof down === "object" ? control.exec(down.sql) : null));
  if (ended !== null) {
    return {
      problem: `"${ended[0].replace(/^;/, "").trim()}" would end the transaction that keeps it whole; leave it out`,
    };
  }
  return {
    name,
    digest: digestOfText(text),
    up,
    down: typeof down === "object" && says(down.sql) !== "" ? down : undefined,
    alone,
  };
}

/** What a text says beside comments of a line and white space. */
const says = (sql: string): string => sql.replace(/--[^\n]*/g, "").trim();

/** The order in which migrations run: by the number in front, then by name, as node-pg-migrate has it. */
export function inOrder(names: readonly string[]): string[] {
  const number = (name: string): bigint => BigInt(/^\d+/.exec(name)?.[0] ?? "0");
  return [...names].sort((a, b) => {
    const [x, y] = [number(a), number(b)];
    return x === y ? (a < b ? -1 : a > b ? 1 : 0) : x < y ? -1 : 1;
  });
}

/** Where in its file an error is: line and column, both from 1, from its place in the section's text, from 1. */
export function positionIn(
  { sql, line }: Section,
  position: number,
): { readonly line: number; readonly column: number } {
  const before = sql.slice(0, Math.max(position - 1, 0)).split("\n");
  return { line: line + before.length - 1, column: (before.at(-1)?.length ?? 0) + 1 };
}
