import assert from "node:assert/strict";
import fc from "fast-check";
import { parseBaseline, sealed, type Baseline } from "../../release/baseline";

const contents: Omit<Baseline, "digest"> = {
  format: "rewind-baseline",
  version: 1,
  stack: "staging",
  at: "2025-09-17T03:30:00.000Z",
  release: "v1.2.1",
  pins: {},
  config: { scoring_config: { schema: "app", rows: [{ key: "fc_share", value: 0.35, updated_at: "2025-09-17" }] } },
  services: { api: { release: "v1.2.1", runs: "scoring@sha256:…", variables: { LOG: "debug" } } },
  functions: { score_prism: { release: null, runs: "no container", parameters: { precision: 2 } } },
  policies: { documents: null },
};
const text = JSON.stringify(sealed(contents), null, 2);
const reason = (of: string): string => {
  const parsed = parseBaseline(of);
  return parsed.ok ? "none" : parsed.reason;
};

describe("a baseline", () => {
  it("is read as it was sealed", () => {
    assert.deepEqual(parseBaseline(text), { ok: true, baseline: sealed(contents) });
  });

  it("is refused when anything in it is another one", () => {
    const places = [...text.matchAll(/[0-9a-z]/g)].map(({ index }) => index);
    fc.assert(
      fc.property(fc.constantFrom(...places), (at) => {
        const other = text[at] === "1" ? "2" : "1";
        assert.notEqual(reason(text.slice(0, at) + other + text.slice(at + 1)), "none");
      }),
    );
  });

  it("is refused when it is torn anywhere", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), (length) => {
        assert.match(reason(text.slice(0, length)), /it is damaged: no JSON, or not all of it/);
      }),
    );
  });

  const others: readonly [string, unknown, RegExp][] = [
    ["another program's file", { version: "3", services: {} }, /^it is no baseline of Rewind's$/],
    ["a list", [1], /^it is no baseline of Rewind's$/],
    ["null", null, /^it is no baseline of Rewind's$/],
    ["a newer version", { ...contents, version: 2 }, /^it has version 2; this Rewind reads version 1$/],
    ["a missing digest", contents, /^it is damaged: digest: /],
    [
      "a table's name that PostgreSQL would cut off",
      sealed({ ...contents, config: { ["a".repeat(64)]: { schema: "app", rows: [] } } }),
      /damaged/,
    ],
    ["an unknown key", { ...sealed(contents), more: 1 }, /^it is damaged: /],
  ];
  for (const [what, value, words] of others) {
    it(`is refused for ${what}`, () => {
      assert.match(reason(JSON.stringify(value)), words);
    });
  }

  it("that is nested without end is refused and breaks nothing", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const nested = text.replace('"documents": null', `"documents": ${deep}`);
    assert.match(reason(nested), /damaged/);
  });
});
