import type { ClientBase, Pool } from "pg";
import type { PlannedStep } from "../release/migration-plan";
import { ownSchema } from "../rows/own-tables";
import { foreignCode, shadowingCode } from "../rows/trust";

/**
 * What stands in the way of running migrations as the administrator: a table that they name and that would run code of a
 * role that is not trusted, and functions or operators of such a role that would be found in the place of others.
 *
 * The text is not understood, only its words are: a table that is named in a comment counts, one whose name a migration
 * puts together while it runs does not.
 *
 * @param application the schema in which migrations look names up
 */
export async function migrationCode(
  client: Pool | ClientBase,
  steps: readonly PlannedStep[],
  application: string,
): Promise<string[]> {
  const texts = steps.flatMap(({ file, direction }) => file[direction]?.sql ?? []);
  if (texts.length === 0) return [];
  const problems = new Set(await shadowingCode(client, application));
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select nspname as schema, relname as name from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = relnamespace
     where relkind in ('r', 'p', 'v', 'm', 'f') and nspname !~ '^pg_' and nspname not in ('information_schema', $1)
     order by 1, 2`,
    [ownSchema],
  );
  const words = new Set(texts.flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}_$]+/u)));
  const isNamed = (name: string): boolean =>
    words.has(name.toLowerCase()) || (/[^\p{L}\p{N}_$]/u.test(name) && texts.some((text) => text.includes(name)));
  for (const located of rows) {
    if (!isNamed(located.name)) continue;
    for (const problem of await foreignCode(client, located)) problems.add(problem);
  }
  return [...problems];
}
