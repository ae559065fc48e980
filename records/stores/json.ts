import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { appendInTurn } from "../append";
import { makeFolder, syncName, shared, writeAtomically } from "../atomic-file";
import { LogHeld, Queue } from "../lock";
import {
  byBytes,
  checkName,
  DamagedStore,
  isName,
  keyBytes,
  NewerStore,
  StoreHeld,
  storeVersion,
  type Collection,
  type Journal,
  type Json,
  type Store,
} from "../store";

const journalEnd = ".jsonl";
const collectionEnd = ".unified.json";

/**
 * A store in a folder of files: a journal is `<name>.jsonl`, and a collection one document, `<name>.unified.json`, which
 * is replaced as a whole. Writers of several processes take turns.
 */
export function openJsonStore(folder: string): Store {
  const named = (end: string) => namesIn(folder, end);
  return {
    location: folder,
    journal: (name) => journalIn(join(folder, checkName(name) + journalEnd)),
    collection: (name) => new JsonCollection(join(folder, checkName(name) + collectionEnd)),
    journals: () => later(() => named(journalEnd).filter((name) => sizeOf(join(folder, name + journalEnd)) > 0)),
    collections: () =>
      later(() => named(collectionEnd).filter((name) => read(join(folder, name + collectionEnd)).records.size > 0)),
    close: () => Promise.resolve(),
  };
}

/** Files are read and written at once, so that no two writes of one process can meet. */
async function later<T>(work: () => T): Promise<T> {
  await Promise.resolve();
  try {
    return work();
  } catch (error) {
    throw error instanceof LogHeld ? new StoreHeld(error.message) : error;
  }
}

function namesIn(folder: string, end: string): string[] {
  return unlessAbsent(() => readdirSync(folder), [])
    .flatMap((file) => (file.endsWith(end) ? [file.slice(0, -end.length)] : []))
    .filter(isName)
    .sort(byBytes);
}

function unlessAbsent<T>(look: () => T, none: T): T {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return none;
    throw error;
  }
}

const sizeOf = (path: string): number => unlessAbsent(() => statSync(path).size, 0);

function journalIn(path: string): Journal {
  return {
    size: () => later(() => sizeOf(path)),
    read: (from = 0) => later(() => unlessAbsent(() => readFrom(path, from), Buffer.alloc(0))),
    append: (bytes, at) =>
      later(() => {
        return appendInTurn(path, ({ size }) => (size === at ? { bytes } : undefined));
      }),
  };
}

function readFrom(path: string, from: number): Buffer {
  const file = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (let position = from; ;) {
      const chunk = Buffer.allocUnsafe(1 << 20);
      const length = readSync(file, chunk, 0, chunk.length, position);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
      position += length;
    }
  } finally {
    closeSync(file);
  }
}

/** What a file of records holds. */
interface Document {
  /** Rises with every write, and is its writer's token; 0 before the first. */
  readonly revision: number;
  readonly records: ReadonlyMap<string, Json>;
}

type Changes = ReadonlyMap<string, Json | undefined>;

/** A file of records that was read before is read again when it was replaced: whole, it is megabytes. */
class Documents {
  private known: { readonly stamp: string; readonly document: Document } | undefined;

  constructor(private readonly path: string) {}

  read(): Document {
    const stamp = unlessAbsent(() => stampOf(this.path), "");
    if (this.known?.stamp !== stamp) this.known = { stamp, document: read(this.path) };
    return this.known.document;
  }
}

/** Which file it is, and how it begins: with its revision, which no two versions share. */
function stampOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const { ino, size, mtimeNs } = fstatSync(file, { bigint: true });
    const head = Buffer.alloc(128);
    return `${ino} ${size} ${mtimeNs} ${head.toString("latin1", 0, readSync(file, head, 0, head.length, 0))}`;
  } finally {
    closeSync(file);
  }
}

class JsonCollection implements Collection {
  private readonly document: Documents;

  constructor(private readonly path: string) {
    this.document = new Documents(path);
  }

  get(key: string): Promise<Json | undefined> {
    return later(() => {
      keyBytes(key);
      return this.document.read().records.get(key);
    });
  }

  async *entries(): AsyncGenerator<readonly [string, Json]> {
    yield* await later(() => this.document.read().records);
  }

  write(changes: Changes): Promise<void> {
    return later(() => {
      for (const key of changes.keys()) keyBytes(key);
      if (!existsSync(dirname(this.path))) makeFolder(dirname(this.path));
      const queue = new Queue(this.path);
      while (!writeInTurn(this.path, this.document, queue, changes));
    });
  }
}

/** Returns whether it was its turn. */
function writeInTurn(path: string, document: Documents, queue: Queue, changes: Changes): boolean {
  const turn = queue.next(document.read().revision);
  if (turn === undefined) return false;
  let written = false;
  try {
    const { revision, records } = document.read();
    // Somebody may have written before the turn, or have taken this process for dead.
    if (revision >= turn.token || !turn.isMine()) return false;
    // Whoever finds records relies on the folder's name, and who made the folder may have been cut off before this.
    if (revision === 0) syncName(path);
    writeAtomically(path, textOf({ revision: turn.token, records: changed(records, changes) }), shared);
    written = true;
    return true;
  } finally {
    turn.release(written);
  }
}

function changed(records: Document["records"], changes: Changes): Document["records"] {
  const all = new Map(records);
  for (const [key, record] of changes) {
    if (record === undefined) all.delete(key);
    else all.set(key, record);
  }
  return new Map([...all].sort(([a], [b]) => byBytes(a, b)));
}

/** A line for each record, so that a difference between two versions is one of records. */
function textOf({ revision, records }: Document): string {
  const lines = [...records].map(([key, record]) => `\n    ${JSON.stringify(key)}: ${JSON.stringify(record)}`);
  const head = `"format": "rewind-records",\n  "version": ${storeVersion},\n  "revision": ${revision}`;
  return `{\n  ${head},\n  "records": {${lines.join(",")}\n  }\n}\n`;
}

function read(path: string): Document {
  const text = unlessAbsent(() => readFileSync(path, "utf8"), undefined);
  return text === undefined ? { revision: 0, records: new Map() } : parse(path, text);
}

function parse(path: string, text: string): Document {
  const { format, version, revision, records } = fieldsOf(path, text);
  if (format === "rewind-records" && version !== storeVersion) {
    throw new NewerStore(`${path}: version ${String(version)}; this Rewind reads version ${storeVersion}`);
  }
  const isRevision = typeof revision === "number" && Number.isSafeInteger(revision) && revision > 0;
  if (format !== "rewind-records" || !isRevision || !isObject(records)) {
    throw new DamagedStore(`${path}: not a file of records`);
  }
  // An object has its whole numbers first.
  return { revision, records: new Map(Object.entries(records).sort(([a], [b]) => byBytes(a, b))) };
}

const isObject = (value: unknown): value is Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fieldsOf(path: string, text: string): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Partial<Record<string, unknown>>;
  } catch {
    throw new DamagedStore(`${path}: not JSON`);
  }
}
