import { Pool, type PoolClient } from "pg";
import {
  byBytes,
  checkName,
  keyBytes,
  NewerStore,
  StoreUnavailable,
  storeVersion,
  type Collection,
  type Journal,
  type Json,
  type Store,
} from "../store";

const chunkBytes = 1 << 20;
/** How long the server may be silent, in milliseconds. */
const patience = 30_000;

/** Of all that makes the tables, or writes to one collection, one at a time. */
const lock = "select pg_advisory_xact_lock(hashtext('rewind'), hashtext($1))";

const tables = `
  create schema if not exists rewind;
  create table if not exists rewind.format (version integer primary key);
  create table if not exists rewind.journals (
    name text collate "C", at bigint, bytes bytea not null, primary key (name, at)
  );
  create table if not exists rewind.records (
    collection text collate "C", key bytea, record json not null, primary key (collection, key)
  );
  insert into rewind.format select ${storeVersion} where not exists (select from rewind.format)`;

/**
 * A store in the schema `rewind` of a PostgreSQL database, for several writers. Every read sees one moment, and every
 * write is one transaction.
 *
 * @param variable the environment variable that holds the connection string, of which nothing is ever printed
 */
export function openPostgresqlStore(variable: string, environment: NodeJS.ProcessEnv): Store {
  const database = new Database(`PostgreSQL at $${variable}`, environment[variable]);
  const names = async (table: string, column: string): Promise<string[]> => {
    const rows = await database.read([], (client) => rowsOf(client, `select distinct ${column} from rewind.${table}`));
    return rows.map(([name]) => String(name)).sort(byBytes);
  };
  return {
    location: database.location,
    journal: (name) => journalIn(database, checkName(name)),
    collection: (name) => collectionIn(database, checkName(name)),
    journals: () => names("journals", "name"),
    collections: () => names("records", "collection"),
    close: () => database.close(),
  };
}

class Database {
  private pool: Pool | undefined;

  constructor(
    readonly location: string,
    private readonly url: string | undefined,
  ) {}

  /** Reads what is there at one moment; `none` where there are no tables yet, which reading does not make. */
  async read<T>(none: T, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.transaction("isolation level repeatable read, read only", async (client) =>
      (await this.isThere(client)) ? await work(client) : none,
    );
  }

  /** Writes all of it or nothing, and waits until it is on the server's disk. */
  async write<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.transaction("isolation level read committed", async (client) => {
      await client.query("set local synchronous_commit to on");
      if (!(await this.isThere(client))) {
        await client.query(lock, [""]);
        await client.query(tables);
        await this.isThere(client);
      }
      return await work(client);
    });
  }

  async close(): Promise<void> {
    const { pool } = this;
    this.pool = undefined;
    await pool?.end();
  }

  /** Throws NewerStore when what is there has another version. */
  private async isThere(client: PoolClient): Promise<boolean> {
    const [found] = await rowsOf(client, "select to_regclass('rewind.format') is not null");
    if (found?.[0] !== true) return false;
    const [[version] = []] = await rowsOf(client, "select max(version) from rewind.format");
    if (version === storeVersion) return true;
    throw new NewerStore(`${this.location}: version ${String(version)}; this Rewind reads version ${storeVersion}`);
  }

  private async transaction<T>(mode: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect();
    let whole = false;
    try {
      await client.query(`begin transaction ${mode}`);
      const result = await work(client);
      await client.query("commit");
      whole = true;
      return result;
    } catch (error) {
      throw this.told(error);
    } finally {
      // A connection that stands in the middle of something is not used again; the server undoes what it began.
      client.release(!whole);
    }
  }

  private async connect(): Promise<PoolClient> {
    try {
      this.pool ??= this.openPool();
      return await this.pool.connect();
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      // What the driver and the server say may quote what stands in the connection string.
      const code = (error as { code?: unknown }).code;
      const reason = typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : "no connection";
      throw new StoreUnavailable(`${this.location} cannot be reached: ${reason}`);
    }
  }

  private openPool(): Pool {
    if (this.url === undefined || this.url === "") throw new StoreUnavailable(`${this.location}: it is not set`);
    const pool = new Pool({
      connectionString: this.url,
      application_name: "rewind records",
      connectionTimeoutMillis: patience,
      query_timeout: patience,
      // Whoever ends without closing it is not kept waiting.
      allowExitOnIdle: true,
      max: 4,
    });
    // A connection that breaks is opened anew, and what was asked of it fails; without a listener, on the one that is in use
    // as on those that are idle, it would end the process.
    pool.on("error", () => undefined);
    pool.on("connect", (client) => client.on("error", () => undefined));
    return pool;
  }

  private told(error: unknown): unknown {
    if (error instanceof NewerStore) return error;
    const { message, code } = error as { message?: string; code?: string };
    return new StoreUnavailable(`${this.location}: ${message ?? "failed"}${code === undefined ? "" : ` (${code})`}`);
  }
}

async function rowsOf(client: PoolClient, text: string, values: readonly unknown[] = []): Promise<unknown[][]> {
  const { rows } = await client.query<unknown[]>({ text, values: [...values], rowMode: "array" });
  return rows;
}

/** A journal is chunks under their positions. */
function journalIn(database: Database, name: string): Journal {
  return {
    size: () => database.read(0, (client) => sizeOf(client, name)),
    read: (from = 0) =>
      database.read(Buffer.alloc(0), async (client) => {
        const chunks = await rowsOf(client, readChunks, [name, from]);
        return Buffer.concat(chunks.map(([at, bytes]) => (bytes as Buffer).subarray(Math.max(0, from - Number(at)))));
      }),
    append: (bytes, at) => database.write((client) => append(client, name, bytes, at)),
  };
}

const readChunks = `
  select at, bytes from rewind.journals
  where name = $1
    and at >= coalesce((select max(at) from rewind.journals where name = $1 and at <= $2::bigint), 0)
  order by at`;

async function sizeOf(client: PoolClient, name: string): Promise<number> {
  const [last] = await rowsOf(client, `select ${journalEnd}`, [name]);
  return Number(last?.[0]);
}

const journalEnd = `coalesce(
  (select at + octet_length(bytes) from rewind.journals where name = $1 order by at desc limit 1), 0)`;

/** Of two that write at the same position the second waits for the first, and then has nothing to insert. */
const insertChunk = `
  insert into rewind.journals select $1, $2::bigint, $3::bytea where $2::bigint = ${journalEnd}
  on conflict do nothing`;

async function append(client: PoolClient, name: string, bytes: Buffer, at: number): Promise<boolean> {
  if (bytes.length === 0) return (await sizeOf(client, name)) === at;
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const chunk = bytes.subarray(start, start + chunkBytes);
    const { rowCount } = await client.query(insertChunk, [name, at + start, chunk]);
    // Only of the first chunk: its position is this writer's until the transaction ends.
    if (rowCount === 0) return false;
  }
  return true;
}

function collectionIn(database: Database, name: string): Collection {
  return {
    get: async (key) => {
      const stored = keyBytes(key);
      const [found] = await database.read([], (client) =>
        rowsOf(client, "select record::text from rewind.records where collection = $1 and key = $2", [name, stored]),
      );
      return found === undefined ? undefined : recordIn(found[0]);
    },
    entries: () => entriesOf(database, name),
    write: async (changes) => {
      const all = [...changes].map(([key, record]) => ({ key: keyBytes(key), record }));
      if (all.length === 0) return;
      await database.write(async (client) => {
        // Two that change the same records in another order would wait for each other.
        await client.query(lock, [name]);
        const gone = all.filter(({ record }) => record === undefined).map(({ key }) => key);
        const put = all.filter(({ record }) => record !== undefined);
        await client.query("delete from rewind.records where collection = $1 and key = any($2::bytea[])", [name, gone]);
        const texts = put.map(({ record }) => JSON.stringify(record));
        await client.query(putRecords, [name, put.map(({ key }) => key), texts]);
      });
    },
  };
}

const putRecords = `
  insert into rewind.records select $1, key, record::json from unnest($2::bytea[], $3::text[]) as put (key, record)
  on conflict (collection, key) do update set record = excluded.record`;

async function* entriesOf(database: Database, name: string): AsyncGenerator<readonly [string, Json]> {
  const text = "select key, record::text from rewind.records where collection = $1 order by key";
  const all = await database.read([], (client) => rowsOf(client, text, [name]));
  for (const [key, record] of all) yield [(key as Buffer).toString(), recordIn(record)];
}

const recordIn = (text: unknown): Json => JSON.parse(String(text)) as Json;
