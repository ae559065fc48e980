import { randomBytes } from "node:crypto";
import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { qualified, type LocatedTable } from "./sql";
import { deferredForeignCode, givenPath, isTrusted, refuseForeignCode } from "./trust";

/** Runs a statement that answers one text. */
export type Run = (sql: string) => Promise<string | null>;

/** Where names are looked up by the session's own statements, and by those that run as another role. */
interface Paths {
  readonly own: string;
  readonly given: string;
}

/** The session's own path as it is, but that a temporary object that a trigger has made is found last of all. */
async function pathsOf(client: ClientBase): Promise<Paths> {
  const { rows } = await client.query<Paths>(
    `select concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), ''), 'pg_temp') as own,
       coalesce(nullif(current_setting('${givenPath}', true), ''), current_setting('search_path')) as given`,
  );
  return rows[0] ?? { own: "pg_catalog, pg_temp", given: "" };
}

/** By a statement that looks nothing up itself. */
const lookUp = (client: ClientBase, path: string) =>
  client.query(`set local search_path = ${path === "" ? "''" : path}`);

/**
 * Works on a table with no more rights than its owner has. Where the owner is trusted that is the session's role itself, and
 * a table that runs code of others is refused. Where it is not, every statement runs inside a temporary function with the
 * owner's rights, in which PostgreSQL refuses every change of the role: `set role` could be undone by a trigger.
 *
 * @param client in a transaction that is read committed: it must see what others have done until the table is locked
 * @param work gets the runner and the owner's name, undefined where the session's role itself works
 */
export async function workingOn<T>(
  client: ClientBase,
  located: Pick<LocatedTable, "schema" | "name">,
  work: (run: Run, owner: string | undefined) => Promise<T>,
): Promise<T> {
  const paths = await pathsOf(client);
  await lookUp(client, paths.own);
  // Nobody adds a trigger, puts another table in its place or writes to it from here on.
  await client.query(`lock table ${qualified(located)} in share row exclusive mode`);
  const { rows } = await client.query<{ owner: string; trusted: boolean }>(
    `select rolname as owner, ${isTrusted("r.oid")} as trusted from pg_catalog.pg_class c
     join pg_catalog.pg_roles r on r.oid = relowner where c.oid = pg_catalog.to_regclass($1)`,
    [qualified(located)],
  );
  const { owner = "", trusted = false } = rows[0] ?? {};
  if (trusted) {
    await refuseForeignCode(client, located);
    return work(async (sql) => textOf(await client.query<string[]>({ text: sql, rowMode: "array" })), undefined);
  }
  const result = await work((sql) => runAs(client, owner, sql, paths), owner);
  // What is deferred runs at the end of the transaction, with the rights of the session.
  const deferred = await deferredForeignCode(client);
  if (deferred.length > 0) throw new Error(deferred.join("; "));
  return result;
}

/** Each statement gets a function of its own: one that its owner has changed meanwhile is never called. */
async function runAs(client: ClientBase, owner: string, sql: string, paths: Paths): Promise<string | null> {
  const name = `pg_temp.rewind_${randomBytes(12).toString("hex")}`;
  await client.query(
    `create function ${name}() returns text language plpgsql security definer as ${escapeLiteral(
      `declare answer text; begin execute ${escapeLiteral(sql)} into answer; return answer; end`,
    )}`,
  );
  await client.query(`alter function ${name}() owner to ${escapeIdentifier(owner)}`).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `cannot work as ${owner}, who owns the table: ${reason}; grant ${escapeIdentifier(owner)} to the administrator, and temporary on the database to ${escapeIdentifier(owner)}`,
      { cause: error },
    );
  });
  await lookUp(client, paths.given);
  const answer = textOf(await client.query<string[]>({ text: `select ${name}()`, rowMode: "array" }));
  await lookUp(client, paths.own);
  return answer;
}

function textOf({ rows }: { readonly rows: readonly (readonly (string | null)[])[] }): string | null {
  return rows[0]?.[0] ?? null;
}
