import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { jsonLines, keyOf, normalRow, rowDigests, rowsDigest, rowTexts } from "../../release/rows";
import type { Table } from "../../release/schema/rows";

const table: Table = {
  key: "key",
  columns: { key: "text", value: "jsonb", since: "timestamptz", count: "integer" },
  touched: "updated_at",
};

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

  it("keeps the microseconds of a time", () => {
    const since = (value: string) => normalRow({ since: value }, table).since;
    assert.equal(since("2025-09-17T21:00:00.123456+02:00"), "2025-09-17T19:00:00.123456Z");
    assert.notEqual(since("2025-09-17T21:00:00.123456Z"), since("2025-09-17T21:00:00.123457Z"));
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

  it("is one text for one UUID, in capitals or not", () => {
    const uuid = "6F9619FF-8B86-D011-B42D-00CF4FC964FF";
    const byId: Table = { key: "id", columns: { id: "uuid" } };
    assert.equal(keyOf({ id: uuid }, byId), keyOf({ id: uuid.toLowerCase() }, byId));
  });

  it("of several columns tells any two rows apart that differ in one of them", () => {
    const composite: Table = { key: ["a", "b"], columns: { a: "text", b: "text" } };
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
        assert.equal(keyOf({ a, b }, composite) === keyOf({ a: c, b: d }, composite), a === c && b === d);
      }),
    );
  });
});

describe("rows as JSON Lines", () => {
  const rows = [
    { key: "b", value: [1, null] },
    { key: "a", value: { y: "\n", x: "\u2028" } },
  ];

  it("have one digest whatever their order and that of their columns, and a line each", () => {
    const other = [{ value: { x: "\u2028", y: "\n" }, key: "a" }, rows[0]!];
    assert.deepEqual(rowsDigest({ rows }), rowsDigest({ rows: other }));
    assert.equal(jsonLines(rows).split("\n").length, rows.length + 1);
  });

  it("are what sha256sum says of the file", () => {
    const hex = createHash("sha256").update(jsonLines(rows)).digest("hex");
    assert.deepEqual(rowsDigest({ rows }), { digest: `sha256:${hex}`, count: 2 });
    const file = { file: "rows/limits.jsonl", digest: `sha256:${hex}`, count: 2 };
    assert.deepEqual(rowsDigest(file), file);
  });
});

describe("what PostgreSQL is given for a row", () => {
  it("is a text for each column in the order of the table", () => {
    const row = { count: 7, value: { x: null }, key: "a", since: null };
    const columns = Object.entries(table.columns);
    assert.deepEqual(rowTexts(row, columns), ["a", '{"x":null}', null, "7"]);
  });

  it("is an error that names the column where one is too many, missing or of another type", () => {
    const columns = Object.entries(table.columns);
    const row = { key: "a", value: 1, since: null, count: 1 };
    assert.throws(() => rowTexts({ ...row, more: 1 }, columns), /"more": no such column/);
    assert.throws(() => rowTexts({ key: "a", value: 1, since: null }, columns), /^MisfitRow: count: expected a value/);
    assert.throws(() => rowTexts({ ...row, count: "x" }, columns), /^MisfitRow: count: expected integer, got "x"$/);
    for (const other of [null, 1, "a", []]) assert.throws(() => rowTexts(other, columns), /expected a JSON object/);
  });
});
