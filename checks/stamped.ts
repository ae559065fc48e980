import { escapeIdentifier, type ClientBase } from "pg";
import type { Settings } from "../release/parse";
import { column, qualified } from "../rows/sql";
import { refuseForeignReading } from "../rows/trust";

/** A table whose rows carry the version that made them, where it stands. */
export interface LocatedStamped {
  readonly schema: string;
  readonly name: string;
  readonly version: string;
  readonly created: string;
  readonly key: readonly string[];
  readonly show: readonly string[];
}

/** Which rows are meant. Times are ISO 8601; a row must have been made after, not at, the time. */
export interface StampedFilter {
  readonly madeBy?: string;
  readonly since?: string;
}

/** A stamped table of the environment; undefined when there is none of that name. */
export function locatedStamped({ environment }: Pick<Settings, "environment">, of: string): LocatedStamped | undefined {
  const { database } = environment;
  const stamped = database?.stamped;
  const found = stamped !== undefined && Object.hasOwn(stamped, of) ? stamped[of] : undefined;
  if (database === undefined || found === undefined) return undefined;
  const { schema = database.schema, table = of, version, created, key, show = [] } = found;
  return { schema, name: table, version, created, key, show };
}

/**
 * The condition under which a row of the table, called `t`, is meant, and its parameters.
 * @returns SQL with `$n`, names quoted
 */
export function condition(
  located: LocatedStamped,
  { madeBy, since }: StampedFilter,
): { readonly sql: string; readonly values: readonly string[] } {
  const values: string[] = [];
  const parts: string[] = [];
  if (madeBy !== undefined) parts.push(`${column("t", located.version)}::text = $${values.push(madeBy)}::text`);
  if (since !== undefined) parts.push(`${column("t", located.created)} > $${values.push(since)}::timestamptz`);
  return { sql: parts.length === 0 ? "true" : parts.join(" and "), values };
}

/** How many rows each version made, the busiest first; null where a row carries none. */
export async function countByVersion(
  client: ClientBase,
  located: LocatedStamped,
  filter: StampedFilter,
): Promise<{ version: string | null; count: number }[]> {
  await refuseForeignReading(client, located);
  const { sql, values } = condition(located, filter);
  const { rows } = await client.query<{ version: string | null; count: string }>(
    `select ${column("t", located.version)}::text as version, count(*) as count from ${qualified(located)} t
     where ${sql} group by 1 order by 2 desc, 1`,
    [...values],
  );
  return rows.map(({ version, count }) => ({ version, count: Number(count) }));
}

/** The newest rows as texts, by column: key, version, when made, and what the environment wants shown. */
export async function newestRows(
  client: ClientBase,
  located: LocatedStamped,
  filter: StampedFilter,
  limit: number,
): Promise<Record<string, string | null>[]> {
  await refuseForeignReading(client, located);
  const { sql, values } = condition(located, filter);
  const shown = [...new Set([...located.key, ...located.show, located.version, located.created])];
  const order = [`${column("t", located.created)} desc`, ...located.key.map((name) => column("t", name))];
  const texts = shown.map((name) => `${textOf(located, name)} as ${escapeIdentifier(name)}`);
  const { rows } = await client.query<Record<string, string | null>>(
    `select ${texts.join(", ")} from ${qualified(located)} t
     where ${sql} order by ${order.join(", ")} limit $${values.length + 1}::bigint`,
    [...values, limit],
  );
  return rows;
}

/** Times as everybody writes them, whatever the type of the column is. */
function textOf({ created }: LocatedStamped, name: string): string {
  return name === created
    ? `to_char(${column("t", name)}::timestamptz, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    : `${column("t", name)}::text`;
}
