import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { writeAtomically } from "../../records/atomic-file";
import type { Store } from "../../records/store";
import { firedOf, triggersOf, type Fired, type Sample, type Thresholds, type Trigger } from "../../release/triggers";
import { networks } from "./fleet";
import { probeName, readAll, storeOf, type Backend, type Home } from "./home";
import { lineOf } from "./inspect";
import { changedSince } from "./known";
import { quickly, validate } from "./validate";

/** What was measured before, and what had fired then. */
interface Kept {
  readonly operations: readonly Sample[];
  readonly reads: readonly Sample[];
  readonly writes: readonly Sample[];
  readonly memory: readonly Sample[];
  readonly fired: readonly Fired[];
}

/** How often, and until when. */
export interface Rhythm {
  readonly every: number;
  readonly during: number;
  readonly now: () => Date;
}

const nothing: Kept = { operations: [], reads: [], writes: [], memory: [], fired: [] };
const fileOf = (home: Home): string => home.at("measurements.json");

/**
 * Measures once, or for a while, and says of each trigger whether it has fired. Measurements are kept, so that a window may
 * be longer than a run.
 */
export async function measureTriggers(
  home: Home,
  backend: Backend,
  thresholds: Thresholds,
  { every, during, now }: Rhythm,
): Promise<Trigger[]> {
  const until = now().getTime() + during;
  for (;;) {
    const all = await measureOnce(home, backend, thresholds, now);
    if (now().getTime() + every > until) return all;
    await sleep(every);
  }
}

async function measureOnce(home: Home, backend: Backend, thresholds: Thresholds, now: () => Date): Promise<Trigger[]> {
  const before = existsSync(fileOf(home)) ? (JSON.parse(readFileSync(fileOf(home), "utf8")) as Kept) : nothing;
  const store = storeOf(home, backend);
  const read = await timed(() => readOne(store));
  const written = await timed(() => store.collection(probeName).write(new Map([["measured", now().toISOString()]])));
  const at = now().getTime();
  const series = {
    reads: added(before.reads, read.ok ? [{ at, value: read.milliseconds }] : []),
    writes: added(before.writes, written.ok ? [{ at, value: written.milliseconds }] : []),
    memory: added(before.memory, [{ at, value: process.memoryUsage().rss }]),
    operations: added(before.operations, [{ at, value: read.ok && written.ok ? 0 : 1 }]),
  };
  const findings = validate(await readAll(store), now());
  const isCorruption = (aspect: (typeof findings)[number]["aspect"]) => quickly.includes(aspect) && aspect !== "counts";
  const measured = {
    ...series,
    corrupt: findings.filter(({ aspect }) => isCorruption(aspect)).map(lineOf),
    mismatched: findings.filter(({ aspect }) => !isCorruption(aspect)).map(lineOf),
    changed: await changedSince(home),
  };
  const all = triggersOf(measured, thresholds, before.fired, at);
  const fired = firedOf(all).map(({ name, severity, rollback }) => ({ name, severity, rollback }));
  writeAtomically(fileOf(home), `${JSON.stringify({ ...recent(series, at - 2 * thresholds.window), fired })}\n`);
  return all;
}

/** A record read as whoever deploys reads it. */
async function readOne(store: Store): Promise<void> {
  const [network] = networks;
  const [contract] = network?.contracts ?? [];
  const record = await store.collection(network?.name ?? "").get(contract ?? "");
  if (record === undefined) throw new Error("there is no such record");
}

const added = (before: readonly Sample[], more: readonly Sample[]): Sample[] => [...before, ...more];

function recent(series: Omit<Kept, "fired">, from: number): Omit<Kept, "fired"> {
  const kept = (samples: readonly Sample[]) => samples.filter(({ at }) => at >= from);
  const { operations, reads, writes, memory } = series;
  return { operations: kept(operations), reads: kept(reads), writes: kept(writes), memory: kept(memory) };
}

/** How long something took, and whether it succeeded. */
async function timed(work: () => Promise<unknown>): Promise<{ readonly ok: boolean; readonly milliseconds: number }> {
  const began = performance.now();
  const ok = await work().then(
    () => true,
    () => false,
  );
  return { ok, milliseconds: Math.round((performance.now() - began) * 10) / 10 };
}
