import assert from "node:assert/strict";
import fc from "fast-check";
import { columnFits, keyOf, normalRow, rowDigests, sameRow, type ColumnType } from "../../release/rows";
import type { Table } from "../../release/schema/rows";

const table: Table = {
  key: "key",
  columns: { key: "text", value: "jsonb", since: "timestamptz", count: "integer" },
  touched: "updated_at",
};

describe("a value of a row", () => {
  const samples: Record<ColumnType, { readonly fits: readonly unknown[]; readonly not: readonly unknown[] }> = {
    text: { fits: ["", "a"], not: [1, true, {}] },
    jsonb: { fits: [1, "a", {}, [], false], not: [] },
    integer: { fits: [0, -1], not: [1.5, "1", true, 2 ** 53] },
    bigint: { fits: [0, 2 ** 53 - 1], not: [2 ** 53, "1"] },
    numeric: { fits: [0, 1.5], not: ["1.5", Number.NaN, Infinity] },
    boolean: { fits: [true, false], not: [0, "true"] },
    timestamptz: { fits: ["2025-09-17T19:00:00Z"], not: ["2025-09-17", "yesterday", "2025-13-01T00:00:00Z", 0] },
  };
  for (const [type, { fits, not }] of Object.entries(samples) as [ColumnType, (typeof samples)[ColumnType]][]) {
    it(`fits a column of type ${type}, or does not`, () => {
      for (const value of [...fits, null]) assert.equal(columnFits(type, value), true, JSON.stringify(value));
      for (const value of not) assert.equal(columnFits(type, value), false, JSON.stringify(value));
    });
  }
});

describe("a row in its normal form", () => {
  it("has the same digest in other words: the order of columns, the zone of a time", () => {
    const one = { key: "a", value: { x: 1, y: [2] }, since: "2025-09-17T21:00:00+02:00" };
    const other = { since: "2025-09-17T19:00:00.000Z", value: { y: [2], x: 1 }, key: "a" };
    assert.deepEqual(rowDigests([one], table), rowDigests([other], table));
  });

  it("has another digest when a value is another", () => {
    const digest = (value: number) => rowDigests([{ key: "a", value }], table).a;
    assert.notEqual(digest(1), digest(2));
  });

  it("stays as it is when it is brought into it again", () => {
    const since = fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) })
      .map((date) => date.toISOString());
    fc.assert(
      fc.property(fc.record({ key: fc.string(), value: fc.jsonValue(), since }), (row) => {
        const normal = normalRow(row as never, table);
        assert.deepEqual(normalRow(normal, table), normal);
      }),
    );
  });

  it("leaves times alone that stand in a column of another type", () => {
    const row = { key: "2025-09-17T21:00:00+02:00", value: "2025-09-17T21:00:00+02:00" };
    assert.deepEqual(normalRow(row, table), row);
  });
});

describe("the key of a row", () => {
  it("is its text, and JSON where it is no text", () => {
    assert.equal(keyOf({ key: "a" }, table), "a");
    assert.equal(keyOf({ key: 7 }, table), "7");
  });
});

describe("two rows", () => {
  it("are the same when the live one holds what is expected, and may hold more", () => {
    assert.equal(sameRow({ key: "a", value: 1 }, { key: "a", value: 1, count: 7 }, table), true);
    assert.equal(sameRow({ key: "a", value: 1 }, { key: "a", value: 2 }, table), false);
    assert.equal(sameRow({ key: "a", value: null }, { key: "a" }, table), true);
    assert.equal(sameRow({ key: "a", value: 1 }, { key: "a" }, table), false);
  });
});
