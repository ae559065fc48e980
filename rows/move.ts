import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { keyColumns } from "../release/rows";
import type { LiveColumn, LiveTable } from "./catalog";
import { column, hashOf, qualified, rowsDiffer, sameKey, type LocatedTable } from "./sql";
import { temporary } from "./stage";
import { ensureArchive } from "./table";

/** A table whose rows are staged, and how it gets to them. */
export interface Move {
  readonly located: LocatedTable;
  readonly live: LiveTable;
  /** The columns that are written, as the server has them. */
  readonly columns: readonly LiveColumn[];
  /** The temporary table of the rows as they are to be, in these columns. */
  readonly staged: string;
  /** Whether the table lacks some of the rows. */
  readonly adds: boolean;
  /** The temporary table of the keys of the rows that go; undefined when none goes. */
  readonly gone?: string;
  /** How rows that stand in each other's way get out of it; undefined when none does. */
  readonly parked?: Parking;
}

/** Rows whose present values stand in the way of other rows' new ones, under a constraint that is checked at once. */
export interface Parking {
  /** The temporary table of these rows, whole. */
  readonly rows: string;
  /** The columns that are set to NULL first; none where the rows are taken out and put back instead. */
  readonly emptied: readonly string[];
}

/** What was written of a table: how many of the changed rows are now as they are staged, and their hashes' sum. */
export interface Written {
  readonly same: number;
  readonly hash: string;
}

interface Arm {
  readonly table: string;
  readonly sql: string;
  /** What is asked of each row that was written; only of an update. */
  readonly returning: string;
}

/**
 * Removes, changes and adds the rows of all tables in one statement. Foreign keys are checked at the end of a statement,
 * so no order of tables is needed, whatever refers to what; unique constraints are checked row by row, so rows go before
 * others change, and change before others come. Relations with rules, which PostgreSQL does not take into such a
 * statement, are written one by one around it.
 */
export async function moveRows(client: ClientBase, moves: readonly Move[]): Promise<ReadonlyMap<string, Written>> {
  await client.query("set constraints all deferred");
  for (const { located, parked } of moves) {
    if (parked !== undefined && parked.emptied.length > 0) await client.query(emptying(located, parked));
  }
  const ruled = moves.filter(({ live }) => live.rules.length > 0);
  const others = moves.filter(({ live }) => live.rules.length === 0);
  for (const move of ruled) for (const arm of removals(move)) await client.query(arm.sql);
  const arms = [...others.flatMap(removals), ...others.flatMap(changes), ...others.flatMap(additions)];
  const written = new Map<string, Written>();
  if (arms.length > 0) {
    const withs = arms.map(({ sql, returning }, at) => `w${at} as (${sql} returning ${returning})`);
    const counts = arms.map(
      ({ table }, at) =>
        `select ${escapeLiteral(table)} as table, count(*) filter (where same) as same, coalesce(sum(hash), 0) as hash from w${at}`,
    );
    const { rows } = await client.query<{ table: string; same: string; hash: string }>(
      `with ${withs.join(", ")} ${counts.join(" union all ")}`,
    );
    for (const { table, same, hash } of rows) {
      const before = written.get(table);
      written.set(table, {
        same: (before?.same ?? 0) + Number(same),
        hash: String(BigInt(before?.hash ?? 0) + BigInt(hash)),
      });
    }
  }
  for (const move of ruled) for (const arm of [...changes(move), ...additions(move)]) await client.query(arm.sql);
  await client.query("set constraints all immediate");
  return written;
}

/** Whether a value stays as the row was made with: PostgreSQL lets no update set it. */
export const isFixed = ({ identity }: LiveColumn): boolean => identity === "always";

const counted = "false as same, 0 as hash";

function removals({ located, gone, parked }: Move): Arm[] {
  const { table } = located;
  const putBack = parked?.emptied.length === 0 ? parked.rows : undefined;
  return [gone, putBack].flatMap((rows): Arm[] => {
    if (rows === undefined) return [];
    const sql = `delete from ${qualified(located)} t using ${temporary(rows)} g where ${sameKey(table, "t", "g")}`;
    return [{ table: located.name, sql, returning: counted }];
  });
}

function changes({ located, columns, staged, parked }: Move): Arm[] {
  const { table } = located;
  const keys = keyColumns(table);
  const values = columns.filter((each) => !keys.includes(each.name) && !isFixed(each));
  if (values.length === 0) return [];
  const sets = values.map(({ name }) => `${escapeIdentifier(name)} = ${column("s", name)}`);
  if (table.touched !== undefined) sets.push(`${escapeIdentifier(table.touched)} = now()`);
  const putBack =
    parked?.emptied.length === 0
      ? ` and not exists (select from ${temporary(parked.rows)} p where ${sameKey(table, "p", "s")})`
      : "";
  const sql = `update ${qualified(located)} t set ${sets.join(", ")} from ${temporary(staged)} s
    where ${sameKey(table, "t", "s")} and (${rowsDiffer(values, "t", "s")})${putBack}`;
  const returning = `not (${rowsDiffer(columns, "t", "s")}) as same, ${hashOf(columns, "t", 0)} as hash`;
  return [{ table: located.name, sql, returning }];
}

function additions({ located, live, columns, staged, adds, parked }: Move): Arm[] {
  const { table } = located;
  const into = (names: readonly string[], values: readonly string[], from: string): Arm => {
    const touched = table.touched === undefined ? [] : [table.touched];
    const all = [...names, ...touched].map(escapeIdentifier).join(", ");
    // A view does not take the clause, and has no identity columns.
    const overriding = live.kind === "v" ? "" : "overriding system value ";
    const selected = [...values, ...touched.map(() => "now()")].join(", ");
    const sql = `insert into ${qualified(located)} (${all}) ${overriding}select ${selected} from ${from}`;
    return { table: located.name, sql, returning: counted };
  };
  const names = columns.map(({ name }) => name);
  const added = !adds
    ? []
    : [
        into(
          names,
          names.map((name) => column("s", name)),
          `${temporary(staged)} s where not exists (select from ${qualified(located)} t where ${sameKey(table, "t", "s")})`,
        ),
      ];
  if (parked === undefined || parked.emptied.length > 0) return added;
  const whole = [...live.columns.values()].filter(({ name, generated }) => !generated && name !== table.touched);
  const back = into(
    whole.map(({ name }) => name),
    whole.map(({ name }) => column(names.includes(name) ? "s" : "p", name)),
    `${temporary(parked.rows)} p join ${temporary(staged)} s on ${sameKey(table, "p", "s")}`,
  );
  return [back, ...added];
}

function emptying(located: LocatedTable, { rows, emptied }: Parking): string {
  const sets = emptied.map((name) => `${escapeIdentifier(name)} = null`).join(", ");
  return `update ${qualified(located)} t set ${sets} from ${temporary(rows)} p where ${sameKey(located.table, "t", "p")}`;
}

/**
 * The keys of the rows that go, in a temporary table: those of `known` that the table has and that are not staged.
 * @returns the temporary table, undefined when none goes
 */
export async function markGone(
  client: ClientBase,
  { located, staged }: Pick<Move, "located" | "staged">,
  known: string,
  into: string,
): Promise<string | undefined> {
  const { table } = located;
  const keys = keyColumns(table).map((name) => column("t", name));
  const { rowCount } = await client.query(
    `create temporary table ${escapeIdentifier(into)} on commit drop as
     select ${keys.join(", ")} from ${qualified(located)} t
     where exists (select from ${temporary(known)} b where ${sameKey(table, "t", "b")})
       and not exists (select from ${temporary(staged)} s where ${sameKey(table, "s", "t")})`,
  );
  return rowCount === 0 ? undefined : into;
}

/** Keeps the rows that go, whole. */
export async function archiveGone(client: ClientBase, { located, gone }: Move, release: string): Promise<void> {
  if (gone === undefined) return;
  const { schema, name, table } = located;
  await ensureArchive(client);
  const key = keyColumns(table).map((each) => `${escapeLiteral(each)}, ${column("t", each)}`);
  await client.query(
    `insert into rewind.archived_rows (release, table_schema, table_name, key, contents)
     select $1, $2, $3, jsonb_build_object(${key.join(", ")}), to_jsonb(t.*)
     from ${qualified(located)} t join ${temporary(gone)} g on ${sameKey(table, "t", "g")}`,
    [release, schema, name],
  );
}

/** How many of the rows that were to go are still there. */
export async function countLeft(client: ClientBase, { located, gone }: Move): Promise<number> {
  if (gone === undefined) return 0;
  const { rows } = await client.query<{ left: string }>(
    `select count(*) as left from ${qualified(located)} t join ${temporary(gone)} g on ${sameKey(located.table, "t", "g")}`,
  );
  return Number(rows[0]?.left);
}
