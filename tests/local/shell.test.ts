import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { posixQuote, powershellQuote, shellExports } from "../../local/shell";

const value = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));

describe("shell quoting", () => {
  it("is undone by a POSIX shell, whatever the value holds", () => {
    // A shell per value would take minutes; each prints many.
    fc.assert(
      fc.property(fc.array(value, { minLength: 20, maxLength: 60 }), (values) => {
        const script = values.map((text) => `printf '%s\\0' ${posixQuote(text)}\n`).join("");
        const { stdout } = spawnSync("/bin/sh", ["-s"], { input: script });
        assert.deepEqual(stdout, Buffer.from(values.map((text) => `${text}\0`).join("")));
      }),
      { numRuns: 10 },
    );
  });

  it("stays one string for PowerShell, whose strings end at typographic quotes too", () => {
    const quotes = fc.string({ unit: fc.constantFrom("'", "‘", "’", "‚", "‛", "a", " ", "$", "`", "\n") });
    fc.assert(
      fc.property(fc.oneof(value, quotes), (text) => {
        const inside = powershellQuote(text).slice(1, -1);
        assert.equal(inside.replace(/(['‘’‚‛])\1/g, "").search(/['‘’‚‛]/), -1, "no quote stands alone");
        assert.equal(inside.replace(/(['‘’‚‛])\1/g, "$1"), text);
      }),
    );
  });

  it("writes one line per variable", () => {
    const variables = { PATH: "/a b:/c", IT: "it's" };
    assert.equal(shellExports(variables, "posix"), "export PATH='/a b:/c'\nexport IT='it'\\''s'\n");
    assert.equal(shellExports(variables, "powershell"), "$env:PATH = '/a b:/c'\n$env:IT = 'it''s'\n");
  });

  it("refuses what no environment can hold", () => {
    assert.throws(() => shellExports({ "A;rm": "x" }, "posix"), RangeError);
    assert.throws(() => shellExports({ A: "x\0y" }, "powershell"), RangeError);
  });
});
