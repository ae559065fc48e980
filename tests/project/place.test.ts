import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "yaml";
import { readYaml } from "../../project/yaml";
import { pathOf } from "../../release/problems";

/** Every value within a value, with the keys that lead there. */
function* valuesIn(value: unknown, keys: readonly string[] = []): Generator<readonly [readonly string[], unknown]> {
  yield [keys, value];
  if (typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value!)) yield* valuesIn(inner, [...keys, key]);
}

describe("the line of a value in a stack file", () => {
  it("is the one on which it is written, whatever the keys are", () => {
    let count = 0;
    // Keys with points, one of which is the beginning of another, as releases have them.
    const key = fc.constantFrom("v1", "v1.2", "v1.2.0", "2.0", "api", "a b", "ключ", "0", "x".repeat(90));
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.constant("leaf"),
      tree: fc.oneof(
        { depthSize: "small" },
        tie("leaf"),
        fc.dictionary(key, tie("tree"), { minKeys: 1, maxKeys: 5 }),
        fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1 }), (shape) => {
        const named = JSON.parse(JSON.stringify(shape), (_, value: unknown) =>
          value === "leaf" ? `leaf${(count += 1)}.` : value,
        ) as Record<string, unknown>;
        const text = stringify({ config: { "rewind:releases": named } }, { lineWidth: 0 });
        const file = readYaml(text);
        const all = [...valuesIn(named)].map(([keys, value]) => ({ keys, value, path: pathOf(keys) }));
        for (const { keys, value, path } of all) {
          if (typeof value !== "string") continue;
          const line = text.slice(0, text.indexOf(value)).split("\n").length;
          assert.equal(file.lineOf(["config", "rewind:releases", ...keys]), line, `${path}\n${text}`);
          // Where a path can be read in two ways, either is right.
          if (all.filter((each) => each.path === path).length > 1) continue;
          assert.equal(file.lineOf(["config", "rewind:releases"], path), line, `${path}\n${text}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is the one of the anchor where an alias or a merge brings the value, and a key of the map's own wins", () => {
    const text =
      "config:\n  base: &base\n    image: a\n    port: 1\n  own:\n    <<: *base\n    port: 2\n  same: *base\n  both:\n    <<: [{ port: 3 }, *base]\n";
    const file = readYaml(text);
    const lines = ["own.image", "own.port", "same.image", "both.image", "both.port", "own.none", "none"];
    assert.deepEqual(
      lines.map((path) => file.lineOf(["config"], path)),
      [3, 7, 3, 3, 10, 5, 1],
    );
  });

  it("is found in no time in a file with thousands of keys, and where merges are deep", () => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `k${index}`);
    const wide = readYaml(`config:\n  x:\n${keys.map((key) => `    ${key}: 1\n`).join("")}`);
    const levels = Array.from({ length: 30 }, (_, n) => `l${n + 1}: &l${n + 1} { <<: [*l${n}, *l${n}] }`);
    const deep = readYaml(`l0: &l0 { a: 1 }\n${levels.join("\n")}\n`);
    const started = performance.now();
    for (const [index, key] of keys.entries()) assert.equal(wide.lineOf(["config", "x"], key), index + 3);
    assert.equal(deep.lineOf(["l30"], "a"), 1);
    assert.equal(deep.lineOf(["l30"], "b"), 31);
    assert.ok(performance.now() - started < 1_000);
  });
});
