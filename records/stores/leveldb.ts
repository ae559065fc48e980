import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClassicLevel, type BatchOperation } from "classic-level";
import { makeFolder, syncName, shared, writeAtomically } from "../atomic-file";
import {
  byBytes,
  checkName,
  DamagedStore,
  keyBytes,
  NewerStore,
  StoreHeld,
  StoreUnavailable,
  storeVersion,
  type Collection,
  type Journal,
  type Json,
  type Store,
} from "../store";

type Level = ClassicLevel<Buffer, Buffer>;

/** How long another process may hold the database, in milliseconds: it does so for one operation at a time. */
const patience = 10_000;
const chunkBytes = 1 << 20;

/**
 * A store in LevelDB, in the folder `leveldb` of a folder of records. One process at a time can open it, so it is open
 * only while something is read or written, and whoever finds it open waits.
 *
 * @param allowed how long to wait for another process, in milliseconds; whoever of this process opens it first says that
 */
export function openLevelStore(folder: string, allowed = patience): Store {
  const database = sharedAt(resolve(folder, "leveldb"), allowed);
  return {
    location: database.folder,
    journal: (name) => journalIn(database, `j/${checkName(name)}/`),
    collection: (name) => collectionIn(database, `c/${checkName(name)}/`),
    journals: () => namesIn(database, "j/"),
    collections: () => namesIn(database, "c/"),
    close: () => Promise.resolve(),
  };
}

const databases = new Map<string, Shared>();

/**
 * Always the same for the same folder. LevelDB keeps other processes out by a lock that this process loses as soon as it
 * opens, and closes, the lock's file a second time.
 */
function sharedAt(folder: string, allowed: number): Shared {
  const database = databases.get(folder) ?? new Shared(folder, allowed);
  databases.set(folder, database);
  return database;
}

/** A database that is open while somebody of this process uses it. */
class Shared {
  private users = 0;
  private opened: Promise<Level> | undefined;
  private closing: Promise<void> = Promise.resolve();
  private writing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly folder: string,
    private readonly allowed: number,
  ) {}

  /** Reads; `none` where there is no database yet, which reading does not make. */
  async read<T>(none: T, work: (level: Level) => Promise<T>): Promise<T> {
    return this.isThere() ? await this.use(work) : none;
  }

  /** Writes, one after the other: what is written may depend on what is there. */
  async write<T>(work: (level: Level) => Promise<T>): Promise<T> {
    const turn = this.writing.then(async () => {
      if (!this.isThere()) this.make();
      const done = await this.use(work);
      // LevelDB makes sure of what is in its folder, not of the folder; who made it may have been cut off before this.
      syncName(this.data);
      return done;
    });
    this.writing = turn.catch(() => undefined);
    return turn;
  }

  /**
   * LevelDB writes when it is opened. What form it has therefore stands beside it.
   * @throws NewerStore when it is another; DamagedStore
   */
  private isThere(): boolean {
    if (!existsSync(this.form)) {
      if (existsSync(this.data)) throw new DamagedStore(`${this.folder}: format.json is missing`);
      return false;
    }
    const { format, version } = formIn(this.form);
    if (format !== "rewind-records") throw new DamagedStore(`${this.form}: not the form of a store of records`);
    if (version === storeVersion) return true;
    throw new NewerStore(`${this.folder}: version ${String(version)}; this Rewind reads version ${storeVersion}`);
  }

  private make(): void {
    makeFolder(this.folder);
    writeAtomically(this.form, `${JSON.stringify({ format: "rewind-records", version: storeVersion })}\n`, shared);
  }

  private async use<T>(work: (level: Level) => Promise<T>): Promise<T> {
    this.users += 1;
    try {
      return await work(await (this.opened ??= this.open()));
    } catch (error) {
      throw this.named(error as Error);
    } finally {
      this.users -= 1;
      if (this.users === 0) await this.close();
    }
  }

  private async open(): Promise<Level> {
    await this.closing;
    const level: Level = new ClassicLevel(this.data, { keyEncoding: "buffer", valueEncoding: "buffer" });
    for (const began = performance.now(); ;) {
      try {
        await level.open();
        return level;
      } catch (error) {
        const { code, message } = reasonOf(error);
        if (code === "LEVEL_CORRUPTION") throw new DamagedStore(`${this.folder}: ${message}`);
        if (code !== "LEVEL_LOCKED") throw new StoreUnavailable(`${this.folder} cannot be opened: ${message}`);
        if (performance.now() - began > this.allowed) {
          throw new StoreHeld(`${this.folder}: another process has held it for ${this.allowed / 1_000} s`);
        }
      }
      // Different for each, or they would all come back at once.
      await sleep(2 + Math.random() * 8);
    }
  }

  /** An error of the disk, as those know it who use a store. */
  private named(error: Error & { readonly code?: unknown }): Error {
    if (error.code === "LEVEL_CORRUPTION") return new DamagedStore(`${this.folder}: ${error.message}`);
    return error.code === "LEVEL_IO_ERROR" ? new StoreUnavailable(`${this.folder}: ${error.message}`) : error;
  }

  private async close(): Promise<void> {
    const { opened } = this;
    this.opened = undefined;
    this.closing = (async () => {
      const level = await opened?.catch(() => undefined);
      await level?.close();
    })();
    await this.closing;
  }

  private get form(): string {
    return join(this.folder, "format.json");
  }

  private get data(): string {
    return join(this.folder, "data");
  }
}

function formIn(path: string): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(readFileSync(path, "utf8"))) as Partial<Record<string, unknown>>;
  } catch {
    throw new DamagedStore(`${path}: not JSON`);
  }
}

/** Why a database was not opened: the library says it in the cause. */
function reasonOf(error: unknown): { readonly code: unknown; readonly message: string } {
  const { cause } = error as { cause?: { code?: unknown; message?: string } };
  return { code: cause?.code, message: cause?.message ?? String(error) };
}

type Batch = BatchOperation<Level, Buffer, Buffer>[];
const nothing = Buffer.alloc(0);

/**
 * Writes all or nothing, and waits until it is on the disk. What LevelDB cannot read of its log when it is opened it drops
 * in silence, and it makes sure of what is in the log, not of the log's name; a table it misses, and makes sure of both.
 * A compaction of nothing puts into a table what the next opening would put there otherwise.
 */
async function put(level: Level, batch: Batch): Promise<void> {
  await level.batch(batch, { sync: true });
  await level.compactRange(nothing, nothing);
}

/** All keys that begin like this one. */
function within(prefix: string): { gte: Buffer; lt: Buffer } {
  const gte = Buffer.from(prefix);
  const lt = Buffer.from(prefix);
  lt[lt.length - 1] = (lt[lt.length - 1] ?? 0) + 1;
  return { gte, lt };
}

/** A journal is chunks under their positions, which are as long as any file's may become. */
const positionOf = (prefix: string, key: Buffer): number => Number(key.toString("latin1", prefix.length));
const chunkKey = (prefix: string, at: number): Buffer => Buffer.from(`${prefix}${`${at}`.padStart(16, "0")}`);

function journalIn(database: Shared, prefix: string): Journal {
  return {
    size: () => database.read(0, (level) => sizeOf(level, prefix)),
    read: (from = 0) => database.read(Buffer.alloc(0), (level) => readFrom(level, prefix, from)),
    append: (bytes, at) =>
      database.write(async (level) => {
        if ((await sizeOf(level, prefix)) !== at) return false;
        const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) => ({
          type: "put" as const,
          key: chunkKey(prefix, at + index * chunkBytes),
          value: bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
        }));
        await put(level, chunks);
        return true;
      }),
  };
}

async function sizeOf(level: Level, prefix: string): Promise<number> {
  for await (const [key, chunk] of level.iterator({ ...within(prefix), reverse: true, limit: 1 })) {
    return positionOf(prefix, key) + chunk.length;
  }
  return 0;
}

async function readFrom(level: Level, prefix: string, from: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const gte = (await firstChunk(level, prefix, from)) ?? within(prefix).gte;
  for await (const [key, chunk] of level.iterator({ ...within(prefix), gte })) {
    chunks.push(chunk.subarray(Math.max(0, from - positionOf(prefix, key))));
  }
  return Buffer.concat(chunks);
}

/** The key of the chunk in which a position lies. */
async function firstChunk(level: Level, prefix: string, from: number): Promise<Buffer | undefined> {
  const before = { gte: within(prefix).gte, lte: chunkKey(prefix, from), reverse: true, limit: 1 };
  for await (const key of level.keys(before)) return key;
  return undefined;
}

function collectionIn(database: Shared, prefix: string): Collection {
  const keyOf = (key: string) => Buffer.concat([Buffer.from(prefix), keyBytes(key)]);
  return {
    get: async (key) => {
      const stored = keyOf(key);
      const bytes = await database.read(undefined, (level) => level.get(stored));
      return bytes === undefined ? undefined : recordIn(bytes);
    },
    entries: () => entriesOf(database, prefix),
    write: async (changes) => {
      const batch = [...changes].map(([key, record]) =>
        record === undefined
          ? { type: "del" as const, key: keyOf(key) }
          : { type: "put" as const, key: keyOf(key), value: Buffer.from(JSON.stringify(record)) },
      );
      await database.write((level) => put(level, batch));
    },
  };
}

/** Read at once: whoever goes through them slowly would keep all other processes out. */
async function* entriesOf(database: Shared, prefix: string): AsyncGenerator<readonly [string, Json]> {
  const all = await database.read([], (level) => level.iterator(within(prefix)).all());
  for (const [key, record] of all) yield [key.toString("utf8", prefix.length), recordIn(record)];
}

const recordIn = (bytes: Buffer): Json => JSON.parse(bytes.toString()) as Json;

async function namesIn(database: Shared, room: string): Promise<string[]> {
  return database.read([], async (level) => {
    const names: string[] = [];
    for (let { gte, lt } = within(room); ;) {
      const [key] = await level.keys({ gte, lt, limit: 1 }).all();
      if (key === undefined) return names.sort(byBytes);
      const name = key.toString("latin1", room.length, key.indexOf("/", room.length));
      names.push(name);
      gte = within(`${room}${name}/`).lt;
    }
  });
}
