import { spawn } from "node:child_process";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { environment, lastWords, programsIn } from "../programs";
import { connected, conninfo, type Server } from "../server";

/** The programs of PostgreSQL that dumps need. */
export const programs = ["pg_dump", "pg_restore"] as const;

/** Where a database is, and the folder of PostgreSQL's programs; the PATH unless said. */
export interface DumpPlace {
  readonly server: Server;
  readonly programs?: string | undefined;
}

/** How many rows each table has, by its name with its schema, quoted where it must be. */
export type RowCounts = Readonly<Record<string, number>>;

/** What objects each role owns, by the role: `table app.t`. */
export type Owners = Record<string, string[]>;

/** An extension of a database, and the schema that its objects lie in. */
export interface Extension {
  readonly name: string;
  readonly schema: string;
}

/** What a dump holds. Who owns what is not read from the dump: nobody who is asked to open it is believed with that. */
export interface Held {
  readonly rows: RowCounts;
  /** Left out in backups that were made before they said it. */
  readonly owners?: Owners;
  readonly extensions?: Extension[];
}

/**
 * Dumps a database in pg_dump's custom format, and counts its rows at the same moment.
 * @param write takes the dump as it comes
 * @throws Error in one line for people
 */
export async function dumpDatabase(
  { server, programs: folder }: DumpPlace,
  write: (dump: AsyncIterable<Buffer>) => Promise<void>,
  signal?: AbortSignal,
): Promise<Held> {
  const program = join(programsIn(folder, programs), "pg_dump");
  return connected(server, async (client) => {
    await client.query("begin transaction isolation level repeatable read, read only");
    // A policy would run functions of others with our rights; with this it is an error, as pg_dump has it.
    await client.query("set local row_security = off");
    const { rows } = await client.query<{ snapshot: string }>("select pg_export_snapshot() as snapshot");
    const args = [...connection(server), "--format=custom", `--snapshot=${rows[0]?.snapshot ?? ""}`];
    // The rows are counted while the dump is written: both see one moment.
    const held = async (): Promise<Held> => ({
      owners: await ownersIn(client),
      extensions: await extensionsIn(client),
      rows: await countRows(client),
    });
    return (await Promise.all([held(), streamed(program, args, server, write, signal)]))[0];
  });
}

/** Where a program connects to. */
export const connection = ({ host, port, user, database }: Server): string[] => [
  ...["--host", host, "--port", String(port), "--username", user, "--dbname", conninfo(database), "--no-password"],
];
/** The variables of such a program: passwords stand in no argument. */
export const variables = ({ password, sslmode }: Server): NodeJS.ProcessEnv =>
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

/** The extensions of a database, but for the language that every new one has. */
export async function extensionsIn(client: ClientBase): Promise<Extension[]> {
  const { rows } = await client.query<Extension>(
    `select extname as name, nspname as schema from pg_extension e join pg_namespace n on n.oid = extnamespace
     where extname <> 'plpgsql' order by 1`,
  );
  return rows;
}

/** The catalogues of what has an owner: its own, and the name of the column. */
const owned: readonly (readonly [catalogue: string, owner: string, condition?: string])[] = [
  ["pg_namespace", "nspowner"],
  ["pg_class", "relowner", "relkind in ('r', 'v', 'm', 'S', 'f', 'p')"],
  ["pg_proc", "proowner"],
  ["pg_type", "typowner", "not exists (select from pg_type e where e.typarray = o.oid)"],
  ["pg_collation", "collowner"],
  ["pg_conversion", "conowner"],
  ["pg_operator", "oprowner"],
  ["pg_opclass", "opcowner"],
  ["pg_opfamily", "opfowner"],
  ["pg_ts_dict", "dictowner"],
  ["pg_ts_config", "cfgowner"],
  ["pg_statistic_ext", "stxowner"],
  ["pg_foreign_data_wrapper", "fdwowner"],
  ["pg_foreign_server", "srvowner"],
  ["pg_language", "lanowner"],
  ["pg_largeobject_metadata", "lomowner"],
];

/** Who owns what in a database, but for what extensions have. The first oid of what is not PostgreSQL's own is 16384. */
async function ownersIn(client: ClientBase): Promise<Owners> {
  const each = owned.map(
    ([catalogue, owner, condition = "true"]) =>
      // Of large objects PostgreSQL says that they are of the catalogue of their bytes.
      `select '${catalogue.replace("_metadata", "")}'::regclass::oid as classid, o.oid as objid, o.${owner} as owner
       from ${catalogue} o where (o.oid >= 16384 or '${catalogue}'::regclass::oid = 'pg_namespace'::regclass) and ${condition}`,
  );
  const { rows } = await client.query<{ owner: string; objects: string[] }>(
    `select pg_get_userbyid(owner) as owner, array_agg(i.type || ' ' || i.identity order by i.type, i.identity) as objects
     from (${each.join(" union all ")}) o, pg_identify_object(classid, objid, 0) i
     where i.identity is not null and coalesce(i.schema, '') !~ '^pg_' and i.identity !~ '^(pg_|information_schema)'
       and not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.objid and d.deptype = 'e')
     group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map(({ owner, objects }) => [owner, objects]));
}
