/** A value that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

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

/** Records by key. */
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
  /** Names are `[a-z0-9][a-z0-9._-]{0,62}`. One that is not there yet is empty. */
  journal(name: string): Journal;
  collection(name: string): Collection;
  /** The names of what is in it, sorted. */
  journals(): Promise<string[]>;
  collections(): Promise<string[]>;
  close(): Promise<void>;
}
