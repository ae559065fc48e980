import { readFileSync } from "node:fs";
import { Client, type ClientConfig } from "pg";

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

/** A client for a server, not connected yet. A connection that breaks is the next query's error. */
export function clientOf({ sslmode, ...server }: Server, more: ClientConfig = {}): Client {
  const client = new Client({
    ...server,
    ssl: sslOf(sslmode),
    connectionTimeoutMillis: 10_000,
    application_name: "rewind",
    ...more,
  });
  client.on("error", () => undefined);
  return client;
}

/** Asks a server what it is. It is only ever asked. */
export async function factsOf(server: Server, within = 5_000): Promise<ServerFacts> {
  const client = clientOf(server, {
    connectionTimeoutMillis: within,
    query_timeout: within,
    options: "-c default_transaction_read_only=on",
  });
  try {
    await client.connect();
    const { rows } = await client.query<Omit<ServerFacts, "now"> & { now: Date }>(
      `select current_setting('server_version_num')::int / 10000 as major,
              (select system_identifier::text from pg_control_system()) as system,
              now() as now, pg_is_in_recovery() as "inRecovery",
              current_setting('archive_mode') <> 'off' as archiving`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("the server says nothing of itself");
    return { ...row, now: row.now.toISOString() };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** As the probes have it: `verify-full` believes the authorities that PGSSLROOTCERT names, or else Node's own. */
function sslOf(mode: Server["sslmode"]): false | { rejectUnauthorized: boolean; ca?: string } {
  if (mode === "disable") return false;
  const authorities = process.env.PGSSLROOTCERT;
  if (mode === "require" || !authorities) return { rejectUnauthorized: mode === "verify-full" };
  return { rejectUnauthorized: true, ca: readFileSync(authorities, "utf8") };
}
