import { relative } from "node:path";

/**
 * Tells when a file begins, where files run side by side. Mocha prints the tests of such a file when all of them are done;
 * without this line, nobody would know what a run that was ended from outside was busy with.
 */
export const mochaHooks = {
  beforeAll(this: Mocha.Context): void {
    if (process.env.MOCHA_WORKER_ID === undefined) return;
    const file = this.test?.parent?.suites[0]?.file ?? this.test?.parent?.tests[0]?.file;
    if (file !== undefined) process.stderr.write(`  ${relative(process.cwd(), file)} begins\n`);
  },
};
