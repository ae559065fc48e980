import { join } from "node:path";
import type { ClientBase } from "pg";
import { asAdministrator } from "../checks/administrator";
import { locatedTable } from "../checks/row-probes";
import type { Backup } from "../recovery/backups/read";
import { nameOfFile } from "../release/file-names";
import { parseExactly } from "../release/exact-json";
import { describeTable } from "../rows/catalog";
import { plainLinesOf } from "../rows/file";
import { pinnedSource, type RowSource } from "../rows/source";
import type { LocatedTable } from "../rows/sql";
import { applyInTransaction, type TableChange } from "../rows/transaction";
import { serverOf, type OpenedStack } from "./stack";
import { counted } from "../release/text";

/**
 * Brings the rows of a backup back, in one transaction: those that were changed or removed since as they were, and those
 * under a key that the present pin names and the backup does not have are archived and removed. Rows that no release
 * names stay.
 * @returns how many rows of which tables are as they were
 * @throws Error naming what was in the way; nothing was changed then
 */
export async function restoreRows(stack: OpenedStack, backup: Backup): Promise<string> {
  const server = serverOf(stack);
  if (server === undefined) throw new Error("the environment has no database");
  const { password, ...connection } = server;
  return asAdministrator({ connection, password }, async (client) => {
    const changes: TableChange[] = [];
    for (const { path, stored } of backup.files) {
      const file = /^rows\/(.+)\.jsonl$/.exec(path)?.[1];
      if (file === undefined) continue;
      const name = nameOfFile(file);
      const located = locatedTable(stack.settings, name);
      if (located === undefined) throw new Error(`the environment has no table ${name}`);
      const rows = await keptRows(join(backup.place, stored), path);
      changes.push(await restoring(client, stack, located, rows, `backup ${backup.id}`));
    }
    if (changes.length === 0) return "no table";
    await applyInTransaction(client, changes);
    return changes.map(({ located, rows }) => `${counted(rows.count, "row")} of ${located.name}`).join(", ");
  });
}

/** The rows of a backup's file; its digest was looked at when the backup was read. */
async function keptRows(path: string, name: string): Promise<RowSource> {
  let count = 0;
  for await (const { lines } of plainLinesOf(path, name)) count += lines.length;
  return { name, digest: `backup:${name}`, count, lines: () => plainLinesOf(path, name) };
}

async function restoring(
  client: ClientBase,
  { settings, folder }: OpenedStack,
  located: LocatedTable,
  rows: RowSource,
  release: string,
): Promise<TableChange> {
  const live = await describeTable(client, located);
  if (live === undefined) throw new Error(`there is no table ${located.schema}.${located.name}`);
  const pin = settings.pinned.facets.config[located.name];
  const columns = await columnsIn(rows);
  const gone = columns.filter((name) => !live.columns.has(name));
  if (gone.length > 0) throw new Error(`${located.name} does not have ${gone.join(", ")} any more`);
  const kept = columns.flatMap((name): [string, string][] => {
    const found = live.columns.get(name);
    return found === undefined || found.generated ? [] : [[name, located.table.columns[name] ?? found.base]];
  });
  const { key } = located.table;
  return {
    located: {
      ...located,
      table: { key, columns: kept.length === 0 ? located.table.columns : Object.fromEntries(kept) },
    },
    release,
    rows,
    overEdits: true,
    ...(pin === undefined
      ? {}
      : { last: { table: located.table, fingerprint: undefined, rows: () => pinnedSource(pin, folder) } }),
  };
}

/** The columns of the kept rows. */
async function columnsIn(rows: RowSource): Promise<string[]> {
  for await (const { lines } of rows.lines()) {
    if (lines[0] !== undefined) return Object.keys(parseExactly(lines[0]) as object);
  }
  return [];
}
