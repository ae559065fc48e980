import { escapeIdentifier, escapeLiteral, DatabaseError, type ClientBase } from "pg";
import { asAdministrator } from "../checks/administrator";
import { ensureOwnSchema, ownSchema, refuseSharedTable } from "../rows/own-tables";
import { column, qualified } from "../rows/sql";
import { workingOn } from "../rows/working-as";
import { condition, type LocatedStamped, type StampedFilter } from "../checks/stamped";
import type { OpenedStack } from "./stack";

/** A transaction that was rolled back: nothing was lost. The message says why, in one line and without secrets. */
export class RolledBack extends Error {
  override readonly name = "RolledBack";
}

/** The connection broke while the transaction was being committed, so that nobody knows whether it was. */
export class Unsure extends Error {
  override readonly name = "Unsure";
}

/** Which clean-up it is, whose, and how many rows were confirmed. */
export interface Cleaning {
  readonly run: string;
  readonly by: string;
  readonly filter: Required<StampedFilter>;
  readonly count: number;
}

/** Where the rows of clean-ups are kept, whole. */
const archive = "rewind.cleaned_rows";

/**
 * Archives the rows that a version made and deletes them, in one transaction: they are locked, counted again, kept whole
 * and deleted, and as many must have been kept and deleted as were confirmed.
 * @throws RolledBack naming what was in the way, Unsure
 */
export async function cleanRows(stack: OpenedStack, located: LocatedStamped, cleaning: Cleaning): Promise<void> {
  const { run, by, filter, count } = cleaning;
  const { sql, values } = condition(located, filter);
  const rows = `${qualified(located)} t where ${withValues(sql, values)}`;
  const key = located.key.map((name) => `${escapeLiteral(name)}, ${column("t", name)}`).join(", ");
  const keys = located.key.map((name) => column("t", name)).join(", ");
  await inTransaction(stack, async (client) => {
    await refuseOthers(client, located);
    await ensureArchive(client);
    await workingOn(client, located, async (ask, owner) => {
      await carrier(client, owner);
      expectCount(await ask(countOf(`select 1 from ${rows} for update`)), count, "are there");
      const inexact = `(jsonb_populate_record(null::${qualified(located)}, to_jsonb(t.*)))::text is distinct from (t.*)::text`;
      const odd = await ask(
        `select json_build_object('repeated', count(*) - count(distinct (${keys})) + count(*) filter (where (${keys}) is null),
           'inexact', count(*) filter (where ${inexact}),
           'named', (array_agg(left(jsonb_build_object(${key})::text, 100)) filter (where ${inexact}))[1:5])::text
         from ${rows}`,
      );
      const { repeated, inexact: lossy, named } = JSON.parse(odd ?? "{}") as Partial<Odd>;
      if (repeated !== 0) throw new RolledBack(`${located.key.join(", ")} is no key of ${qualified(located)}`);
      if (lossy !== 0) {
        throw new RolledBack(
          `${String(lossy)} rows hold a value that an archive of JSON would not give back exactly, among them ${named?.join(", ") ?? ""}`,
        );
      }
      const carried = `insert into ${carrying} (version, key, contents)
        select ${column("t", located.version)}::text, jsonb_build_object(${key})::text, to_jsonb(t.*)::text from ${rows}`;
      expectCount(await ask(changed(carried)), count, "were taken");
      const kept = await client.query(
        `insert into ${archive} (run, archived_by, version, table_schema, table_name, key, contents)
         select $1, $2, version, $3, $4, key::jsonb, contents::jsonb from ${carrying}`,
        [run, by, located.schema, located.name],
      );
      expectCount(kept.rowCount, count, "were archived");
      expectCount(await ask(changed(`delete from ${rows}`)), count, "were deleted");
      expectCount(await ask(countOf(`select 1 from ${rows}`)), 0, "are left");
    });
  });
}

interface Odd {
  readonly repeated: number;
  readonly inexact: number;
  readonly named: readonly string[] | null;
}

/** The temporary table in which rows go between their owner and the archive, as texts: nobody's types are read there. */
const carrying = "pg_temp.rewind_carried";

async function carrier(client: ClientBase, owner: string | undefined): Promise<void> {
  await client.query("create temporary table rewind_carried (version text, key text, contents text) on commit drop");
  if (owner !== undefined) await client.query(`grant select, insert on ${carrying} to ${escapeIdentifier(owner)}`);
}

const countOf = (query: string): string => `select count(*)::text from (${query}) counted`;

const changed = (statement: string): string =>
  `with changed as (${statement} returning 1) select count(*)::text from changed`;

/** A condition with its values in the place of its parameters: what runs as another role is one text. */
function withValues(sql: string, values: readonly string[]): string {
  return sql.replace(/\$(\d+)/g, (_, at: string) => escapeLiteral(values[Number(at) - 1] ?? ""));
}

/** The rows of a clean-up that can be brought back. */
export interface Archived {
  readonly schema: string;
  readonly name: string;
  readonly count: number;
  /** How many of its rows were brought back already. */
  readonly restored: number;
}

/** What is archived of a clean-up; undefined when there is none of that id. */
export async function archivedRows(stack: OpenedStack, run: string): Promise<Archived | undefined> {
  return inTransaction(stack, async (client) => {
    const { rows: there } = await client.query<{ found: boolean }>(
      `select to_regclass('${archive}') is not null as found`,
    );
    if (there[0]?.found !== true) return undefined;
    await refuseSharedTable(client, { schema: ownSchema, name: "cleaned_rows" });
    const { rows } = await client.query<{ schema: string; name: string; count: string; restored: string }>(
      `select table_schema as schema, table_name as name, count(*) as count, count(restored_at) as restored
       from ${archive} where run = $1 group by 1, 2`,
      [run],
    );
    const [found] = rows;
    return found === undefined ? undefined : { ...found, count: Number(found.count), restored: Number(found.restored) };
  });
}

/**
 * Brings the rows of a clean-up back as they were, in one transaction. Columns that the table has got since take their
 * defaults.
 * @throws RolledBack naming the rows or the column that is in the way, Unsure
 */
export async function restoreRows(stack: OpenedStack, run: string, archived: Archived): Promise<void> {
  const table = qualified(archived);
  const from = `${carrying} c cross join lateral jsonb_populate_record(null::${table}, c.contents::jsonb) r`;
  await inTransaction(stack, async (client) => {
    await ensureArchive(client);
    const locked = await client.query<{ key: Record<string, unknown> }>(
      `select key from ${archive} where run = $1 and restored_at is null for update`,
      [run],
    );
    expectCount(locked.rowCount, archived.count, "are archived");
    const key = Object.keys(locked.rows[0]?.key ?? {});
    await workingOn(client, archived, async (ask, owner) => {
      const columns = await columnsFor(client, table, run);
      await carrier(client, owner);
      await client.query(
        `insert into ${carrying} (key, contents) select key::text, contents::text from ${archive} where run = $1`,
        [run],
      );
      const sameKey = key.map((name) => `${column("t", name)} = ${column("r", name)}`).join(" and ");
      const there = await ask(
        `select string_agg(key, ', ') from (select c.key from ${from} join ${table} t on ${sameKey} limit 5) there`,
      );
      if (there !== null) throw new RolledBack(`rows with the same key are there again: ${there}`);
      const names = columns.map((name) => escapeIdentifier(name)).join(", ");
      const inserted = `insert into ${table} (${names}) overriding system value
        select ${columns.map((name) => column("r", name)).join(", ")} from ${from}`;
      expectCount(await ask(changed(inserted)), archived.count, "were brought back");
      const same = `select 1 from ${from} join ${table} t on ${sameKey} where c.contents::jsonb =
        (select jsonb_object_agg(name, to_jsonb(t.*) -> name) from jsonb_object_keys(c.contents::jsonb) as name)`;
      expectCount(await ask(countOf(same)), archived.count, "are as they were");
    });
    await client.query(`update ${archive} set restored_at = now() where run = $1`, [run]);
  });
}

/** The columns that are written: those that the archived rows have, but for those that PostgreSQL computes. */
async function columnsFor(client: ClientBase, table: string, run: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; present: boolean; computed: boolean }>(
    `select archived.name, attname is not null as present, coalesce(attgenerated <> '', false) as computed
     from (select distinct jsonb_object_keys(contents) as name from ${archive} where run = $1) archived
     left join pg_attribute on attrelid = to_regclass($2) and attname = archived.name and attnum > 0 and not attisdropped`,
    [run, table],
  );
  const gone = rows.filter(({ present }) => !present).map(({ name }) => name);
  if (gone.length > 0) throw new RolledBack(`${table} does not have ${gone.join(", ")} any more`);
  return rows.filter(({ computed }) => !computed).map(({ name }) => name);
}

function expectCount(actual: number | string | null, expected: number, words: string): void {
  if (String(actual) !== String(expected))
    throw new RolledBack(`${String(actual)} rows ${words}, expected ${expected}`);
}

/** A view's rows are somebody else's, and rows that take others along when they go would lose what is not archived. */
async function refuseOthers(client: ClientBase, located: LocatedStamped): Promise<void> {
  const { rows } = await client.query<{ table: boolean; by: string | null }>(
    `select relkind in ('r', 'p') as table,
       (select string_agg(conrelid::regclass::text, ', ') from pg_constraint
        where confrelid = pg_class.oid and contype = 'f' and confdeltype in ('c', 'n', 'd')) as by
     from pg_class where oid = to_regclass($1)`,
    [qualified(located)],
  );
  const [found] = rows;
  if (found?.table !== true) throw new RolledBack(`there is no table ${qualified(located)}`);
  if (found.by !== null) {
    throw new RolledBack(
      `deleting rows of ${qualified(located)} would change ${found.by}, which refer to them; make the reference restrict`,
    );
  }
}

async function ensureArchive(client: ClientBase): Promise<void> {
  await ensureOwnSchema(client);
  await client.query(`create table if not exists ${archive} (
    run text not null,
    archived_at timestamptz not null default now(),
    archived_by text not null,
    version text not null,
    table_schema text not null,
    table_name text not null,
    key jsonb not null,
    contents jsonb not null,
    restored_at timestamptz,
    primary key (run, key)
  )`);
  await refuseSharedTable(client, { schema: ownSchema, name: "cleaned_rows" });
}

/** Runs something as the database's administrator, all of it or nothing. */
async function inTransaction<T>(
  { settings, secrets }: OpenedStack,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const { database } = settings.environment;
  if (database === undefined) throw new RolledBack("the environment has no database");
  const { host, port, name, administrator, sslmode = "disable" } = database;
  const connection = { host, port, sslmode, user: administrator.user, database: name };
  return asAdministrator({ connection, password: secrets[administrator.password] ?? "" }, async (client) => {
    let committing = false;
    try {
      // Whoever cleans up or restores at the same time waits here, and sees what the other one left.
      await client.query("set lock_timeout = '10s'");
      await client.query("select pg_advisory_lock(hashtextextended('rewind data', 0))");
      // What others have done until a table is locked must be seen; from then on nobody writes to it.
      await client.query("begin isolation level read committed");
      await client.query("set local timezone = 'UTC'; set local datestyle = 'ISO'; set local extra_float_digits = 1");
      const result = await work(client);
      await client.query("set constraints all immediate");
      committing = true;
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      if (committing && !(error instanceof DatabaseError)) {
        throw new Unsure("the connection broke while the transaction was being committed", { cause: error });
      }
      throw error instanceof RolledBack ? error : new RolledBack(wordsFor(error), { cause: error });
    }
  });
}

/** What stood in the way, for people. */
function wordsFor(error: unknown): string {
  if (!(error instanceof DatabaseError)) return error instanceof Error ? error.message : String(error);
  const { code, message, detail } = error;
  if (code === "23503") return `rows of another table refer to them, or they to rows that are gone: ${message}`;
  if (code === "23505") return `another row stands in their place: ${detail ?? message}`;
  if (code === "40001") return "somebody else changed the rows at the same time";
  if (code === "55P03") return "another transaction has held the rows locked for more than 10 s";
  return message;
}
