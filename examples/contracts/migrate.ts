import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { syncFolder, writeAtomically } from "../../records/atomic-file";
import type { Json, Store } from "../../records/store";
import { canonicalJson } from "../../release/canonical";
import { networks } from "./fleet";
import { emptyFolder, filesBelow, mendPlace, putInPlace } from "./folders";
import { isReadable, jsonIn, levelIn, readAll, writeAll, type Home } from "./home";
import { lineOf } from "./inspect";
import { DeploymentRecord } from "./record";
import { Refusal } from "./refusal";
import { validate, type Read } from "./validate";

/** Where the next state is made before it is put in the place of the present one. */
export const stagedIn = (home: Home): string => home.at(".staged");

/**
 * All records of a store.
 * @throws Refusal when there is anything wrong with them
 */
export async function soundRecords(store: Store, now: Date): Promise<DeploymentRecord[]> {
  const read = await readAll(store);
  const findings = validate(read, now);
  if (findings.length > 0) {
    const more = findings.length > 3 ? `, and ${findings.length - 3} more` : "";
    throw new Refusal(
      `${store.location} is not valid: ${findings.slice(0, 3).map(lineOf).join("; ")}${more}`,
      "node examples/contracts/contracts.js validate, and recover what it names",
    );
  }
  return recordsOf(read);
}

/** All records of what was read, which is valid. */
export function recordsOf(read: Read): DeploymentRecord[] {
  return [...read.values()].flatMap((records) =>
    records instanceof Error ? [] : [...records.values()].map((record) => DeploymentRecord.parse(record)),
  );
}

/**
 * Lets LevelDB hold these records and no others, proved equal. One that can be read is written to: others may have it open,
 * and would go on with their files in the folder of another. One that cannot is replaced.
 * @returns where a LevelDB that could not be read was set aside
 */
export async function makeLevel(home: Home, records: readonly DeploymentRecord[]): Promise<string | undefined> {
  mendPlace(home.leveldb);
  const store = levelIn(home.folder);
  if (await isReadable(store)) {
    for (const [network, changes] of changesTo(await readAll(store), records)) {
      await store.collection(network).write(changes);
    }
    await proveEqual(store, records);
    return undefined;
  }
  const staged = emptyFolder(stagedIn(home));
  await writeAll(levelIn(staged), records);
  await proveEqual(levelIn(staged), records);
  const before = putInPlace(join(staged, "leveldb"), home.leveldb);
  rmSync(staged, { recursive: true });
  return before;
}

/** What makes a store hold these records and no others, by network. */
function changesTo(read: Read, records: readonly DeploymentRecord[]): Map<string, Map<string, Json | undefined>> {
  const changes = new Map<string, Map<string, Json | undefined>>();
  for (const [network, found] of read) {
    const contracts = found instanceof Error ? [] : [...found.keys()];
    changes.set(network, new Map(contracts.map((contract) => [contract, undefined])));
  }
  for (const record of records) {
    const ofNetwork = changes.get(record.network) ?? new Map<string, Json | undefined>();
    changes.set(record.network, ofNetwork.set(record.contract, record));
  }
  return changes;
}

/** Makes unified JSON of records: beside its place, proved equal, and then in it, file by file. */
export async function makeUnified(home: Home, records: readonly DeploymentRecord[]): Promise<void> {
  const staged = emptyFolder(stagedIn(home));
  await writeAll(jsonIn(staged), records);
  await proveEqual(jsonIn(staged), records);
  mkdirSync(home.unified, { recursive: true });
  for (const file of filesBelow(staged)) renameSync(join(staged, file), join(home.unified, file));
  syncFolder(home.unified);
  rmSync(staged, { recursive: true });
}

/** @throws when a store does not hold exactly these records */
async function proveEqual(store: Store, records: readonly DeploymentRecord[]): Promise<void> {
  const expected = new Map(records.map((record) => [`${record.network}/${record.contract}`, canonicalJson(record)]));
  let count = 0;
  for (const [network, found] of await readAll(store)) {
    if (found instanceof Error) throw found;
    for (const [contract, record] of found) {
      count += 1;
      if (expected.get(`${network}/${contract}`) !== canonicalJson(record)) {
        throw new Error(`${store.location}: ${contract} of ${network} is not what was written`);
      }
    }
  }
  if (count !== expected.size) throw new Error(`${store.location} has ${count} records, not ${expected.size}`);
}

/** Writes the archive: what any program can read, and the last thing to go back to. */
export function writeArchive(home: Home, records: readonly DeploymentRecord[]): void {
  mkdirSync(home.archive, { recursive: true });
  for (const { name } of networks) {
    const ofNetwork = records.filter(({ network }) => network === name);
    const byContract = Object.fromEntries(ofNetwork.map((record) => [record.contract, record]));
    writeAtomically(join(home.archive, `${name}.json`), `${JSON.stringify(byContract, null, 2)}\n`);
  }
}

/**
 * The records in the archive.
 * @throws Refusal when there is none, or one cannot be read
 */
export function readArchive(home: Home): DeploymentRecord[] {
  const next = "node examples/contracts/contracts.js recover backup, or recover git <commit>";
  return networks.flatMap(({ name }) => {
    const file = join(home.archive, `${name}.json`);
    if (!existsSync(file)) throw new Refusal(`the archive has no ${name}.json`, next);
    try {
      const all = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
      return Object.values(all).map((record) => DeploymentRecord.parse(record));
    } catch (error) {
      throw new Refusal(`${file}: ${error instanceof Error ? error.message : "not readable"}`, next);
    }
  });
}
