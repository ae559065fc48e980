import { readFileSync } from "node:fs";
import type { Client, ClientConfig } from "pg";
import { connect, onlyReading, type SessionSettings } from "../rows/session";

/** How to reach a server of which base backups are taken. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslmode: "disable" | "require" | "verify-full";
}

/** What a server says of itself. */
export interface ServerFacts {
  readonly major: number;
  /** Tells one cluster from every other, through all its copies. */
  readonly system: string;
  /** The server's own clock, ISO 8601. */
  readonly now: string;
  readonly inRecovery: boolean;
  readonly archiving: boolean;
}

/** Runs something on a connection of its own, closed afterwards. */
export async function connected<T>(
  { sslmode, ...server }: Server,
  work: (client: Client) => Promise<T>,
  { settings, ...more }: ClientConfig & { readonly settings?: SessionSettings } = {},
): Promise<T> {
  const ssl = sslOf(sslmode);
  const usual = { connectionTimeoutMillis: 10_000, application_name: "rewind" };
  const client = await connect({ ...server, ssl, ...usual, ...more }, settings);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Asks a server what it is. It is only ever asked. */
export async function factsOf(server: Server, within = 5_000): Promise<ServerFacts> {
  const ask = async (client: Client): Promise<ServerFacts> => {
    const { rows } = await client.query<Omit<ServerFacts, "now"> & { now: Date }>(
      `select current_setting('server_version_num')::int / 10000 as major,
              (select system_identifier::text from pg_control_system()) as system,
              now() as now, pg_is_in_recovery() as "inRecovery",
              current_setting('archive_mode') <> 'off' as archiving`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the server says nothing of itself");
    return { ...row, now: row.now.toISOString() };
  };
  return connected(server, ask, { connectionTimeoutMillis: within, query_timeout: within, settings: onlyReading });
}

/** As the probes have it: `verify-full` believes the authorities that PGSSLROOTCERT names, or else Node's own. */
function sslOf(mode: Server["sslmode"]): false | { rejectUnauthorized: boolean; ca?: string } {
  if (mode === "disable") return false;
  const authorities = process.env.PGSSLROOTCERT;
  if (mode === "require" || !authorities) return { rejectUnauthorized: mode === "verify-full" };
  return { rejectUnauthorized: true, ca: readFileSync(authorities, "utf8") };
}

/** A database as PostgreSQL's programs take it. They take a name with `=` or `://` in it for a whole connection string. */
export function conninfo(database: string): string {
  return /^[\w-]+$/.test(database) ? database : `dbname='${database.replaceAll(/['\\]/g, "\\$&")}'`;
}
