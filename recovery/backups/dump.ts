import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { escapeIdentifier, escapeLiteral, type Client, type ClientBase } from "pg";
import { environment, lastWords, programsIn, run } from "../programs";
import { clientOf, type Server } from "../server";

/** The programs of PostgreSQL that dumps need. */
const programs = ["pg_dump", "pg_restore"] as const;

/** Where a database is, and the folder of PostgreSQL's programs; the PATH unless said. */
export interface DumpPlace {
  readonly server: Server;
  readonly programs?: string | undefined;
}

/** How many rows each table has, by its name with its schema, quoted where it must be. */
export type RowCounts = Readonly<Record<string, number>>;

/**
 * Dumps a database in pg_dump's custom format, and counts its rows at the same moment.
 * @param write takes the dump as it comes
 * @throws Error in one line for people
 */
export async function dumpDatabase(
  { server, programs: folder }: DumpPlace,
  write: (dump: AsyncIterable<Buffer>) => Promise<void>,
  signal?: AbortSignal,
): Promise<RowCounts> {
  const program = join(programsIn(folder, programs), "pg_dump");
  return connected(server, async (client) => {
    await client.query("begin transaction isolation level repeatable read, read only");
    const { rows } = await client.query<{ snapshot: string }>("select pg_export_snapshot() as snapshot");
    const args = [...connection(server), "--format=custom", `--snapshot=${rows[0]?.snapshot ?? ""}`];
    // The rows are counted while the dump is written: both see one moment.
    const [counts] = await Promise.all([countRows(client), streamed(program, args, server, write, signal)]);
    return counts;
  });
}

/** Runs something on a connection of its own, closed afterwards. */
export async function connected<T>(server: Server, work: (client: Client) => Promise<T>): Promise<T> {
  const client = clientOf(server);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const connection = ({ host, port, user, database }: Server): string[] => [
  ...["--host", host, "--port", String(port), "--username", user, "--dbname", database, "--no-password"],
];
const variables = ({ password, sslmode }: Server): NodeJS.ProcessEnv =>
  environment({ PGPASSWORD: password, PGSSLMODE: sslmode });

async function streamed(
  program: string,
  args: readonly string[],
  server: Server,
  write: (output: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const child = spawn(program, args, {
    env: variables(server),
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === undefined ? {} : { signal }),
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      resolve(status ?? -1);
    });
  });
  try {
    const [code] = await Promise.all([ended, write(child.stdout)]);
    if (code !== 0) throw new Error(`pg_dump ended with ${code}: ${lastWords(said)}`);
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** Every row of every table that a dump has: those of extensions are the extensions' own. */
export async function countRows(client: ClientBase): Promise<RowCounts> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by 1`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await client.query<{ count: string }>(`select count(*) from only ${name}`);
    counts[name] = Number(rows[0]?.count);
  }
  return counts;
}

/**
 * Restores a dump into a new database beside the one that it is of, and counts its rows.
 * @returns the name of the new database; whoever asked drops it, or puts it into the place of the other
 * @throws Error in one line for people; the new database is gone then
 */
export async function restoreBeside(
  { server, programs: folder }: DumpPlace,
  dump: string,
  expected: RowCounts | undefined,
  signal?: AbortSignal,
): Promise<string> {
  const program = join(programsIn(folder, programs), "pg_restore");
  const beside = `rewind_scratch_${randomBytes(6).toString("hex")}`;
  await createLike(server, beside);
  const there = { ...server, database: beside };
  try {
    await run(program, [...connection(there), "--exit-on-error", dump], {
      env: variables(server),
      ...(signal === undefined ? {} : { signal }),
    });
    const counts = await connected(there, countRows);
    const wrong = expected === undefined ? [] : differences(expected, counts);
    if (wrong.length > 0) throw new Error(`the dump does not hold what was counted: ${wrong.slice(0, 5).join("; ")}`);
    return beside;
  } catch (error) {
    await dropDatabase(server, beside);
    throw error;
  }
}

function differences(expected: RowCounts, counts: RowCounts): string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(counts)])].sort();
  return names.flatMap((name) =>
    expected[name] === counts[name] ? [] : [`${name} has ${counts[name] ?? "no"} rows, not ${expected[name] ?? "any"}`],
  );
}

/** Databases are made and renamed from another one. */
const maintenance = (server: Server): Server => ({ ...server, database: "postgres" });

/** Drops a database that nobody else knows of. */
export async function dropDatabase(server: Server, name: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    await client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`);
  });
}

interface DatabaseRow {
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** `c` is the C library's, `i` is ICU's. */
  readonly provider: string | null;
  readonly locale: string | null;
}

/** Makes an empty database with the owner, encoding, collation, settings and rights of another. */
async function createLike(server: Server, name: string): Promise<void> {
  await connected(maintenance(server), async (client) => {
    const { rows } = await client.query<DatabaseRow>(
      // What the columns of collations are called differs between versions of the server.
      `select pg_get_userbyid(datdba) as owner, pg_encoding_to_char(encoding) as encoding,
         datcollate as collate, datctype as ctype, to_jsonb(d) ->> 'datlocprovider' as provider,
         coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale
       from pg_database d where datname = $1`,
      [server.database],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no database ${server.database}`);
    const { owner, encoding, collate, ctype, provider, locale } = row;
    const icu = provider === "i" && locale !== null ? ` locale_provider icu icu_locale ${escapeLiteral(locale)}` : "";
    await client.query(
      `create database ${escapeIdentifier(name)} owner ${escapeIdentifier(owner)} template template0
       encoding ${escapeLiteral(encoding)} lc_collate ${escapeLiteral(collate)} lc_ctype ${escapeLiteral(ctype)}${icu}`,
    );
  });
}

/**
 * Puts a restored database into the place of the one that it is of, in one transaction: sessions are ended, and whoever
 * comes meanwhile waits and then finds the restored one.
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

/** The settings whose value is a list of names, each quoted already where it must be. */
const lists = ["search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"];

/** A dump has the rights and settings of all that is in a database, and not those of the database itself. */
async function grantAlike(client: ClientBase, from: string, to: string): Promise<void> {
  const { rows: rights } = await client.query<{ sql: string }>(
    `select format('grant %s on database %I to %s%s', privilege_type, $2::text,
       case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
       case when is_grantable then ' with grant option' else '' end) as sql
     from pg_database, aclexplode(datacl) where datname = $1 and datacl is not null`,
    [from, to],
  );
  const { rows: settings } = await client.query<{ sql: string }>(
    `select format('alter %s set %I to %s',
       case when setrole = 0 then format('database %I', $2::text)
         else format('role %I in database %I', pg_get_userbyid(setrole), $2::text) end,
       split_part(each, '=', 1),
       case when split_part(each, '=', 1) = any($3) then substr(each, strpos(each, '=') + 1)
         else quote_literal(substr(each, strpos(each, '=') + 1)) end) as sql
     from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) each
     where d.datname = $1`,
    [from, to, lists],
  );
  // Without a list of rights of its own everybody may connect; with one only whoever it names.
  if (rights.length > 0) await client.query(`revoke all on database ${escapeIdentifier(to)} from public`);
  for (const { sql } of [...rights, ...settings]) await client.query(sql);
}
