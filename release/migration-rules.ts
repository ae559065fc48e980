import { headOf, type Statement } from "./sql";

/** A statement that a rule refuses, and why. */
export interface StatementProblem {
  readonly statement: Statement;
  readonly problem: string;
}

const settings = /^(?:set|reset)\b/;
/** What begins or ends a transaction; `rollback to` and savepoints stay within one. */
const control = /^(?:begin|start|commit|end|abort|rollback(?! (?:(?:work|transaction) )?to\b)|prepare transaction)\b/;
const begins = /^(?:begin|start)\b/;
const plainBegin = /^(?:begin(?: (?:work|transaction))?|start transaction)$/;
const plainEnd = /^(?:commit|end)(?: (?:work|transaction))?$/;
/** What is undone or checked by the next `commit`. */
const untilCommit =
  /^set (?:local|constraints|transaction)\b|^create (?:temp|temporary) table .* on commit (?:drop|delete)\b/;
const newEnumValue = /^alter type .* add value\b/;

/** What PostgreSQL runs outside of a transaction only. */
const outside = [
  /^(?:create (?:unique )?|drop )index concurrently\b/,
  /^reindex (?:\( [^)]*\) )?(?:index|table|schema|database|system) concurrently\b/,
  /^reindex \( (?:[^)]* )?concurrently(?! (?:false|off|0)\b)[^)]*\)/,
  /^reindex (?:\( [^)]*\) )?(?:schema|database|system)\b/,
  /^vacuum\b/,
  /^cluster(?: verbose)?$/,
  /^(?:create|drop) (?:database|tablespace)\b/,
  /^alter system\b/,
  /^alter database \S+ set tablespace\b/,
  /^alter table .* detach partition .* concurrently$/,
  /^create subscription\b(?!.* (?:create_slot|connect) = (?:false|off|''))/,
  /^discard all$/,
  /^(?:commit|rollback) prepared\b/,
];

const mustBeOutside = (statement: Statement): boolean => {
  const head = headOf(statement, 200);
  return outside.some((pattern) => pattern.test(head));
};
const nameOf = (statement: Statement): string =>
  /^(?:(?:create|drop|alter|reindex)\b.*?\bconcurrently|\w+(?: (?:database|tablespace|system|subscription|all|prepared))?)/.exec(
    headOf(statement, 12),
  )?.[0] ?? headOf(statement, 3);

/** Whether a section of these statements is only one that must be outside of a transaction, beside settings. */
export function runsAlone(statements: readonly Statement[]): boolean {
  const [first, ...others] = statements.filter((each) => !settings.test(headOf(each)));
  return first !== undefined && others.length === 0 && mustBeOutside(first);
}

/**
 * The `begin` and `commit` of a section, where each `commit` ends what a `begin` began: Prisma writes them around the change of
 * an enum. They are left out, since everything runs in the transaction of the migration, which is more. Where a setting
 * holds until such a `commit` only, it would hold longer, so nothing is left out.
 */
export function wrapping(statements: readonly Statement[]): readonly Statement[] {
  const found = statements.filter((each) => control.test(headOf(each)));
  const isPlain = found.every((each, at) => (at % 2 === 0 ? plainBegin : plainEnd).test(headOf(each)));
  if (!isPlain || found.length % 2 === 1) return [];
  const isWhole = found.length === 2 && found[0] === statements[0] && found[1] === statements.at(-1);
  return isWhole || !statements.some((each) => untilCommit.test(headOf(each))) ? found : [];
}

/** The first statement that cannot run in the one transaction that keeps a migration whole. */
export function problemInTransaction(statements: readonly Statement[]): StatementProblem | undefined {
  for (const [index, statement] of statements.entries()) {
    if (mustBeOutside(statement)) {
      return {
        statement,
        problem: `"${nameOf(statement)}" cannot run inside a transaction; move it to a migration of its own, or add the line "-- no-transaction" to this one`,
      };
    }
    if (/^set transaction\b/.test(headOf(statement))) {
      return {
        statement,
        problem: `"set transaction" must be the first in its transaction, which Rewind has begun; add the line "-- no-transaction", and begin and commit around what it is for`,
      };
    }
    const ended = control.exec(headOf(statement));
    if (ended !== null) {
      const remedy = 'leave it out, or add the line "-- no-transaction"';
      return {
        statement,
        problem: `"${ended[0]}" would end the transaction that keeps the migration whole; ${remedy}`,
      };
    }
    const user = newEnumValue.test(headOf(statement)) ? usesValueOf(statements, index) : undefined;
    if (user !== undefined) {
      return {
        statement: user,
        problem: `this uses ${valueOf(statement)}, a value that the same migration adds to an enum; PostgreSQL takes it after a commit only, so move this to the next migration`,
      };
    }
  }
  return undefined;
}

/** What a section that runs statement by statement must not do: leave a transaction of its own open. */
export function problemOutside(statements: readonly Statement[]): StatementProblem | undefined {
  const statement = openTransaction(statements, statements.length);
  return statement === undefined
    ? undefined
    : { statement, problem: "this transaction is never committed; add commit" };
}

/** The `begin` whose transaction is still open before a statement, when one is. */
export function openTransaction(statements: readonly Statement[], before: number): Statement | undefined {
  let open: Statement | undefined;
  for (const statement of statements.slice(0, before)) {
    const head = headOf(statement);
    if (begins.test(head)) open ??= statement;
    else if (control.test(head)) open = undefined;
  }
  return open;
}

/** Whether a section adds a value to an enum: what uses it must wait for a commit. */
export const addsEnumValue = (statements: readonly Statement[]): boolean =>
  statements.some((each) => newEnumValue.test(headOf(each)));

/** Whether a section sets a limit of this name for itself. */
export const setsLimit = (statements: readonly Statement[], name: "lock_timeout" | "statement_timeout"): boolean =>
  statements.some((each) => new RegExp(`^set (?:local |session )?${name}\\b`).test(headOf(each)));

const valueOf = ({ tokens }: Statement): string =>
  tokens.slice(tokens.indexOf("value") + 1).find((token) => token.startsWith("'")) ?? "''";

/** The statement that uses the value which another one has added; in a type made by the same section it may. */
function usesValueOf(statements: readonly Statement[], index: number): Statement | undefined {
  const added = statements[index];
  if (added === undefined || statements.slice(0, index).some((each) => /^create type\b/.test(headOf(each)))) return;
  const value = valueOf(added);
  return statements
    .slice(index + 1)
    .find(
      (each) => !newEnumValue.test(headOf(each)) && !/^comment\b/.test(headOf(each)) && each.tokens.includes(value),
    );
}
