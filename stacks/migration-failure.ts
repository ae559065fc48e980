import { positionIn, type Section } from "../release/migration-files";
import type { Direction, PlannedStep } from "../release/migration-plan";
import { openTransaction, setsLimit } from "../release/migration-rules";
import { headOf, lineAt } from "../release/sql";

/**
 * What a failed migration leaves: nothing (with the index of the statement that failed, where one did), what was before it
 * ended its transaction, or the statements before this one.
 */
export type Remains =
  | { readonly kind: "nothing"; readonly failed?: number }
  | { readonly kind: "broken" }
  | { readonly kind: "statements"; readonly index: number };

/** An error of the server within a migration. */
export class MigrationFailure extends Error {
  constructor(
    readonly original: unknown,
    readonly step: PlannedStep | undefined,
    readonly remains: Remains,
  ) {
    super(original instanceof Error ? original.message : String(original));
  }
}

interface Circumstances {
  readonly folder: string;
  readonly direction: Direction;
  /** What has run before, in transactions that are committed. */
  readonly applied: readonly string[];
}

/** The error for people: the file with line and column, what the server said, whose limit it was, what remains, what next. */
export function explain(error: unknown, { folder, direction, applied }: Circumstances): Error {
  if (!(error instanceof MigrationFailure)) return error instanceof Error ? error : new Error(String(error));
  const { original, step, remains } = error;
  const { message, code } = original as { message: string; code?: string };
  const section = step?.file[direction];
  const at = section === undefined ? "" : placeOf(original, section, remains);
  const what = `${folder}${section === undefined ? "" : `/${section.path}`}${at} (${direction}): ${message}${code === undefined ? "" : ` [${code}]`}`;
  const hint = section === undefined ? undefined : hintFor(code, message, section);
  const before = applied.length === 0 ? [] : [`${namesOf(applied)} ran before it and stay`];
  return new Error(
    [
      what,
      ...(hint === undefined ? [] : [hint]),
      ...before,
      section === undefined ? "nothing of it remains" : leftBy(section, remains),
      "correct it and run the same command again",
    ].join("; "),
  );
}

function placeOf(error: unknown, section: Section, remains: Remains): string {
  const { position } = error as { position?: string };
  const sent = remains.kind === "statements" ? section.statements[remains.index] : undefined;
  const failed = remains.kind === "nothing" ? section.statements[remains.failed ?? -1] : sent;
  if (position === undefined && failed === undefined) return "";
  // A position counts from the beginning of what was sent, which is a statement or the section.
  const { line, column } =
    position === undefined
      ? positionIn(section, 1, failed?.start)
      : positionIn(section, Number.parseInt(position, 10), sent?.start);
  return `:${line}:${column}`;
}

/** Names in order; of many the first, the last and how many. */
const namesOf = (names: readonly string[]): string =>
  names.length <= 8 ? names.join(", ") : `${names[0] ?? ""} to ${names.at(-1) ?? ""}, ${names.length} migrations,`;

function hintFor(code: string | undefined, message: string, { statements }: Section): string | undefined {
  const own = (name: "lock_timeout" | "statement_timeout"): boolean => setsLimit(statements, name);
  if (code === "55P03" && message.includes("lock timeout")) {
    return own("lock_timeout")
      ? "the limit is the lock_timeout that the file sets"
      : "Rewind waits 30 s for a lock; see pg_locks for who holds it, or set lock_timeout in the file";
  }
  if (code === "57014" && message.includes("statement timeout")) {
    return own("statement_timeout")
      ? "the limit is the statement_timeout that the file sets"
      : "the limit is not Rewind's, which sets none; look for a function or a block that sets statement_timeout";
  }
  if (code === "25001" || code === "2D000") return 'add the line "-- no-transaction" to run it outside of one';
  if (code === "55P04") return "the value must be committed first; add it in a migration of its own";
  if (code === "55006" && message.includes("pending trigger events")) {
    return 'a deferred constraint is still to be checked; write "set constraints all immediate" before it';
  }
  return undefined;
}

/** What remains of a failed migration. */
function leftBy(section: Section, remains: Remains): string {
  if (remains.kind === "nothing") return "nothing of it remains";
  if (remains.kind === "broken") return "what stood before the end of its transaction remains, so look at what it left";
  const { statements, sql, line } = section;
  const failed = statements[remains.index];
  const open = openTransaction(statements, remains.index);
  const stayed = statements.slice(0, open === undefined ? remains.index : statements.indexOf(open));
  const lines = [...new Set(stayed.map(({ start }) => line + lineAt(sql, start) - 1))];
  const left =
    lines.length === 0
      ? "no statement before it remains"
      : `it runs statement by statement, and those of ${lines.length === 1 ? "line" : "lines"} ${lines.join(", ")} stay; undo them, or make them able to run again`;
  const index = failed !== undefined && /^create (?:unique )?index concurrently\b/.test(headOf(failed));
  return index ? `${left}; drop the invalid index that it may have left` : left;
}
