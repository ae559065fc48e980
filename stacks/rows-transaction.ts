import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { column, isAbsent, qualified, rowJson, rowsDiffer, sameKey, type LocatedTable } from "../checks/row-sql";
import type { FileSource } from "../checks/row-source";
import { columnsOf, keyColumns } from "../release/rows";
import type { Table } from "../release/schema/rows";
import { copyRows } from "./rows-copy";
import { columnsThere, ensureArchive, ensureTable } from "./rows-table";

/** What the rows of a table hashed to: of the keys alone, and of all pinned columns. Equal ones mean no edit. */
export interface Fingerprint {
  readonly keys: string;
  readonly rows: string;
}

/** One table's way from what was applied last to what is pinned. */
export interface TableChange {
  readonly located: LocatedTable;
  /** The release that the rows belong to. */
  readonly release: string;
  readonly rows: FileSource;
  /** What was applied last, unless this is the first time. */
  readonly last?: {
    readonly table: Table;
    readonly fingerprint: Fingerprint | undefined;
    /** Throws when the rows are not at hand. */
    readonly rows: () => FileSource;
  };
}

const mostNamed = 20;

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
    // Whoever applies at the same time waits here, before either holds anything that the other needs.
    await locking(
      client.query("select pg_advisory_xact_lock(hashtextextended('rewind rows', 0))"),
      "this database's rows",
    );
    for (const { located } of changes) await locking(ensureTable(client, located), qualified(located));
    for (const [at, change] of changes.entries()) await stage(client, change, at);
    const names = changes.map(({ located }) => qualified(located)).sort();
    await locking(client.query(`lock table ${names.join(", ")} in share row exclusive mode`), names.join(", "));
    const fingerprints = new Map<string, Fingerprint>();
    for (const [at, change] of changes.entries()) {
      fingerprints.set(change.located.name, await moveRows(client, change, at));
    }
    verified();
    await client.query("commit");
    return fingerprints;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

async function locking(work: Promise<unknown>, what: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { code?: string }).code !== "55P03") throw error;
    throw new Error(`${what} is locked by another transaction for more than 10 s; nothing was written; apply again`);
  }
}

/** The pinned rows of a table in a temporary one of the same types. */
async function stage(client: ClientBase, { located, rows }: TableChange, at: number): Promise<void> {
  const columns = columnsOf(located.table);
  await makeTemporary(client, stageOf(at), columns);
  await copyRows(client, stageOf(at), columns, rows);
}

const stageOf = (at: number): string => `pg_temp.rewind_pinned_${at}`;
const lastOf = (at: number): string => `pg_temp.rewind_applied_${at}`;

async function makeTemporary(client: ClientBase, name: string, columns: readonly [string, string][]): Promise<void> {
  const defined = columns.map(([column, type]) => `${escapeIdentifier(column)} ${type}`);
  await client.query(`create temporary table ${name.replace("pg_temp.", "")} (${defined.join(", ")}) on commit drop`);
}

async function moveRows(client: ClientBase, change: TableChange, at: number): Promise<Fingerprint> {
  const { located, last } = change;
  const before = await compareStaged(client, located, at, false);
  // The same keys as last time, and every row as it was left: nobody edited any, and none is to be removed.
  const untouched =
    last?.fingerprint?.keys === before.keys &&
    last.fingerprint.rows === before.hash &&
    JSON.stringify(columnsOf(last.table)) === JSON.stringify(columnsOf(located.table));
  if (!untouched) {
    await refuseEdits(client, change, at);
    await removeRows(client, change, at);
  }
  const changed = await changeRows(client, located, at);
  if (before.there < before.staged) await addRows(client, located, at);
  // Where every pinned row was written anew, the rows as they were written have been read back already.
  const readBack = changed.same === before.staged && before.there === before.staged && (await isPlain(client, located));
  const after = readBack ? { ...before, ...changed } : await compareStaged(client, located, at, true);
  if (after.same !== change.rows.count || after.there !== after.same || after.staged !== after.same) {
    throw new Error(
      `${located.name}: of ${change.rows.count} pinned rows ${after.same} are there as they are pinned; nothing was written; a trigger, a rule or a column of another type stands in the way, or the table has several rows of one key`,
    );
  }
  return { keys: after.keys, rows: after.hash };
}

interface Compared {
  readonly staged: number;
  /** How many of the staged rows the table has by their key. */
  readonly there: number;
  /** How many it has as they are staged; where that was not asked, none. */
  readonly same: number;
  readonly keys: string;
  readonly hash: string;
}

/** Holds the staged rows against the live ones, in one pass over both. */
async function compareStaged(
  client: ClientBase,
  located: LocatedTable,
  at: number,
  exactly: boolean,
): Promise<Compared> {
  const { table } = located;
  const columns = columnsOf(table);
  const keys = keyColumns(table).map((key) => [key, table.columns[key] ?? "text"] as const);
  const there = `not (${isAbsent(table, "t")})`;
  const same = exactly ? `count(*) filter (where ${there} and not (${rowsDiffer(columns, "t", "s")}))` : "0";
  const { rows } = await client.query<Record<keyof Compared, string>>(
    `select count(*) as staged, count(*) filter (where ${there}) as there, ${same} as same,
       coalesce(sum(${hashOf(keys, "s", 1)}), 0) as keys,
       coalesce(sum(${hashOf(columns, "t", 0)}) filter (where ${there}), 0) as hash
     from ${stageOf(at)} s left join ${qualified(located)} t on ${sameKey(table, "t", "s")}`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error("count(*) has no row");
  return { ...found, staged: Number(found.staged), there: Number(found.there), same: Number(found.same) };
}

/** A hash of some columns of a row, in their own types; `json`, which has no equality, as it is written. */
function hashOf(columns: readonly (readonly [string, string])[], alias: string, seed: number): string {
  const values = columns.map(([name, type]) => `(${column(alias, name)})::${type === "json" ? "text" : type}`);
  return `hash_record_extended(row(${values.join(", ")}), ${seed})`;
}

/** Stops when a live row is neither as it was applied last nor as it is pinned, and names it. */
async function refuseEdits(client: ClientBase, { located, last }: TableChange, at: number): Promise<void> {
  const { table } = located;
  const present = await columnsThere(client, located);
  const columns = last === undefined ? columnsOf(table) : columnsOf(last.table);
  await makeTemporary(client, lastOf(at), columns);
  if (last !== undefined) await copyRows(client, lastOf(at), columns, last.rows());
  const known = keyColumns(table).every((name) => columns.some(([each]) => each === name));
  if (!known) throw new Error(`${located.name}: its key has changed, so rows cannot be compared with what was applied`);
  const compared = columns.filter(([name]) => present.has(name));
  const as = (alias: string, of: readonly [string, ReturnType<typeof columnsOf>[number][1]][]): string =>
    `case when ${isAbsent(table, alias)} then ${isAbsent(table, "t")}
       else not ${isAbsent(table, "t")} and not (${rowsDiffer(of, "t", alias)}) end`;
  const keyed = keyColumns(table).map((name) => {
    const either = `coalesce(${column("b", name)}, ${column("s", name)})`;
    return { either, on: `${column("t", name)} = ${either}` };
  });
  const { rows } = await client.query<{ key: unknown[]; live: string | null; applied: string | null; edited: string }>(
    `select json_build_array(${keyed.map(({ either }) => `${either}::text`).join(", ")}) as key,
       case when ${isAbsent(table, "t")} then null else ${rowJson({ ...table, columns: Object.fromEntries(compared) }, "t")}::text end as live,
       case when ${isAbsent(table, "b")} then null else ${rowJson({ ...table, columns: Object.fromEntries(columns) }, "b")}::text end as applied,
       count(*) over () as edited
     from ${lastOf(at)} b
     full join ${stageOf(at)} s on ${sameKey(table, "b", "s")}
     left join ${qualified(located)} t on ${keyed.map(({ on }) => on).join(" and ")}
     where not (${as("b", compared)}) and not (${as("s", columnsOf(table))})
     order by ${keyed.map(({ either }) => either).join(", ")} limit ${mostNamed}`,
  );
  if (rows.length === 0) return;
  const named = rows.map(({ key, live, applied }) => {
    const name = `${located.name}/${key.length === 1 ? String(key[0]) : JSON.stringify(key)}`;
    return `${name} is ${live ?? "gone"}, last applied was ${applied ?? "nothing"}`;
  });
  const more = Number(rows[0]?.edited) - rows.length;
  throw new Error(
    `rows changed behind Rewind's back; nothing was written: ${named.join("; ")}${more > 0 ? ` and ${more} more` : ""}; put them back, or take them over with: pulumi refresh`,
  );
}

/** Archives and deletes the rows that were applied last and are no longer pinned. */
async function removeRows(client: ClientBase, { located, release, last }: TableChange, at: number): Promise<void> {
  if (last === undefined) return;
  const { schema, name, table } = located;
  const gone = `${lastOf(at)} b where ${sameKey(table, "t", "b")}
    and not exists (select from ${stageOf(at)} s where ${sameKey(table, "s", "b")})`;
  const { rows } = await client.query<{ some: boolean }>(
    `select exists (select from ${qualified(located)} t, ${gone}) as some`,
  );
  if (rows[0]?.some !== true) return;
  await refuseCascades(client, located);
  await ensureArchive(client);
  const key = keyColumns(table).map((each) => `${escapeLiteral(each)}, ${column("t", each)}`);
  const archived = await client.query(
    `with gone as (
       delete from ${qualified(located)} t using ${gone}
       returning jsonb_build_object(${key.join(", ")}) as key, to_jsonb(t.*) as contents)
     insert into rewind.archived_rows (release, table_schema, table_name, key, contents)
     select $1, $2, $3, key, contents from gone`,
    [release, schema, name],
  );
  const { rows: left } = await client.query<{ left: string }>(
    `select count(*) as left from ${qualified(located)} t, ${gone}`,
  );
  if (Number(left[0]?.left) > 0 || archived.rowCount === 0) {
    throw new Error(`${name}: rows that are no longer pinned could not be removed; nothing was written`);
  }
}

/** A row that takes others along when it is deleted would lose what no release pins. */
async function refuseCascades(client: ClientBase, located: LocatedTable): Promise<void> {
  const { rows } = await client.query<{ by: string }>(
    `select conrelid::regclass::text as by from pg_constraint
     where confrelid = to_regclass($1) and contype = 'f' and confdeltype in ('c', 'n', 'd')`,
    [qualified(located)],
  );
  if (rows.length === 0) return;
  const by = rows.map((row) => row.by).join(", ");
  throw new Error(
    `${located.name}: rows are no longer pinned, and deleting them would change ${by}, which refer to them; nothing was written; pin the rows, or make the reference restrict`,
  );
}

/** Changes the rows that differ, and tells how those that it wrote are now; what is the same already is not touched. */
async function changeRows(
  client: ClientBase,
  located: LocatedTable,
  at: number,
): Promise<Pick<Compared, "same" | "hash">> {
  const { table } = located;
  const columns = columnsOf(table);
  const keys = keyColumns(table);
  const values = columns.filter(([name]) => !keys.includes(name));
  if (values.length === 0) return { same: 0, hash: "0" };
  const sets = values.map(([name]) => `${escapeIdentifier(name)} = ${column("s", name)}`);
  if (table.touched !== undefined) sets.push(`${escapeIdentifier(table.touched)} = now()`);
  const { rows } = await client.query<{ same: string; hash: string }>(
    `with written as (
       update ${qualified(located)} t set ${sets.join(", ")}
       from ${stageOf(at)} s where ${sameKey(table, "t", "s")} and (${rowsDiffer(values, "t", "s")})
       returning not (${rowsDiffer(columns, "t", "s")}) as same, ${hashOf(columns, "t", 0)} as hash)
     select count(*) filter (where same) as same, coalesce(sum(hash), 0) as hash from written`,
  );
  return { same: Number(rows[0]?.same ?? 0), hash: rows[0]?.hash ?? "0" };
}

/** Whether nothing can change a row after it was written: no trigger, no rule, no table that inherits. */
async function isPlain(client: ClientBase, located: LocatedTable): Promise<boolean> {
  const { rows } = await client.query<{ plain: boolean }>(
    `select relkind = 'r' and not relhastriggers and not relhasrules and not relhassubclass as plain
     from pg_class where oid = to_regclass($1)`,
    [qualified(located)],
  );
  return rows[0]?.plain === true;
}

/** Adds the rows that are missing. */
async function addRows(client: ClientBase, located: LocatedTable, at: number): Promise<void> {
  const { table } = located;
  const names = columnsOf(table).map(([name]) => name);
  const touched = table.touched === undefined ? [] : [escapeIdentifier(table.touched)];
  await client.query(
    `insert into ${qualified(located)} (${[...names.map((name) => escapeIdentifier(name)), ...touched].join(", ")})
     select ${[...names.map((name) => column("s", name)), ...touched.map(() => "now()")].join(", ")}
     from ${stageOf(at)} s
     where not exists (select from ${qualified(located)} t where ${sameKey(table, "t", "s")})`,
  );
}
