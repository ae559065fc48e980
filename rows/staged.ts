import { escapeLiteral, type ClientBase } from "pg";
import { keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";
import { countLeft, type Move, type Written } from "./move";
import { meddlers } from "./problems";
import { rowProblems } from "./row-problems";
import { column, hashOf, isAbsent, qualified, rowJson, rowName, rowsDiffer, sameKey } from "./sql";
import { pinnedColumns, RowRefusal, temporary } from "./stage";
import { counted } from "../release/text";

/** What the rows of a table hashed to: of the keys alone, and of all pinned columns. Equal ones mean no edit. */
export interface Fingerprint {
  readonly keys: string;
  readonly rows: string;
}

const mostNamed = 20;

/**
 * Proves that every pinned row is there as it is pinned, and no other of those that were to go.
 * @returns what the table hashes to now
 * @throws RowRefusal naming the rows that are otherwise, and what may have changed them
 */
export async function verifyStaged(
  client: ClientBase,
  move: Move,
  before: Compared,
  written: Written | undefined,
  moves: readonly Move[],
): Promise<Fingerprint> {
  const { name } = move.located;
  const left = await countLeft(client, move);
  if (left > 0) {
    throw new RowRefusal(
      `${name}: ${counted(left, "row")} that are no longer pinned could not be removed; ${meddlers(move.live)} may keep them; nothing was written`,
    );
  }
  // Where every pinned row was written again, the rows as they were written have been read back already. A trigger of another
  // table may have changed them since.
  const stays = moves.every(({ live }) => live.plain);
  const readBack = written?.same === before.staged && before.there === before.staged && stays;
  const after = readBack ? { ...before, ...written } : await compareStaged(client, move, true);
  if (after.same === after.staged && after.there === after.staged) return { keys: after.keys, rows: after.hash };
  const problems = await rowProblems(client, moves);
  if (problems.length > 0) throw new RowRefusal(`${problems.join("; ")}; nothing was written`);
  throw new RowRefusal(
    `${name}: of ${after.staged} pinned rows ${after.same} are there as they are pinned: ${await describeOdd(client, move)}; nothing was written; changed by ${meddlers(move.live)}`,
  );
}

/** The first rows that are not as they were staged, column by column. */
async function describeOdd(client: ClientBase, { located, columns, staged }: Move): Promise<string> {
  const { table } = located;
  const parts = columns.map(
    (each) =>
      `case when ${rowsDiffer([each], "t", "s")} then format('%I is %L, pinned is %L', ${escapeLiteral(each.name)}, left(${column("t", each.name)}::text, 60), left(${column("s", each.name)}::text, 60)) end`,
  );
  const { rows } = await client.query<{ key: unknown[]; odd: string }>(
    `select json_build_array(${keyColumns(table)
      .map((name) => `${column("s", name)}::text`)
      .join(", ")}) as key,
       case when ${isAbsent(table, "t")} then 'is missing' else concat_ws(', ', ${parts.join(", ")}) end as odd
     from ${temporary(staged)} s left join ${qualified(located)} t on ${sameKey(table, "t", "s")}
     where ${isAbsent(table, "t")} or ${rowsDiffer(columns, "t", "s")} limit 5`,
  );
  return rows.map(({ key, odd }) => `${rowName(located, key)} ${odd}`).join("; ");
}

/** What the staged rows of a table and its live ones have in common. */
export interface Compared {
  readonly staged: number;
  /** How many of the staged rows the table has by their key. */
  readonly there: number;
  /** How many it has as they are staged; where that was not asked, none. */
  readonly same: number;
  readonly keys: string;
  readonly hash: string;
}

/** Holds the staged rows against the live ones, in one pass over both. */
export async function compareStaged(
  client: ClientBase,
  { located, columns, staged }: Move,
  exactly: boolean,
): Promise<Compared> {
  const { table } = located;
  const keys = columns.filter(({ name }) => keyColumns(table).includes(name));
  const there = `not (${isAbsent(table, "t")})`;
  const same = exactly ? `count(*) filter (where ${there} and not (${rowsDiffer(columns, "t", "s")}))` : "0";
  const { rows } = await client.query<Record<keyof Compared, string>>(
    `select count(*) as staged, count(*) filter (where ${there}) as there, ${same} as same,
       coalesce(sum(${hashOf(keys, "s", 1)}), 0) as keys,
       coalesce(sum(${hashOf(columns, "t", 0)}) filter (where ${there}), 0) as hash
     from ${temporary(staged)} s left join ${qualified(located)} t on ${sameKey(table, "t", "s")}`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("count(*) has no row");
  return { ...found, staged: Number(found.staged), there: Number(found.there), same: Number(found.same) };
}

/**
 * Stops when a live row is neither as it was applied last nor as it is pinned.
 * @param known the temporary table of the rows as they were applied last, in the columns of `before`
 * @throws Error naming the rows
 */
export async function refuseEdits(
  client: ClientBase,
  { located, live, columns, staged }: Move,
  before: Table,
  known: string,
): Promise<void> {
  const { table } = located;
  const last = pinnedColumns(before, live);
  const as = (alias: string, of: Move["columns"]): string =>
    `case when ${isAbsent(table, alias)} then ${isAbsent(table, "t")}
       else not ${isAbsent(table, "t")} and not (${rowsDiffer(of, "t", alias)}) end`;
  const keyed = keyColumns(table).map((name) => {
    const either = `coalesce(${column("b", name)}, ${column("s", name)})`;
    return { either, on: `${column("t", name)} = ${either}` };
  });
  const { rows } = await client.query<{ key: unknown[]; live: string | null; applied: string | null; edited: string }>(
    `select json_build_array(${keyed.map(({ either }) => `${either}::text`).join(", ")}) as key,
       case when ${isAbsent(table, "t")} then null else ${rowJson(last, "t")}::text end as live,
       case when ${isAbsent(table, "b")} then null else ${rowJson(last, "b")}::text end as applied,
       count(*) over () as edited
     from ${temporary(known)} b
     full join ${temporary(staged)} s on ${sameKey(table, "b", "s")}
     left join ${qualified(located)} t on ${keyed.map(({ on }) => on).join(" and ")}
     where not (${as(
       "b",
       last.map(([column]) => column),
     )}) and not (${as("s", columns)})
     order by ${keyed.map(({ either }) => either).join(", ")} limit ${mostNamed}`,
  );
  if (rows.length === 0) return;
  const named = rows.map(
    ({ key, live, applied }) =>
      `${rowName(located, key)} is ${live ?? "gone"}, last applied was ${applied ?? "nothing"}`,
  );
  const more = Number(rows[0]?.edited) - rows.length;
  throw new Error(
    `rows changed behind Rewind's back; nothing was written: ${named.join("; ")}${more > 0 ? ` and ${more} more` : ""}; put them back, or take them over with: pulumi refresh`,
  );
}
