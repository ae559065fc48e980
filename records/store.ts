/** A value that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Something of a store was written by a newer Rewind, and was left as it is. The message says what. */
export class NewerStore extends Error {
  override readonly name = "NewerStore";
}

/** Something of a store is not what any Rewind wrote. The message says what. */
export class DamagedStore extends Error {
  override readonly name = "DamagedStore";
}

/** The store cannot be reached. The message says where it is, without secrets. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

/** Somebody who works with the store does not let go. */
export class StoreHeld extends StoreUnavailable {
  override readonly name = "StoreHeld";
}

/** REWIND_STORE says what no store is. The message does not quote it: somebody may have put a connection string there. */
export class BadStore extends Error {
  override readonly name = "BadStore";
}

/** Lines that are only ever appended to: a deployment log, as bytes. */
export interface Journal {
  /** How many bytes it has; 0 before the first. */
  size(): Promise<number>;
  /** Its bytes from a position on. */
  read(from?: number): Promise<Buffer>;
  /**
   * Appends bytes where the journal ends at `at`, as its writer saw it.
   * @returns whether they are on the disk; false when somebody else wrote first, and then nothing was written
   */
  append(bytes: Buffer, at: number): Promise<boolean>;
}

/** Records by key: up to 1,024 bytes of UTF-8. */
export interface Collection {
  /** The record under a key; undefined when there is none. */
  get(key: string): Promise<Json | undefined>;
  /** All of it, in the order of the keys' UTF-8 bytes, as it was at one moment. */
  entries(): AsyncIterable<readonly [key: string, record: Json]>;
  /**
   * Puts records under their keys, and takes away what is undefined, all of it or nothing.
   * @returns once it is on the disk
   */
  write(changes: ReadonlyMap<string, Json | undefined>): Promise<void>;
}

/**
 * Where what Rewind knows and the engine does not is kept. A backend is one file in `stores/`: unified JSON files, LevelDB,
 * PostgreSQL. Whatever a crash interrupts is there as a whole or not at all.
 */
export interface Store {
  /** Where it is, for people; without secrets. */
  readonly location: string;
  /** Names are those of stacks: `[A-Za-z0-9_][A-Za-z0-9._-]{0,99}`. One that is not there yet is empty. */
  journal(name: string): Journal;
  collection(name: string): Collection;
  /** The names of what is in it, sorted; what is empty is not there. */
  journals(): Promise<string[]>;
  collections(): Promise<string[]>;
  close(): Promise<void>;
}

/** The form in which every backend keeps what is in it. */
export const storeVersion = 1;

/**
 * The name of a journal or a collection, which becomes that of a file.
 * @throws RangeError when it cannot be one
 */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw new RangeError(`${JSON.stringify(name.slice(0, 100))} is no name of a journal or a collection`);
}

/** Whether something may be the name of a journal or a collection. */
export const isName = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name);

/**
 * The bytes of a key, in whose order records stand.
 * @throws RangeError when it has none, is empty or too long
 */
export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key);
  // Half of a surrogate pair would come back as another character.
  if (bytes.length > 0 && bytes.length <= 1_024 && bytes.toString() === key) return bytes;
  throw new RangeError(`${JSON.stringify(key.slice(0, 100))} is no key of a record: 1 to 1,024 bytes of UTF-8`);
}

const surrogate = /[\ud800-\udfff]/;

/** Puts names and keys in the order of their UTF-8 bytes, which without surrogates is that of JavaScript. */
export function byBytes(a: string, b: string): number {
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
