import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../records/atomic-file";
import type { Json, Store } from "../../records/store";
import { openStore } from "../../records/stores";
import { networks } from "./fleet";
import { Refusal } from "./refusal";
import type { DeploymentRecord } from "./record";
import type { Read } from "./validate";

/** What keeps the records. */
export const backends = ["unified-json", "leveldb"] as const;
export type Backend = (typeof backends)[number];

/** What tries of a store are kept under: no network is called so. */
export const probeName = "probe";

/** A folder with everything that there is of the records: both stores, archive, backups, incidents. */
export class Home {
  constructor(readonly folder: string) {}

  /** A path below the folder. */
  at(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  get unified(): string {
    return this.at("deployments", "unified");
  }

  get leveldb(): string {
    return this.at("leveldb");
  }

  /** Records as they were before there were unified files: a file per network, no form around them. */
  get archive(): string {
    return this.at("deployments", "archive", "legacy-json");
  }

  get backups(): string {
    return this.at("backups");
  }

  incident(id: string): string {
    return this.at("logs", "incidents", id);
  }
}

/** Whether a text names a backend. */
export const isBackend = (text: string): text is Backend => (backends as readonly string[]).includes(text);

/**
 * The backend that is in use: what STATE_BACKEND says, else what was switched to last, else unified JSON.
 * @throws Refusal when that is none
 */
export function backendOf(home: Home, env: NodeJS.ProcessEnv): Backend {
  const file = home.at("backend");
  const said = env.STATE_BACKEND || (existsSync(file) ? readFileSync(file, "utf8").trim() : "unified-json");
  if (isBackend(said)) return said;
  throw new Refusal(`there is no backend ${JSON.stringify(said.slice(0, 40))}`, `STATE_BACKEND=${backends.join("|")}`);
}

/** Puts a backend in use, for every process that starts from then on. */
export function switchTo(home: Home, backend: Backend): void {
  mkdirSync(home.folder, { recursive: true });
  writeAtomically(home.at("backend"), `${backend}\n`);
}

/** The store of a backend, in its place. */
export function storeOf(home: Home, backend: Backend): Store {
  return backend === "leveldb" ? levelIn(home.folder) : jsonIn(home.unified);
}

/** The LevelDB in the folder `leveldb` of a folder. */
export const levelIn = (folder: string): Store => openStore({ store: "leveldb", folder });
export const jsonIn = (folder: string): Store => openStore({ store: "json", folder });

/** What a store holds of every network; of one that cannot be read, why. */
export async function readAll(store: Store): Promise<Read> {
  const others = await store.collections().catch(() => []);
  const names = new Set([...networks.map(({ name }) => name), ...others.filter((name) => name !== probeName)]);
  const read = new Map<string, ReadonlyMap<string, unknown> | Error>();
  for (const name of names) read.set(name, await readNetwork(store, name));
  return read;
}

async function readNetwork(store: Store, name: string): Promise<ReadonlyMap<string, unknown> | Error> {
  try {
    const records = new Map<string, Json>();
    for await (const [contract, record] of store.collection(name).entries()) records.set(contract, record);
    return records;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Whether all of a store can be read. */
export async function isReadable(store: Store): Promise<boolean> {
  try {
    await store.collections();
  } catch {
    return false;
  }
  return [...(await readAll(store)).values()].every((records) => !(records instanceof Error));
}

/** Puts records in a store, those of a network all at once. */
export async function writeAll(store: Store, records: Iterable<DeploymentRecord>): Promise<void> {
  const byNetwork = new Map<string, Map<string, Json>>();
  for (const record of records) {
    const ofNetwork = byNetwork.get(record.network) ?? new Map<string, Json>();
    byNetwork.set(record.network, ofNetwork.set(record.contract, record));
  }
  for (const [network, changes] of byNetwork) await store.collection(network).write(changes);
}
