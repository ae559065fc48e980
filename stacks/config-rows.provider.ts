import { existsSync } from "node:fs";
import { join } from "node:path";
import type { dynamic } from "@pulumi/pulumi";
import type { ClientBase } from "pg";
import type { LocatedTable } from "../rows/sql";
import { inProject } from "../rows/file";
import { fileSource, type FileSource } from "../rows/source";
import { keepRowFile } from "../records/row-files";
import { canonicalJson } from "../release/canonical";
import { rowsPath, type RowsDigest } from "../release/rows";
import type { AppliedTable, ConfigRowsInputs, ConfigRowsState, PinnedTable } from "./config-rows";
import { exportRows } from "../rows/export";
import { asAdministrator } from "../checks/administrator";
import { applyInTransaction, type TableChange } from "../rows/transaction";

/** Puts the pinned rows in. Rows that stand there with other values stop it. */
export async function create(inputs: ConfigRowsInputs): Promise<dynamic.CreateResult<ConfigRowsState>> {
  const applied = await apply(inputs, {});
  return { id: `${inputs.connection.database}.rows`, outs: { ...inputs, applied } };
}

/** What the engine asks of two versions; another database is another resource. */
export function diff(olds: ConfigRowsInputs, news: ConfigRowsInputs): Promise<dynamic.DiffResult> {
  const moved = olds.connection.database !== news.connection.database;
  const changed = canonicalJson(comparable(olds)) !== canonicalJson(comparable(news));
  return Promise.resolve({ changes: changed || moved, replaces: moved ? ["connection"] : [] });
}

/** Moves the rows of all tables from what was last applied to what is pinned, in one transaction. */
export async function update(
  olds: ConfigRowsState,
  news: ConfigRowsInputs,
): Promise<dynamic.UpdateResult<ConfigRowsState>> {
  return { outs: { ...news, applied: { ...olds.applied, ...(await apply(news, olds.applied)) } } };
}

/**
 * Whether the rows are as they were applied, so that a refresh sees drift. Rows that were edited are taken over: they
 * are written to a file of their own, and stand in the state by its digest.
 */
export async function read(id: string, props?: ConfigRowsState): Promise<dynamic.ReadResult<ConfigRowsState>> {
  if (props === undefined) throw new Error("rows are not imported: a release pins them");
  const entries = await connected(props, async (client) => {
    const found: [string, AppliedTable][] = [];
    for (const [name, applied] of Object.entries(props.applied)) {
      const rows = recordedSource(props, applied);
      // Rows that another machine applied cannot be compared here; the gate before the next change has them or says so.
      const live = rows && (await exportRows(client, located(name, applied), rows, props.records));
      found.push([name, live === undefined ? applied : takenOver(applied, live)]);
    }
    return found;
  });
  const applied = Object.fromEntries(entries);
  const tables = Object.entries(props.tables).map(([name, pinned]) => {
    const { digest, count, file } = applied[name] ?? pinned;
    return [name, { ...pinned, digest, count, file }] as const;
  });
  return { id, props: { ...props, applied, tables: Object.fromEntries(tables) } };
}

/** A table as it was found: what it was left with says nothing of it any more, its fingerprint neither. */
function takenOver({ schema, definition, release }: AppliedTable, live: RowsDigest & { readonly file: string }) {
  return { schema, definition, release, ...live };
}

/** What makes an update: where a row file lies, and which release it belongs to, does not. */
function comparable({ connection, password, tables }: ConfigRowsInputs): unknown {
  const rows = Object.entries(tables).map(([name, { schema, definition, digest, count }]) => [
    name,
    { schema, definition, digest, count },
  ]);
  return { connection, password, tables: Object.fromEntries(rows) as unknown };
}

async function apply(
  inputs: ConfigRowsInputs,
  before: ConfigRowsState["applied"],
): Promise<Record<string, AppliedTable>> {
  const names = Object.keys(inputs.tables).sort();
  if (names.length === 0) return {};
  const changes = names.flatMap((name): TableChange<FileSource>[] => {
    const pinned = inputs.tables[name];
    if (pinned === undefined) return [];
    const last = before[name];
    // The same table elsewhere is another table.
    const same = last?.schema === pinned.schema ? last : undefined;
    return [
      {
        located: located(name, pinned),
        release: pinned.release,
        rows: sourceOf(inputs, name, pinned),
        ...(same === undefined
          ? {}
          : {
              last: { table: same.definition, fingerprint: same.fingerprint, rows: () => sourceOf(inputs, name, same) },
            }),
      },
    ];
  });
  const fingerprints = await connected(inputs, (client) =>
    applyInTransaction(client, changes, () => {
      for (const { rows } of changes) keepRowFile(process.cwd(), inputs.records, rows);
    }),
  );
  return Object.fromEntries(
    Object.entries(inputs.tables).map(([name, pinned]) => {
      const fingerprint = fingerprints.get(name);
      return [name, fingerprint === undefined ? pinned : { ...pinned, fingerprint }];
    }),
  );
}

function located(name: string, { schema, definition }: PinnedTable): LocatedTable {
  return { schema, name, table: definition };
}

/** Rows by their digest: as they were kept when they were applied, or in the file that they came from. */
function recordedSource({ records }: ConfigRowsInputs, { digest, count, file }: PinnedTable): FileSource | undefined {
  const folder = process.cwd();
  const kept = rowsPath(records, digest);
  const known = { digest, count, file };
  if (existsSync(join(folder, kept))) return fileSource(join(folder, kept), kept, known);
  return existsSync(join(folder, file)) ? fileSource(inProject(folder, file), file, known) : undefined;
}

/** The same where nothing can be done without them. */
function sourceOf(inputs: ConfigRowsInputs, name: string, pinned: PinnedTable): FileSource {
  const source = recordedSource(inputs, pinned);
  if (source !== undefined) return source;
  const places = [...new Set([rowsPath(inputs.records, pinned.digest), pinned.file])].join(", ");
  throw new Error(`the rows ${pinned.digest} of ${name} are in none of ${places}; bring the file back and apply again`);
}

async function connected<T>(inputs: ConfigRowsInputs, act: (client: ClientBase) => Promise<T>): Promise<T> {
  return asAdministrator(inputs, async (client) => {
    // Refused where a process that a pooler handed on has had temporary tables; it is a matter of speed alone.
    await client.query("set temp_buffers = '64MB'").catch(() => undefined);
    return act(client);
  });
}

/** What the engine calls. */
export const provider: dynamic.ResourceProvider<ConfigRowsInputs, ConfigRowsState> = {
  create,
  diff: (_id, olds, news) => diff(olds, news),
  update: (_id, olds, news) => update(olds, news),
  read,
  // A release that no longer names a table leaves its rows alone: they are the customer's.
  delete: () => Promise.resolve(),
};
