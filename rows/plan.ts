import type { ClientBase } from "pg";
import { columnsOf } from "../release/rows";
import { describeTable, type LiveTable } from "./catalog";
import { markGone, type Move } from "./move";
import { parkingFor } from "./constraints";
import { declaredTypes, tableProblems } from "./problems";
import { rowProblems } from "./row-problems";
import type { LocatedTable } from "./sql";
import type { RowSource } from "./source";
import { pinnedColumns, RowRefusal, stage, stagedColumns } from "./stage";
import { ForeignCode } from "./trust";

/** The rows that a table is to have, and those that it may have been left with. */
export interface PlannedTable {
  readonly located: LocatedTable;
  readonly rows: RowSource;
  readonly left: readonly RowSource[];
}

/**
 * What the tables would not take of their pinned rows, by table, key and column; none when they would. Rows are read into
 * temporary tables and held against what is there, in a transaction that is taken back: nothing is changed or locked.
 * A table that is not there yet is made by the update, so its rows are only read.
 */
export async function planRows(client: ClientBase, tables: readonly PlannedTable[]): Promise<string[]> {
  await client.query("begin read write");
  try {
    await client.query("set local work_mem = '64MB'; set local jit = off");
    const described: { planned: PlannedTable; live: LiveTable }[] = [];
    const problems: string[] = [];
    let read = 0;
    for (const planned of tables) {
      const live = await describeTable(client, planned.located).catch((error: unknown) => {
        if (!(error instanceof ForeignCode)) throw error;
        problems.push(...error.problems);
        return "foreign" as const;
      });
      if (live === "foreign") continue;
      if (live === undefined) {
        await readPlanned(client, planned, `rewind_read_${read++}`);
        continue;
      }
      described.push({ planned, live });
      problems.push(...(await tableProblems(client, planned.located, live)));
    }
    if (problems.length > 0) return problems;
    const moves: Move[] = [];
    for (const [at, { planned, live }] of described.entries())
      moves.push(await stagePlanned(client, planned, live, at));
    const whole = moves.filter(({ located, columns }) => columns.length === columnsOf(located.table).length);
    const found = await rowProblems(client, whole);
    if (found.length > 0) return found;
    for (const [at, move] of whole.entries()) await parkingFor(client, move, `rewind_parked_${at}`);
    return [];
  } catch (error) {
    if (error instanceof RowRefusal) return [error.message.replace("; nothing was written", "")];
    throw error;
  } finally {
    await client.query("rollback");
  }
}

/** Reads the rows of a table that is not there yet, where the types of its columns are. */
async function readPlanned(client: ClientBase, { located, rows }: PlannedTable, into: string): Promise<void> {
  const types = await declaredTypes(client, located);
  const columns = columnsOf(located.table).map(([name]) => ({ name, type: types.get(name)?.bare }));
  const known = columns.flatMap(({ name, type }) => (type === undefined ? [] : [{ name, type }]));
  if (known.length === columns.length) await stage(client, located, into, known, rows);
}

async function stagePlanned(
  client: ClientBase,
  { located, rows, left }: PlannedTable,
  live: LiveTable,
  at: number,
): Promise<Move> {
  const staged = `rewind_pinned_${at}`;
  await stage(client, located, staged, stagedColumns(located.table, live), rows);
  const columns = pinnedColumns(located.table, live).map(([column]) => column);
  const move = { located, live, columns, staged, adds: true };
  const gone: string[] = [];
  for (const [of, source] of left.entries()) {
    const known = `rewind_left_${at}_${of}`;
    await stage(client, located, known, stagedColumns(located.table, live), source);
    const marked = await markGone(client, move, known, `rewind_gone_${at}_${of}`);
    if (marked !== undefined) gone.push(marked);
  }
  return gone[0] === undefined ? move : { ...move, gone: gone[0] };
}
