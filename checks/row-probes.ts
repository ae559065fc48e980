import type { Settings } from "../release/parse";
import type { Duration } from "../release/primitives";
import { rowsDigest, rowsPath, type RowsDigest } from "../release/rows";
import { recordsFolder } from "../release/schema/store";
import type { Clients } from "./clients";
import { asAdministrator } from "./administrator";
import type { Measurement, Probe } from "./probe";
import { RowFileError } from "../rows/file";
import { planRows } from "../rows/plan";
import { pinnedSource, recordedSource } from "../rows/source";
import type { LocatedTable } from "../rows/sql";
import { measureRowDrift, measureRowFile, type AppliedRows, type RowDigests } from "./rows";
import { counted } from "../release/text";

/** What the log knows of the rows of a state in which a stack may stand, by table. */
export interface KnownRows {
  readonly rows?: Readonly<Record<string, RowDigests>>;
  readonly tables?: Readonly<Record<string, RowsDigest>>;
  /** The last migration of that state. */
  readonly migration?: string;
}

/** A probe for every pinned row file: whether it is what was pinned, before anything is touched. */
export function rowFileProbes(settings: Settings, clients: Clients): Probe[] {
  return Object.entries(settings.pinned.facets.config).flatMap(([name, pinned]): Probe[] => {
    const located = locatedTable(settings, name);
    if (located === undefined || !("file" in pinned)) return [];
    const ask = (signal: AbortSignal) => measureRowFile(clients.project, pinned, located, signal);
    return [{ name: `row file ${name}`, factual: true, ...patience(pinned.count), ask }];
  });
}

/** A probe for every table of the given states: whether each of its rows is as one of them has it. */
export function rowDriftProbes(
  settings: Pick<Settings, "environment" | "releases" | "pinned">,
  clients: Clients,
  states: readonly KnownRows[],
): Probe[] {
  const names = new Set(
    states.flatMap(({ rows, tables }) => [...Object.keys(rows ?? {}), ...Object.keys(tables ?? {})]),
  );
  return [...names].flatMap((name): Probe[] => {
    const located = locatedTable(settings, name);
    if (located === undefined) return [];
    const ask = (signal: AbortSignal) => {
      const applied = states.map((state) => appliedRows(settings, clients, name, state));
      return measureRowDrift(clients.database(), located, applied, signal);
    };
    const count = Math.max(0, ...states.map(({ tables }) => tables?.[name]?.count ?? 0));
    return [{ name: `rows ${name}`, factual: true, ...patience(count), ask }];
  });
}

/**
 * A probe that holds the pinned rows against the tables as they are: whether the server reads each cell, whether a
 * constraint, a reference, row level security or a column's definition stands in the way. Tables whose rows stay as they
 * are have nothing to ask, and where migrations are to change the tables first, only the update itself can say; nothing is
 * changed or locked.
 */
export function rowPlanProbes(settings: Settings, clients: Clients, states: readonly KnownRows[]): Probe[] {
  const { database } = settings.environment;
  const tables = Object.entries(settings.pinned.facets.config).flatMap(([name, pinned]) => {
    const located = locatedTable(settings, name);
    const known = rowsDigest(pinned);
    const stays = states.length > 0 && states.every(({ tables }) => tables?.[name]?.digest === known.digest);
    return located === undefined || stays ? [] : [{ name, located, pinned, count: known.count }];
  });
  const { migration } = settings.pinned.facets.schema;
  const migrates =
    states.length === 0 ? migration !== undefined : states.some((state) => state.migration !== migration);
  if (database === undefined || tables.length === 0 || migrates) return [];
  const { host, port, name, administrator, sslmode = "disable" } = database;
  const ask = async (): Promise<Measurement> => {
    const planned = tables.map(({ name, located, pinned }) => ({
      located,
      rows: pinnedSource(pinned, clients.project),
      left: states.flatMap(({ tables }) => {
        const last = tables?.[name];
        const source = last === undefined ? undefined : recordedSource(settings, clients.project, last);
        return source === undefined ? [] : [source];
      }),
    }));
    const connection = { host, port, sslmode, user: administrator.user, database: name };
    try {
      const access = { connection, password: clients.secret(administrator.password) };
      const problems = await asAdministrator(access, (client) => planRows(client, planned));
      const words = `the rows fit into ${counted(planned.length, "table")}`;
      return problems.length === 0
        ? { result: "passed", evidence: words }
        : { result: "failed", evidence: problems.join("; ") };
    } catch (error) {
      if (error instanceof RowFileError) return { result: "failed", evidence: error.message };
      // Before the first deployment the database is not there.
      if ((error as { code?: string }).code !== "3D000") throw error;
      return { result: "passed", evidence: "the database is yet to be made" };
    }
  };
  const count = tables.reduce((sum, table) => sum + table.count, 0);
  return [{ name: "pinned rows", factual: true, ...patience(count), ask }];
}

/** The rows of a state; those of the pin itself need not have been applied to be at hand. */
function appliedRows(
  settings: Pick<Settings, "environment" | "releases" | "pinned">,
  clients: Clients,
  name: string,
  { rows, tables }: KnownRows,
): AppliedRows {
  const known = tables?.[name];
  if (known === undefined) return { digests: rows?.[name] ?? {} };
  const recorded = recordedSource(settings, clients.project, known);
  if (recorded !== undefined) return { rows: recorded };
  const pinned = settings.pinned.facets.config[name];
  if (pinned !== undefined && rowsDigest(pinned).digest === known.digest) {
    return { rows: pinnedSource(pinned, clients.project) };
  }
  const places = [rowsPath(recordsFolder(settings.environment.records), known.digest)];
  if (known.file !== undefined) places.push(known.file);
  throw new Error(`the rows applied last, ${known.digest}, are in none of ${places.join(", ")}; bring the file back`);
}

/** A table of the environment where it stands; undefined when the environment has none of that name. */
export function locatedTable({ environment }: Pick<Settings, "environment">, name: string): LocatedTable | undefined {
  const { database } = environment;
  const table = database !== undefined && Object.hasOwn(database.tables, name) ? database.tables[name] : undefined;
  return database === undefined || table === undefined
    ? undefined
    : { schema: table.schema ?? database.schema, name, table };
}

/** How long a probe that reads that many rows may take; a few rows take no time and get what all probes get. */
export function patience(count: number): { readonly timeout?: Duration; readonly deadline?: Duration } {
  if (count <= 1_000) return {};
  const seconds: Duration = `${Math.min(10 + Math.ceil(count / 1_000), 9_999)}s`;
  return { timeout: seconds, deadline: seconds };
}
