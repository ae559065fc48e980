import type { Client } from "pg";
import { connect, exactTexts } from "../rows/session";
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
  { connection: { sslmode, ...place }, password }: Access,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(
    {
      ...place,
      password,
      ssl: sslFor(sslmode),
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      application_name: "rewind",
    },
    exactTexts,
  );
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
