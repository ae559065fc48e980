import type { Settings } from "./parse";
import { rowPath } from "./property-path";
import { inlineRows, keyOf } from "./rows";

/**
 * What a check may ask of the pin: `release`, or `config.TABLE.KEY.COLUMN` for a value of a row that stands in the release
 * itself.
 * @returns the value as text, undefined when the pin has none
 */
export function pinnedValue(
  { pinned, environment }: Pick<Settings, "pinned" | "environment">,
  variable: string,
): string | undefined {
  if (variable === "release") return pinned.release;
  const path = rowPath(variable);
  const known = path === undefined ? undefined : environment.database?.tables[path.table];
  if (path === undefined || known === undefined) return undefined;
  const { table, key, column } = path;
  const value = inlineRows(pinned.facets.config[table])?.find((row) => keyOf(row, known) === key)?.[column];
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
