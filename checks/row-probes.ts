import type { Settings } from "../release/parse";
import type { Duration } from "../release/primitives";
import type { LocatedTable } from "./row-sql";

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
