import Mocha from "mocha";

/** Mocha's spec reporter, closed by the plain line `N passed, N failed`; a skipped test is named and counted. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      const skipped = pending > 0 ? `, ${String(pending)} skipped` : "";
      process.stdout.write(`\n${String(passes)} passed, ${String(failures)} failed${skipped}\n`);
    });
  }
}
