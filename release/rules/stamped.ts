import type { Settings } from "../parse";
import { quote } from "../primitives";
import type { Problem } from "../problems";
import { inlineRows, keyOf } from "../rows";
import type { Stamps } from "../schema/stamped";
import { has, listed, problem, type Rule } from "./rule";

/** A table whose rows releases pin is no place to clean up by hand. */
export const stampedTablesAreApart: Rule = ({ environment }) => {
  const { database } = environment;
  if (database === undefined) return [];
  const pinned = new Set(
    Object.entries(database.tables).map(([name, { schema = database.schema }]) => `${schema}.${name}`),
  );
  return Object.entries(database.stamped ?? {}).flatMap(([name, { schema = database.schema, table = name }]) =>
    pinned.has(`${schema}.${table}`)
      ? [problem(["environment", "database", "stamped", name], `releases pin the rows of ${schema}.${table}`)]
      : [],
  );
};

/** A table and a pinned row must be there, and the row must say a version. */
export function stampsProblems(
  { environment, pinned }: Pick<Settings, "environment" | "pinned">,
  { of, pinned: { table: name, key, column = "value" } }: Stamps,
  at: readonly PropertyKey[],
): Problem[] {
  const { stamped = {}, tables = {} } = environment.database ?? {};
  const unknown = has(stamped, of)
    ? []
    : [problem([...at, "of"], `no stamped table ${quote(of)}; the environment has ${listed(Object.keys(stamped))}`)];
  const table = has(tables, name) ? tables[name] : undefined;
  const rows = inlineRows(pinned.facets.config[name]);
  const row = table === undefined ? undefined : rows?.find((each) => keyOf(each, table) === key);
  if (row === undefined) {
    const where = has(pinned.facets.config, name) && rows === undefined ? " of its own; its rows are in a file" : "";
    return [...unknown, problem([...at, "pinned"], `the pinned release has no row ${name}/${key}${where}`)];
  }
  return typeof row[column] === "string"
    ? unknown
    : [...unknown, problem([...at, "pinned"], `${name}/${key} has no text in ${column} that names a version`)];
}
