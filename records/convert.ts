import { canonicalJson } from "../release/canonical";
import type { Digest } from "../release/primitives";
import { lineFeed, sha256 } from "./line";
import { StoreUnavailable, type Json, type Store } from "./store";

/** What is in a store, as it is counted and sealed the same in every backend. */
export interface Inventory {
  readonly journals: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly lines: number;
    /** Of its bytes. */
    readonly digest: Digest;
  }[];
  readonly collections: readonly {
    readonly name: string;
    readonly records: number;
    /** Of its keys and the canonical JSON of its records, a line for each. */
    readonly digest: Digest;
  }[];
}

/** Which journals are meant; collections always are. */
export type Meant = (journal: string) => boolean;

/** Counts what is in a store. */
export async function inventoryOf(store: Store, meant: Meant = () => true): Promise<Inventory> {
  const [journals, collections] = [[], []] as [Inventory["journals"][number][], Inventory["collections"][number][]];
  for (const name of (await store.journals()).filter(meant)) {
    const bytes = await store.journal(name).read();
    journals.push({ name, bytes: bytes.length, lines: linesIn(bytes), digest: sha256(bytes) });
  }
  for (const name of await store.collections()) {
    const records = await recordsOf(store, name);
    const text = [...records].map(([key, record]) => `${JSON.stringify(key)}:${record}\n`).join("");
    collections.push({ name, records: records.size, digest: sha256(text) });
  }
  return { journals, collections };
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) lines += 1;
  return bytes.length > 0 && bytes[bytes.length - 1] !== lineFeed ? lines + 1 : lines;
}

/** The canonical JSON of each record of a collection. */
async function recordsOf(store: Store, name: string): Promise<Map<string, string>> {
  const records = new Map<string, string>();
  for await (const [key, record] of store.collection(name).entries()) records.set(key, canonicalJson(record));
  return records;
}

/**
 * What a store has that another has not, entry by entry, in words. A store without any is empty, equal, or an equal copy
 * that is not finished.
 */
export async function surplusOf(store: Store, other: Store, meant: Meant = () => true): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await store.journals()).filter(meant)) {
    const [bytes, others] = [await store.journal(name).read(), await other.journal(name).read()];
    if (bytes.equals(others.subarray(0, bytes.length))) continue;
    found.push(`the journal ${name} from line ${firstDifferent(bytes, others)} on`);
  }
  for (const name of await store.collections()) {
    const [records, others] = [await recordsOf(store, name), await recordsOf(other, name)];
    for (const [key, record] of records) {
      if (others.get(key) !== record) found.push(`the record ${JSON.stringify(key)} of ${name}`);
    }
  }
  return found;
}

/** The number of the first line in which some bytes are not the beginning of others. */
function firstDifferent(bytes: Buffer, others: Buffer): number {
  let at = 0;
  while (at < bytes.length && bytes[at] === others[at]) at += 1;
  return linesIn(bytes.subarray(0, at + 1));
}

/** Where two stores differ, entry by entry, in words; nothing when they are equal. */
export async function differences(a: Store, b: Store, meant: Meant = () => true): Promise<string[]> {
  const [ofB, ofA] = [await surplusOf(b, a, meant), await surplusOf(a, b, meant)];
  return [...new Set([...ofA, ...ofB])];
}

/**
 * Adds to a store what another has and it has not. Of a copy that broke off, only the rest is copied; where nothing is left
 * to copy it still writes, for what was written before may not be on the disk yet.
 * @param to a store without any surplus over the other
 * @throws StoreUnavailable when somebody writes to it meanwhile
 */
export async function copyInto(to: Store, from: Store, meant: Meant = () => true): Promise<void> {
  for (const name of (await from.journals()).filter(meant)) {
    const [bytes, at] = [await from.journal(name).read(), await to.journal(name).size()];
    if (await to.journal(name).append(bytes.subarray(at), at)) continue;
    throw new StoreUnavailable(`${to.location}: somebody else writes to the journal ${name}`);
  }
  for (const name of await from.collections()) {
    const there = await recordsOf(to, name);
    const changes = new Map<string, Json>();
    for await (const [key, record] of from.collection(name).entries()) if (!there.has(key)) changes.set(key, record);
    await to.collection(name).write(changes);
  }
}
