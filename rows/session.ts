import { Client, escapeIdentifier, escapeLiteral, Pool, type ClientBase, type ClientConfig, type PoolConfig } from "pg";
import { checkPooler } from "./pooler";
import { safePath } from "./trust";

/** Settings of a session, by PostgreSQL's own names. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * The settings under which values are read and written as texts: whatever the server's own are, a text means the same
 * here as in a row file.
 */
export const exactTexts: SessionSettings = {
  timezone: "UTC",
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmloption: "content",
};

/** The setting of a session that only ever looks. */
export const onlyReading: SessionSettings = { default_transaction_read_only: "on" };

/** The statements that make these the settings of a session. */
export function settingsSql(settings: SessionSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `set ${escapeIdentifier(name)} = ${value.split(", ").map(escapeLiteral).join(", ")}`)
    .join("; ");
}

/**
 * A connection with settings of its own; the caller closes it. They are set after connecting: poolers refuse startup
 * parameters that they do not keep track of. A connection that breaks is the next query's error, not the process's end.
 * @throws SharedSessions
 */
export async function connect(config: ClientConfig, settings: SessionSettings = {}): Promise<Client> {
  const client = new Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    await settle(client, config, settings);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** A pool of such connections. */
export function poolOf(config: PoolConfig, settings: SessionSettings): Pool {
  const ready = (client: ClientBase): unknown => settle(client, config, settings);
  const pool = new Pool({ ...config, onConnect: ready });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

async function settle(client: ClientBase, config: ClientConfig, settings: SessionSettings): Promise<void> {
  // Before anything is set: what is set in a shared session stays there for others.
  await checkPooler(client, config);
  const sql = settingsSql(settings);
  if (sql !== "") await client.query(`${sql}; ${safePath}; ${uncompiled}`);
}

/** What is asked of catalogues is short; compiling it takes a thousand times as long as running it. */
const uncompiled = "select set_config(name, 'off', false) from pg_settings where name = 'jit'";
