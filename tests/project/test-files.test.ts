import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { parse } from "yaml";

const checkout = join(__dirname, "..", "..");
// Mocha has no types for what its command line does with a pattern.
const { lookupFiles } = createRequire(__filename)("mocha/lib/cli/lookup-files.js") as {
  lookupFiles: (spec: string, extensions: string[], recursive: boolean) => string | string[];
};
const found = (spec: string): string[] =>
  [lookupFiles(join(checkout, spec), ["ts"], false)].flat().map((path) => relative(checkout, path));

describe("npm test", () => {
  it("runs every test file once, in whatever order", () => {
    const { spec } = parse(readFileSync(join(checkout, "tests", "mocharc.all.yaml"), "utf8")) as { spec: string[] };
    assert.deepEqual(spec.flatMap(found).sort(), found("tests/**/*.test.ts").sort());
  });
});
