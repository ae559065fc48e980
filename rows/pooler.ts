import { Client, type ClientBase, type ClientConfig } from "pg";

/** A pooler that gives the statements of one session to several server processes: none of a session's settings, temporary tables and locks can be relied on. */
export class SharedSessions extends Error {
  override readonly name = "SharedSessions";
}

/** A service's pooler, told by its address. */
export interface KnownPooler {
  readonly name: string;
  /** `session` where a client keeps its server process, `transaction` where it does not, undefined where either may be. */
  readonly mode: "session" | "transaction" | undefined;
  /** What to connect to instead. */
  readonly remedy: string;
}

const direct = "connect to the database itself, or to a pooler in session mode";

/** The pooler that answers at an address, where the address alone says it. */
export function poolerAt(host: string, port: number): KnownPooler | undefined {
  const name = host.toLowerCase();
  if (name.endsWith(".pooler.supabase.com") || (/^db\..*\.supabase\.co$/.test(name) && port === 6543)) {
    const mode = port === 6543 ? "transaction" : "session";
    return { name: "Supabase's pooler", mode, remedy: "use port 5432, its session mode, instead of 6543" };
  }
  if (/-pooler\..*neon\.tech$/.test(name)) {
    return { name: "Neon's pooler", mode: "transaction", remedy: "take -pooler out of the host's name" };
  }
  if (/\.proxy-[^.]+\.[^.]+\.rds\.amazonaws\.com(?:\.cn)?$/.test(name)) {
    return { name: "RDS Proxy", mode: "transaction", remedy: "connect to the endpoint of the instance or the cluster" };
  }
  if (name.endsWith(".postgres.database.azure.com") && port === 6432) {
    return { name: "Azure's PgBouncer", mode: undefined, remedy: "use port 5432 instead of 6432" };
  }
  return undefined;
}

/** What is said of a pooler that cannot be worked with. */
export function sharedSessions({ host, port }: { readonly host: string; readonly port: number }): SharedSessions {
  const { name = "a pooler", remedy = direct } = poolerAt(host, port) ?? {};
  return new SharedSessions(
    `${host}:${port} is ${name} that shares server processes between clients (transaction mode), in which settings, temporary tables and locks of a session do not hold; ${remedy}`,
  );
}

const patience = 2_000;
/** How many second connections look for a shared process. */
const rounds = 3;
/** What was seen in this process, by address, user and database: true where server processes are shared. */
const seen = new Map<string, Promise<boolean>>();

/**
 * Makes sure that a connection has a server process to itself. Nothing is set or written for it.
 * @param config how the client was connected, for a second connection that looks for the same process
 * @throws SharedSessions
 */
export async function checkPooler(client: ClientBase, config: ClientConfig): Promise<void> {
  const at = { host: config.host ?? "", port: config.port ?? 5432 };
  if (poolerAt(at.host, at.port)?.mode === "transaction") throw sharedSessions(at);
  const pid = await processOf(client, config.connectionTimeoutMillis);
  // A server tells a new client the process that serves it; a pooler has none yet, and says a number of its own.
  if (pid === (client as unknown as { readonly processID: number | null }).processID) return;
  const key = JSON.stringify([at.host, at.port, config.user, config.database]);
  const asked = seen.get(key) ?? areShared(client, pid, config);
  seen.set(key, asked);
  const shared = await asked.catch((error: unknown) => {
    seen.delete(key);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${at.host}:${at.port} is a pooler, and whether it is in session mode cannot be told: ${reason}; Rewind needs several connections at a time`,
    );
  });
  if (shared) throw sharedSessions(at);
}

/** @param within after which a server that does not answer is given up, in milliseconds */
async function processOf(client: ClientBase, within = patience): Promise<number> {
  const asking = { text: "select pg_backend_pid() as pid", query_timeout: within };
  const { rows } = await client.query<{ pid: number }>(asking);
  return rows[0]?.pid ?? 0;
}

/** Whether a client's statements reach another process than before, or its process serves a second client as well. */
async function areShared(client: ClientBase, pid: number, config: ClientConfig): Promise<boolean> {
  for (let round = 0; round < rounds; round += 1) {
    if ((await processOf(client)) !== pid || (await processOfAnother(config)) === pid) return true;
  }
  return (await processOf(client)) !== pid;
}

async function processOfAnother(config: ClientConfig): Promise<number> {
  const other = new Client({ ...config, connectionTimeoutMillis: patience });
  other.on("error", () => undefined);
  try {
    await other.connect();
    return await processOf(other);
  } finally {
    await other.end().catch(() => undefined);
  }
}
