import type { ClientBase, Pool } from "pg";
import { qualified, type LocatedTable } from "./sql";
import { ForeignCode, foreignCode, openSchemas, untrustedRoles } from "./trust";

/** The schema of Rewind's own tables: nobody else may create in it or write to what is in it. */
export const ownSchema = "rewind";

/** Makes the schema of Rewind's own tables. @throws ForeignCode when another role may create in it */
export async function ensureOwnSchema(client: ClientBase): Promise<void> {
  await client.query(`create schema if not exists ${ownSchema}`);
  const { rows } = await client.query<{ creators: string }>(
    `select creators from (${openSchemas}) o where nspname = $1`,
    [ownSchema],
  );
  const [open] = rows;
  if (open === undefined) return;
  throw new ForeignCode([
    `${open.creators} may create in the schema ${ownSchema}, where Rewind's own tables are; look into what is there, then: alter schema ${ownSchema} owner to the administrator; revoke create on schema ${ownSchema} from ${open.creators}`,
  ]);
}

/**
 * Makes sure that a table in which Rewind keeps its books is written by Rewind alone and runs nothing of others.
 * @throws ForeignCode
 */
export async function refuseSharedTable(
  client: Pool | ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
): Promise<void> {
  const problems = await foreignCode(client, located);
  const may = (role: string): string =>
    `(has_table_privilege(${role}, to_regclass($1), 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
      or has_any_column_privilege(${role}, to_regclass($1), 'INSERT, UPDATE'))`;
  const { rows } = await client.query<{ writers: string | null }>(
    `select case when ${may("'public'::name")} then 'public' else (
       select string_agg(quote_ident(rolname), ', ' order by rolname) from (${untrustedRoles}) r where ${may("r.oid")}) end as writers`,
    [qualified(located)],
  );
  const writers = rows[0]?.writers ?? undefined;
  if (writers !== undefined) {
    problems.push(
      `${writers} may write to ${qualified(located)}, in which Rewind keeps its books; revoke insert, update, delete, truncate, trigger on ${qualified(located)} from ${writers}`,
    );
  }
  if (problems.length > 0) throw new ForeignCode(problems);
}
