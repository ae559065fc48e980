import { Client } from "pg";
import { sslFor } from "./tls";

/** Where a database is, and who asks. */
export interface Access {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly sslmode: "disable" | "require" | "verify-full";
    readonly user: string;
    readonly database: string;
  };
  readonly password: string;
}

/** Runs something on a connection of its own, which may write, and closes it whatever happens. */
export async function asAdministrator<T>(
  { connection, password }: Access,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { host, port, user, database, sslmode } = connection;
  const client = new Client({
    host,
    port,
    user,
    database,
    password,
    ssl: sslFor(sslmode),
    connectionTimeoutMillis: 10_000,
    application_name: "rewind",
  });
  // A connection that breaks between two queries is the next query's error, not the process's end.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
