import { readFileSync } from "node:fs";
import type { Client, ClientConfig, QueryResultRow } from "pg";
import { textOf, type Bag } from "../schema";

/** What statements need: run them, and quote what comes from outside. */
export interface Session {
  readonly run: (text: string, values?: unknown[]) => Promise<QueryResultRow[]>;
  /** `text` as an identifier. */
  readonly name: (text: string) => string;
  /** `text` as a literal, for statements that take no parameters. */
  readonly literal: (text: string) => string;
  readonly user: string;
}

/** Runs work in a database; `change` does so one after the other, because catalogue rows do not bear two writers. */
export interface Sessions {
  readonly read: <T>(database: string | undefined, work: (session: Session) => Promise<T>) => Promise<T>;
  readonly change: <T>(database: string | undefined, work: (session: Session) => Promise<T>) => Promise<T>;
}

/** Sessions on the server that the provider's settings name; a connection lives no longer than the work. */
export function sessionsFor(settings: () => ClientConfig): Sessions {
  let last: Promise<unknown> = Promise.resolve();
  // An idle connection would keep its database from being dropped or used as a template.
  const read = async <T>(database: string | undefined, work: (session: Session) => Promise<T>): Promise<T> => {
    const { default: pg } = await import("pg");
    const config = settings();
    const client = new pg.Client({ ...config, ...(database === undefined ? {} : { database }) });
    // A connection that breaks between two statements reports here; the next statement then says why.
    client.on("error", () => undefined);
    await client.connect().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`PostgreSQL at ${client.host}:${client.port}, database ${client.database ?? ""}: ${reason}`);
    });
    try {
      return await work(sessionOn(client));
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const change = <T>(database: string | undefined, work: (session: Session) => Promise<T>): Promise<T> => {
    const turn = last.then(() => read(database, work));
    last = turn.catch(() => undefined);
    return turn;
  };
  return { read, change };
}

function sessionOn(client: Client): Session {
  return {
    run: async (text, values) => (await client.query(text, values)).rows as QueryResultRow[],
    name: (text) => client.escapeIdentifier(whole(text)),
    literal: (text) => client.escapeLiteral(whole(text)),
    user: client.user ?? "",
  };
}

/** The wire protocol ends a statement at the first zero byte: what stood after it, a condition say, would be lost. */
function whole(text: string): string {
  if (text.includes("\0")) throw new Error("a name or value with a zero byte is not for PostgreSQL");
  return text;
}

/** All statements of `work`, or none. */
export async function together<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run("BEGIN");
  try {
    const result = await work();
    await session.run("COMMIT");
    return result;
  } catch (error) {
    // The first error says what is wrong, whatever becomes of the rollback.
    await session.run("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** Whom to believe who the server is: the authorities in libpq's own file, or those that Node knows. */
function authorities({ PGSSLROOTCERT: file }: NodeJS.ProcessEnv): true | { ca: string } {
  return file === undefined || file === "" ? true : { ca: readFileSync(file, "utf8") };
}

/** Client options from the provider's settings, which arrive as texts, and the environment variables of libpq. */
export function clientConfig(settings: Bag, environment: NodeJS.ProcessEnv): ClientConfig {
  const setting = (key: string, variable: string, otherwise: string): string => {
    const value = settings[key];
    return value === undefined || value === null || value === "" ? (environment[variable] ?? otherwise) : textOf(value);
  };
  const mode = setting("sslmode", "PGSSLMODE", setting("sslMode", "PGSSLMODE", "prefer"));
  return {
    // As in the URL that upstream makes of it, where an IPv6 address stands in brackets.
    host: setting("host", "PGHOST", "localhost").replace(/^\[(.*)\]$/, "$1"),
    port: Number(setting("port", "PGPORT", "5432")),
    user: setting("username", "PGUSER", "postgres"),
    password: setting("password", "PGPASSWORD", ""),
    database: setting("database", "PGDATABASE", "postgres"),
    connectionTimeoutMillis: Number(setting("connectTimeout", "PGCONNECT_TIMEOUT", "180")) * 1000,
    application_name: "rewind local plugin",
    // Only verify-… checks the server's certificate; prefer and allow make do with plain text, which pg cannot try after.
    ssl: mode === "require" ? { rejectUnauthorized: false } : mode.startsWith("verify") && authorities(environment),
  };
}
