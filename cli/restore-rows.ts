import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeIdentifier, type ClientBase } from "pg";
import { asAdministrator } from "../checks/administrator";
import { locatedTable } from "../checks/row-probes";
import { pinnedSource } from "../checks/row-source";
import { keysOf } from "../checks/row-comparison";
import { column, qualified, sameKey, type LocatedTable } from "../checks/row-sql";
import type { Backup } from "../recovery/backups/read";
import { keyColumns } from "../release/rows";
import { serverOf, type OpenedStack } from "./stack";

const together = 2_000;

/**
 * Brings the rows of a backup back, in one transaction: those that were changed or removed since as they were, and those
 * under a key that the present pin names and the backup does not have are removed. Rows that no release names stay.
 * @returns how many rows of which tables are as they were
 * @throws Error naming what was in the way; nothing was changed then
 */
export async function restoreRows(stack: OpenedStack, backup: Backup): Promise<string> {
  const server = serverOf(stack);
  if (server === undefined) throw new Error("the environment has no database");
  const tables = backup.files.flatMap(({ path, stored }) => {
    const name = /^rows\/(.+)\.jsonl$/.exec(path)?.[1];
    if (name === undefined) return [];
    const located = locatedTable(stack.settings, name);
    if (located === undefined) throw new Error(`the environment has no table ${name}`);
    const lines = readFileSync(join(backup.place, stored), "utf8").split("\n");
    return [{ located, lines: lines.filter((line) => line !== "") }];
  });
  const { password, ...connection } = server;
  return asAdministrator({ connection, password }, async (client) => {
    await client.query("begin");
    try {
      await client.query("set local lock_timeout = '10s'; set local timezone = 'UTC'");
      await client.query("select pg_advisory_xact_lock(hashtextextended('rewind rows', 0))");
      for (const { located, lines } of tables) {
        await client.query(`lock table ${qualified(located)} in share row exclusive mode`);
        await bringBack(client, stack, located, lines);
      }
      await client.query("commit");
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
    return tables.map(({ located, lines }) => `${lines.length} rows of ${located.name}`).join(", ") || "no table";
  });
}

async function bringBack(
  client: ClientBase,
  stack: OpenedStack,
  located: LocatedTable,
  lines: readonly string[],
): Promise<void> {
  const table = qualified(located);
  await client.query(`create temporary table rewind_kept on commit drop as select * from ${table} with no data`);
  const columns = await columnsIn(client, located, lines[0]);
  const all = columns.map(escapeIdentifier).join(", ");
  for (let at = 0; at < lines.length; at += together) {
    const given = `[${lines.slice(at, at + together).join(",")}]`;
    await client.query(
      `insert into rewind_kept (${all}) select ${all} from json_populate_recordset(null::${table}, $1::json)`,
      [given],
    );
  }
  const on = sameKey(located.table, "t", "k");
  const chosen = (alias: string): string => `row(${columns.map((name) => column(alias, name)).join(", ")})::text`;
  const set = columns
    .filter((name) => !keyColumns(located.table).includes(name))
    .map((name) => `${escapeIdentifier(name)} = ${column("k", name)}`);
  if (set.length > 0) {
    await client.query(
      `update ${table} t set ${set.join(", ")} from rewind_kept k
       where ${on} and ${chosen("t")} is distinct from ${chosen("k")}`,
    );
  }
  if (columns.length > 0) {
    await client.query(
      `insert into ${table} (${all}) overriding system value
       select ${all} from rewind_kept k where not exists (select from ${table} t where ${on})`,
    );
  }
  await removeSince(client, stack, located);
  if (columns.length > 0) {
    const { rows } = await client.query<{ wrong: string }>(
      `select count(*) as wrong from rewind_kept k left join ${table} t on ${on}
       where ${chosen("t")} is distinct from ${chosen("k")}`,
    );
    if (rows[0]?.wrong !== "0")
      throw new Error(`${rows[0]?.wrong ?? "some"} rows of ${located.name} did not come back`);
  }
  await client.query("drop table rewind_kept");
}

/** The columns of the kept rows; those that are computed come by themselves. */
async function columnsIn(client: ClientBase, located: LocatedTable, line: string | undefined): Promise<string[]> {
  if (line === undefined) return [];
  const kept = Object.keys(JSON.parse(line) as object);
  const { rows } = await client.query<{ name: string; computed: boolean }>(
    `select attname as name, attgenerated <> '' as computed from pg_attribute
     where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [qualified(located)],
  );
  const there = new Map(rows.map(({ name, computed }) => [name, computed]));
  const gone = kept.filter((name) => !there.has(name));
  if (gone.length > 0) throw new Error(`${located.name} does not have ${gone.join(", ")} any more`);
  return kept.filter((name) => there.get(name) === false);
}

/** Rows that a release has brought since, and that the backup does not know. */
async function removeSince(
  client: ClientBase,
  { settings, folder }: OpenedStack,
  located: LocatedTable,
): Promise<void> {
  const pin = settings.pinned.facets.config[located.name];
  if (pin === undefined) return;
  const names = keyColumns(located.table);
  const given = names.map((_, at) => `$${at + 1}::text[]`).join(", ");
  const same = names.map((name, at) => `${column("t", name)} = o.k${at}::${located.table.columns[name] ?? "text"}`);
  for await (const keys of keysOf(pinnedSource(pin, folder), located.table)) {
    const parts = keys.map((key) => (names.length === 1 ? [key] : (JSON.parse(key) as unknown[]).map(String)));
    await client.query(
      `delete from ${qualified(located)} t using unnest(${given}) as o(${names.map((_, at) => `k${at}`).join(", ")})
       where ${same.join(" and ")} and not exists (select from rewind_kept k where ${sameKey(located.table, "t", "k")})`,
      names.map((_, at) => parts.map((part) => part[at] ?? null)),
    );
  }
}
