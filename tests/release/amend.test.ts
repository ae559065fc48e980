import assert from "node:assert/strict";
import fc from "fast-check";
import { amend } from "../../release/amend";
import { canonicalJson } from "../../release/canonical";
import { diffPinned } from "../../release/diff";
import { selectPinned } from "../../release/pinned";
import type { Release } from "../../release/schema/release";
import type { Table } from "../../release/schema/rows";
import { releaseOf } from "./arbitraries";

const table: Table = { key: "key", columns: { key: "text", value: "jsonb", note: "text" } };
const tables = { api: table, score: table };
const pin = (release: Release) => selectPinned("a", {}, new Map([["a", release]]));
const scalar = fc.oneof(fc.boolean(), fc.integer(), fc.string({ maxLength: 6 }));

describe("a release made from another one", () => {
  it("differs from it by exactly the changes that were given", () => {
    const names = ["api", "score"] as const;
    const given = fc.record({
      toggles: fc.dictionary(fc.constantFrom(...names), fc.boolean()),
      parameters: fc.dictionary(fc.constantFrom(...names), fc.integer()),
      rows: fc.dictionary(fc.constantFrom(...names), scalar),
    });
    fc.assert(
      fc.property(releaseOf(names), given, (base, { toggles, parameters, rows }) => {
        const values = [
          ...Object.entries(toggles).map(([name, value]) => ({ path: `toggles.${name}`, value })),
          ...Object.entries(parameters).map(([name, value]) => ({ path: `functions.${name}.parameters.given`, value })),
          ...Object.entries(rows).map(([name, value]) => ({ path: `config.${name}.a new.key.value`, value })),
        ];
        const texts = values.map(({ path, value }) => ({ path, text: JSON.stringify(value) }));
        const { record, problems } = amend(base, { values: texts }, tables);
        assert.deepEqual(problems, []);
        const found = diffPinned(pin(base), pin(record), tables);
        const expected = [
          ...Object.keys(parameters).map((name) => `functions/${name}`),
          ...Object.keys(rows).map((name) => `config/${name}`),
          ...Object.entries(toggles)
            .filter(([name, value]) => base.toggles?.[name] !== value)
            .map(([name]) => `toggles/${name}`),
        ];
        assert.deepEqual(found.map(({ facet, entry }) => `${facet}/${entry}`).sort(), expected.sort());
        for (const { rows: changed } of found) {
          for (const row of changed ?? []) {
            assert.equal(row.key, "a new.key");
            assert.equal(row.action, "added");
          }
        }
      }),
    );
  });

  it("leaves the other one as it was, and is the same when nothing is given but for the words about it", () => {
    fc.assert(
      fc.property(releaseOf(["api"]), (base) => {
        const before = JSON.stringify(base);
        const { record } = amend({ ...base, description: "old" }, { values: [] }, tables);
        assert.equal(canonicalJson(record), canonicalJson(base));
        amend(base, { removed: ["toggles.api"], images: { "services/api": "x" } }, tables);
        assert.equal(JSON.stringify(base), before);
      }),
    );
  });

  it("keeps the text of a text column, whatever it looks like", () => {
    const base: Release = { config: { api: { rows: [{ key: "a", value: 1, note: "x" }] } } };
    for (const [text, note] of [
      ["1.20", "1.20"],
      ["true", "true"],
      ['"quoted"', "quoted"],
      ["v1", "v1"],
    ]) {
      const { record } = amend(base, { values: [{ path: "config.api.a.note", text: text! }] }, tables);
      assert.deepEqual((record as Release).config?.api, { rows: [{ key: "a", value: 1, note }] });
    }
  });

  it("keeps every digit of a number, as a text where a stack file would round it, or says that it cannot", () => {
    const numbers = { api: { key: "id", columns: { id: "bigint", amount: "numeric", value: "jsonb" } } };
    const base: Release = { config: { api: { rows: [{ id: 1, amount: 1, value: 1 }] } } };
    const set = (path: string, text: string) => amend(base, { values: [{ path, text }] }, numbers);
    for (const [column, text, expected] of [
      ["amount", "0.10000000000000000555", "0.10000000000000000555"],
      ["amount", "1.50", "1.50"],
      ["amount", "2.5", 2.5],
      ["value", "1.0", 1],
      ["value", '"9007199254740993"', "9007199254740993"],
    ] as const) {
      const { record, problems } = set(`config.api.1.${column}`, text);
      assert.deepEqual(problems, []);
      assert.deepEqual((record as Release).config?.api, {
        rows: [{ id: 1, amount: 1, value: 1, [column]: expected }],
      });
    }
    for (const [path, remedy] of [
      ["config.api.1.value", /does not keep every digit of this number; put the rows of api into a file/],
      [
        "functions.f.parameters.p",
        /does not keep every digit of this number; write it as a text, '"9007199254740993"'/,
      ],
    ] as const) {
      assert.match(set(path, "9007199254740993").problems[0]?.message ?? "", remedy);
    }
  });

  it("never touches a prototype", () => {
    for (const path of ["toggles.__proto__.polluted", "functions.constructor.prototype.polluted"]) {
      amend({}, { values: [{ path, text: "true" }] }, tables);
      assert.equal(({} as { polluted?: unknown }).polluted, undefined, path);
    }
    amend({}, { patch: JSON.parse('{"toggles":{"__proto__":{"polluted":true}}}') as unknown }, tables);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});
