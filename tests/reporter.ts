import { relative } from "node:path";
import Mocha from "mocha";

const slowestShown = 10;

/**
 * Mocha's spec reporter, closed by the files that took longest and the plain line `N passed, N failed`; a skipped test is
 * named and counted.
 */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const milliseconds = new Map<string, number>();
    const add = ({ file, duration }: Mocha.Runnable): void => {
      if (file !== undefined) milliseconds.set(file, (milliseconds.get(file) ?? 0) + (duration ?? 0));
    };
    runner.on("test end", add).on("hook end", add);
    runner.once("end", () => {
      process.stdout.write(`\nThe slowest files:\n${slowest(milliseconds).join("")}`);
      const { passes, failures, pending } = this.stats;
      const skipped = pending > 0 ? `, ${String(pending)} skipped` : "";
      process.stdout.write(`\n${String(passes)} passed, ${String(failures)} failed${skipped}\n`);
    });
  }
}

/** A line for each of the slowest files, with the seconds that its tests and hooks took. */
function slowest(milliseconds: ReadonlyMap<string, number>): string[] {
  return [...milliseconds]
    .sort(([, one], [, other]) => other - one)
    .slice(0, slowestShown)
    .map(([file, took]) => `${(took / 1_000).toFixed(1).padStart(8)} s  ${relative(process.cwd(), file)}\n`);
}
