import { DatabaseError, type ClientBase } from "pg";
import { columnsOf, keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";
import { describeTable, type LiveTable } from "./catalog";
import { parkingFor } from "./constraints";
import { archiveGone, markGone, moveRows, type Move, type Written } from "./move";
import { tableProblems } from "./problems";
import { rowProblems, strandedReferences } from "./row-problems";
import { followSequences } from "./sequences";
import { qualified, type LocatedTable } from "./sql";
import type { RowSource } from "./source";
import { pinnedColumns, RowRefusal, stage, stagedColumns } from "./stage";
import { compareStaged, refuseEdits, verifyStaged, type Compared, type Fingerprint } from "./staged";
import { ensureTable } from "./table";
import { foreignCode, ForeignCode } from "./trust";

/** One table's way from what was applied last to what is pinned. */
export interface TableChange<S extends RowSource = RowSource> {
  readonly located: LocatedTable;
  /** The release that the rows belong to. */
  readonly release: string;
  readonly rows: S;
  /** What was applied last, unless this is the first time. */
  readonly last?: {
    readonly table: Table;
    readonly fingerprint: Fingerprint | undefined;
    /** Throws when the rows are not at hand. */
    readonly rows: () => RowSource;
  };
  /** Whether rows are written that somebody edited since; only a restore does that. */
  readonly overEdits?: boolean;
}

/**
 * Moves the rows of all tables to what is pinned, in one transaction: all of it or nothing. While it compares and
 * writes, nobody else writes these tables; readers go on.
 *
 * Compare and swap, row by row: a row must be as it was applied last, or already as it is pinned (an update that stopped
 * half-way and is run again). Anything else is somebody's edit, and it stops everything. Rows that the pin no longer has
 * are archived before they are deleted. At the end every pinned row is read back and compared.
 *
 * @param verified runs when all is verified, just before the commit
 * @returns what each table hashes to now, by its name
 * @throws Error naming the rows, the file or the lock that was in the way; nothing was written then
 */
export async function applyInTransaction(
  client: ClientBase,
  changes: readonly TableChange[],
  verified: () => void = () => undefined,
): Promise<Map<string, Fingerprint>> {
  await client.query("begin");
  try {
    await client.query("set local lock_timeout = '10s'; set local work_mem = '64MB'; set local jit = off");
    // A second update at the same time waits here, before either holds anything that the other needs.
    await locking(
      client.query("select pg_advisory_xact_lock(hashtextextended('rewind rows', 0))"),
      "this database's rows",
    );
    for (const { located } of changes) {
      await locking(ensureTable(client, located), qualified(located));
    }
    const tables = await describeAll(client, changes);
    const moves: Move[] = [];
    for (const [at, change] of changes.entries()) moves.push(await stageMove(client, change, tables, at));
    const lockable = moves
      .filter(({ live }) => live.kind !== "f")
      .map(({ located }) => qualified(located))
      .sort();
    if (lockable.length > 0) {
      const names = lockable.join(", ");
      await locking(client.query(`lock table ${names} in share row exclusive mode`), names);
    }
    // Nobody adds a trigger or puts another table in its place from here on; until here somebody may have.
    for (const { located } of changes) await refuseForeign(client, located);
    const befores: Compared[] = [];
    for (const [at, change] of changes.entries()) {
      const [move, before] = await findWay(client, change, moves[at] ?? unstaged(change), at);
      moves[at] = move;
      befores.push(before);
    }
    const written = await write(client, moves, changes);
    const fingerprints = new Map<string, Fingerprint>();
    for (const [at, move] of moves.entries()) {
      const before = befores[at];
      if (before === undefined) continue;
      const after = await verifyStaged(client, move, before, written.get(move.located.name), moves);
      fingerprints.set(move.located.name, after);
      await followSequences(client, move);
    }
    verified();
    await client.query("commit");
    return fingerprints;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

const unstaged = ({ located }: Pick<TableChange, "located">): never => {
  throw new Error(`${located.name} was not staged`);
};

async function locking(work: Promise<unknown>, what: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { code?: string }).code !== "55P03") throw error;
    throw new Error(`${what} is locked by another transaction for more than 10 s; nothing was written; apply again`);
  }
}

async function refuseForeign(client: ClientBase, located: LocatedTable): Promise<void> {
  const problems = await foreignCode(client, located);
  if (problems.length > 0) throw new RowRefusal(`${problems.join("; ")}; nothing was written`);
}

/** What the server has of all tables. Throws RowRefusal when one of them cannot be pinned. */
export async function describeAll(
  client: ClientBase,
  changes: readonly Pick<TableChange, "located">[],
): Promise<ReadonlyMap<string, LiveTable>> {
  const tables = new Map<string, LiveTable>();
  const problems: string[] = [];
  for (const { located } of changes) {
    const live = await describeTable(client, located).catch((error: unknown) => {
      if (!(error instanceof ForeignCode)) throw error;
      problems.push(...error.problems);
      return "foreign" as const;
    });
    if (live === "foreign") continue;
    if (live === undefined) throw new RowRefusal(`there is no table ${qualified(located)}; nothing was written`);
    tables.set(located.name, live);
    problems.push(...(await tableProblems(client, located, live)));
  }
  if (problems.length > 0) throw new RowRefusal(`${problems.join("; ")}; nothing was written`);
  return tables;
}

async function stageMove(
  client: ClientBase,
  { located, rows }: TableChange,
  tables: ReadonlyMap<string, LiveTable>,
  at: number,
): Promise<Move> {
  const live = tables.get(located.name);
  if (live === undefined) return unstaged({ located });
  const staged = `rewind_pinned_${at}`;
  await stage(client, located, staged, stagedColumns(located.table, live), rows);
  return { located, live, columns: pinnedColumns(located.table, live).map(([column]) => column), staged, adds: true };
}

/** Compares what is there, stops at edits, and finds which rows go and which stand in each other's way. */
async function findWay(
  client: ClientBase,
  change: TableChange,
  move: Move,
  at: number,
): Promise<[move: Move, before: Compared]> {
  const { located, last } = change;
  const before = await compareStaged(client, move, false);
  // The same keys as last time, and every row as it was left: nobody edited any, and none is to be removed.
  const untouched =
    last?.fingerprint?.keys === before.keys &&
    last.fingerprint.rows === before.hash &&
    JSON.stringify(columnsOf(last.table)) === JSON.stringify(columnsOf(located.table));
  const gone = untouched ? undefined : await findGone(client, change, move, at);
  const next = { ...move, adds: before.there < before.staged, ...(gone === undefined ? {} : { gone }) };
  const parked = await parkingFor(client, next, `rewind_parked_${at}`);
  return [parked === undefined ? next : { ...next, parked }, before];
}

/** The rows that go, once it is known that nobody edited any. */
async function findGone(
  client: ClientBase,
  { located, last, overEdits }: TableChange,
  move: Move,
  at: number,
): Promise<string | undefined> {
  const known = `rewind_applied_${at}`;
  const table = last?.table ?? located.table;
  if (!keyColumns(located.table).every((name) => Object.hasOwn(table.columns, name))) {
    throw new Error(`${located.name}: its key has changed, so rows cannot be compared with what was applied`);
  }
  const empty: RowSource = { name: "nothing", digest: "sha256:", count: 0, lines: nothing };
  const rows = last === undefined ? empty : last.rows();
  await stage(client, { ...located, table }, known, stagedColumns(table, move.live), rows);
  if (overEdits !== true) await refuseEdits(client, move, table, known);
  return last === undefined ? undefined : markGone(client, move, known, `rewind_gone_${at}`);
}

async function* nothing(): AsyncGenerator<never, void> {
  // There is no line.
}

/** Classes of errors that the rows, or what triggers and functions make of them, are the cause of. */
const ofTheRows = /^(?:0A|2[0-9A-F]|3|4[24]|54|P0)/;

/** The server's words. It names no table where a trigger or a function fails, so what it says of the place is told. */
function wordsOf({ table, message, detail, hint, where }: DatabaseError, moves: readonly Move[]): string {
  const names = table ?? moves.map(({ located }) => located.name).join(", ");
  const place = /^PL\/\S+ function .*$/m.exec(where ?? "")?.[0];
  const more = [detail, hint, place].filter((each) => each !== undefined);
  return `${names}: ${message}${more.length === 0 ? "" : ` (${more.join("; ")})`}`;
}

/** Writes everything; what the server does not take is named by table, key and column. */
async function write(
  client: ClientBase,
  moves: readonly Move[],
  changes: readonly Pick<TableChange, "release">[],
): Promise<ReadonlyMap<string, Written>> {
  const stranded: string[] = [];
  for (const move of moves) stranded.push(...(await strandedReferences(client, move, moves)));
  if (stranded.length > 0) throw new RowRefusal(`${stranded.join("; ")}; nothing was written`);
  await client.query("savepoint moving");
  try {
    for (const [at, move] of moves.entries()) await archiveGone(client, move, changes[at]?.release ?? "");
    const written = await moveRows(client, moves);
    await client.query("release savepoint moving");
    return written;
  } catch (error) {
    if (!(error instanceof DatabaseError) || !ofTheRows.test(error.code ?? "")) throw error;
    await client.query("rollback to savepoint moving");
    const problems = await rowProblems(client, moves);
    const words = wordsOf(error, moves);
    throw new RowRefusal(`${problems.length === 0 ? words : problems.join("; ")}; nothing was written`, {
      cause: error,
    });
  }
}
