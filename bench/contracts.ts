import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { grown, measureBackend, planned } from "../examples/contracts/benchmark";
import { committed } from "../examples/contracts/folders";
import { backends, jsonIn } from "../examples/contracts/home";
import { soundRecords } from "../examples/contracts/migrate";
import { figureOf, type Figure } from "./figure";
import { home, runs } from "./project";

/** How many records there are at each step of the growth; the first is the plan's own, and has a goal. */
const steps = [26, 1_000, 10_000, 100_000];

/** Microseconds, since figures are whole numbers. */
const microseconds = (series: readonly number[]): number[] => series.map((milliseconds) => milliseconds * 1_000);

/**
 * Reads and writes of one contract record, and the memory they take, in unified JSON and in LevelDB: with the 26 contracts
 * against the upper end of the plan's ranges, and with more of them against what 26 take.
 */
export async function contractFigures(rounds: number): Promise<Figure[]> {
  // The temporary folder may lie in memory, where an fsync costs nothing.
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(join(home, "contracts-"));
  const figures: Figure[] = [];
  try {
    const records = await soundRecords(jsonIn(committed), new Date());
    for (const backend of backends) {
      let first: { readonly reads: readonly number[]; readonly writes: readonly number[] } | undefined;
      for (const count of steps) {
        const { reads, writes, memory } = await measureBackend(backend, grown(records, count), rounds, folder);
        const name = (what: string) => `1,000 ${what} of a contract record, ${backend}, ${count} records`;
        if (first === undefined) {
          figures.push(figureOf(name("reads"), microseconds(reads), [planned.reads * 1_000], 1));
          figures.push(figureOf(name("writes"), microseconds(writes), [planned.writes * 1_000], 1));
          const [used, most] = [memory / 2 ** 20, planned.memory / 2 ** 20];
          figures.push(figureOf(`memory, ${backend}, ${count} records`, [used], [most], 1, "MB"));
          first = { reads, writes };
          continue;
        }
        // LevelDB looks a record up; a unified file is read and written as a whole.
        const goal = backend === "leveldb" ? 2 : (2 * count) / (steps[0] ?? 1);
        const against = { reads: microseconds(first.reads), writes: microseconds(first.writes) };
        figures.push(figureOf(name("reads"), microseconds(reads), against.reads, goal));
        figures.push(figureOf(name("writes"), microseconds(writes), against.writes, goal));
      }
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (require.main === module) {
  void contractFigures(runs * 5).then((figures) => {
    for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
  });
}
