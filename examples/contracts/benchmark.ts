import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Json, Store } from "../../records/store";
import type { Check } from "../../release/verdict";
import { jsonIn, levelIn, type Backend } from "./home";
import type { DeploymentRecord } from "./record";

/** What the plan expects at most: milliseconds, milliseconds, bytes. */
export const planned = { reads: 20, writes: 40, memory: 50 * 2 ** 20 } as const;

/** What was measured of a backend. */
export interface Performance {
  /** How long reading one record took, each time, in milliseconds. */
  readonly reads: readonly number[];
  /** How long writing one record took until it was on the disk, in milliseconds. */
  readonly writes: readonly number[];
  /** How much more memory the process had afterwards, in bytes. */
  readonly memory: number;
}

/**
 * Measures a backend on a store of its own, below a folder of the same disk.
 * @param records what it holds
 * @param rounds how often a record is read and written
 */
export async function measureBackend(
  backend: Backend,
  records: readonly DeploymentRecord[],
  rounds: number,
  below: string,
): Promise<Performance> {
  mkdirSync(below, { recursive: true });
  const folder = mkdtempSync(join(below, "benchmark-"));
  try {
    const before = process.memoryUsage().rss;
    const store = backend === "leveldb" ? levelIn(folder) : jsonIn(folder);
    await fill(store, records);
    const taken = Array.from({ length: rounds }, (_, round) => records[(round * 7) % records.length]).filter(
      (record) => record !== undefined,
    );
    const [reads, writes]: [number[], number[]] = [[], []];
    for (const { network, contract } of taken) {
      reads.push(await millisecondsOf(() => store.collection(network).get(contract)));
    }
    for (const record of taken) {
      const changes = new Map([[record.contract, record]]);
      writes.push(await millisecondsOf(() => store.collection(record.network).write(changes)));
    }
    return { reads, writes, memory: Math.max(0, process.memoryUsage().rss - before) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(store: Store, records: readonly DeploymentRecord[]): Promise<void> {
  const byNetwork = new Map<string, Map<string, Json>>();
  for (const record of records) {
    const ofNetwork = byNetwork.get(record.network) ?? new Map<string, Json>();
    byNetwork.set(record.network, ofNetwork.set(record.contract, record));
  }
  for (const [network, changes] of byNetwork) await store.collection(network).write(changes);
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** As many records as are asked for, made of the real ones. */
export function grown(records: readonly DeploymentRecord[], count: number): DeploymentRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const record = records[index % records.length];
    if (record === undefined) throw new RangeError("there is no record to begin with");
    const generation = Math.floor(index / records.length);
    return generation === 0 ? record : { ...record, contract: `${record.contract}${generation}` };
  });
}

/** The middle of a series. */
export function medianOf(series: readonly number[]): number {
  const sorted = [...series].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** What was measured against what the plan expects. Quicker than expected is within. */
export function checksOf(backend: Backend, { reads, writes, memory }: Performance): Check[] {
  const inTime = (name: string, series: readonly number[], most: number): Check => ({
    name: `${name}, ${backend}`,
    result: medianOf(series) <= most ? "passed" : "failed",
    evidence: `${medianOf(series).toFixed(2)} ms in the middle of ${series.length}; up to ${most} ms is expected`,
    milliseconds: Math.round(series.reduce((a, b) => a + b, 0)),
    attempts: series.length,
  });
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  return [
    inTime("reads", reads, planned.reads),
    inTime("writes", writes, planned.writes),
    {
      name: `memory, ${backend}`,
      result: memory <= planned.memory ? "passed" : "failed",
      evidence: `${megabytes(memory)} more; up to ${megabytes(planned.memory)} is expected`,
      milliseconds: 0,
      attempts: 1,
    },
  ];
}
