import { escapeIdentifier, escapeLiteral, type ClientBase, type QueryConfig } from "pg";
import { connected, type Server } from "../server";

/** Databases are made and renamed from another one. */
export const maintenance = (server: Server): Server => ({ ...server, database: "postgres" });

/** Drops a database that nobody else knows of. */
export async function dropDatabase(server: Server, name: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    await client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
  });
}

/**
 * Puts a restored database into the place of the one that it is of, in one transaction: sessions are ended, and
 * one that comes meanwhile waits and then finds the restored database.
 * @param kept what the one that was there is called from now on
 */
export async function swapDatabase(server: Server, restored: string, kept: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    await grantAlike(client, server.database, restored);
    const ending = setInterval(() => void endSessions(server, [server.database, restored]), 100);
    try {
      await client.query("begin");
      await client.query(`alter database ${escapeIdentifier(server.database)} rename to ${escapeIdentifier(kept)}`);
      await client.query(`alter database ${escapeIdentifier(restored)} rename to ${escapeIdentifier(server.database)}`);
      await client.query("commit");
    } finally {
      clearInterval(ending);
    }
  });
}

/** A database that is being renamed lets nobody in, and waits for who is in it to leave. */
async function endSessions(server: Server, databases: readonly string[]): Promise<void> {
  await connected(maintenance(server), (client) =>
    client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid()",
      [databases],
    ),
  ).catch(() => undefined);
}

/** The settings whose value is a list of names. */
const lists: ReadonlySet<string> = new Set([
  "search_path",
  "temp_tablespaces",
  "local_preload_libraries",
  "session_preload_libraries",
  "shared_preload_libraries",
  "unix_socket_directories",
]);

/**
 * The value of a setting as SQL. A list is taken apart and each of its names quoted again, as pg_dumpall does: a role
 * that may set it chose its text, and a text that was set `from current` was never quoted.
 * @throws Error where the text is no list
 */
export function settingSql(name: string, value: string): string {
  if (!lists.has(name.toLowerCase())) return escapeLiteral(value);
  const names = namesIn(value);
  if (names === undefined)
    throw new Error(`the setting ${name} is no list of names: ${JSON.stringify(value.slice(0, 100))}`);
  return names.length === 0 ? "''" : names.map((each) => escapeLiteral(each)).join(", ");
}

/** The names in a list as PostgreSQL reads it: apart by commas, with blanks around them, in double quotes where need be. */
function namesIn(value: string): string[] | undefined {
  const names: string[] = [];
  const name = /\s*(?:"((?:[^"]|"")*)"|([^\s,"][^\s,]*))\s*(,|$)/y;
  if (value.trim() === "") return [];
  for (;;) {
    const found = name.exec(value);
    if (found === null) return undefined;
    names.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? "");
    if (found[3] === "") return names;
  }
}

/** A dump has the rights and settings of all that is in a database, and not those of the database itself. */
async function grantAlike(client: ClientBase, from: string, to: string): Promise<void> {
  const { rows: rights } = await client.query<{ sql: string }>(
    `select format('grant %s on database %I to %s%s', privilege_type, $2::text,
       case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
       case when is_grantable then ' with grant option' else '' end) as sql
     from pg_database, aclexplode(datacl) where datname = $1 and datacl is not null`,
    [from, to],
  );
  const { rows: settings } = await client.query<{ role: string | null; name: string; value: string }>(
    `select case when setrole = 0 then null else pg_get_userbyid(setrole) end as role,
       split_part(each, '=', 1) as name, substr(each, strpos(each, '=') + 1) as value
     from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) each
     where d.datname = $1`,
    [from],
  );
  const statements = settings.map(({ role, name, value }) => {
    const whose =
      role === null
        ? `database ${escapeIdentifier(to)}`
        : `role ${escapeIdentifier(role)} in database ${escapeIdentifier(to)}`;
    return `alter ${whose} set ${escapeIdentifier(name)} to ${settingSql(name, value)}`;
  });
  // Without a list of rights of its own everybody may connect; with one only those whom it names.
  const usual =
    rights.length > 0 ? "revoke all on database % from public" : "grant connect, temporary on database % to public";
  const all = [usual.replace("%", () => escapeIdentifier(to)), ...rights.map(({ sql }) => sql), ...statements];
  for (const sql of all) await client.query(oneStatement(sql));
}

/** The extended protocol takes one statement, whatever a text says. */
export const oneStatement = (text: string): QueryConfig => ({ text, queryMode: "extended" }) as QueryConfig;
