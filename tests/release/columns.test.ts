import assert from "node:assert/strict";
import { columnFits, columnText, ColumnType } from "../../release/columns";

interface Samples {
  readonly fits: readonly unknown[];
  readonly not: readonly unknown[];
}

const big = "12345678901234567890";
const half = "\ud800";

const samples: Record<ColumnType, Samples> = {
  text: { fits: ["", "a", "\\.", "\t\n\r", "😀"], not: [1, true, {}, "a\0b", half] },
  jsonb: {
    fits: [1, "a", {}, [], false, 0.1, 2 ** 53 - 1, big, { a: "\\u0000" }],
    not: [2 ** 53, { deep: [1e300] }, "a\0b", { [half]: 1 }],
  },
  json: { fits: [1, "a", {}, []], not: ["\0", 2 ** 64] },
  smallint: { fits: [0, -32_768, "32767"], not: [32_768, "32768", 1.5, true] },
  integer: { fits: [0, -1, "2147483647"], not: [1.5, "", "1.0", "0x10", "007", "-0", true, 2 ** 31] },
  bigint: { fits: [0, 2 ** 53 - 1, "9223372036854775807"], not: [2 ** 53, "9223372036854775808", " 1", "1e3"] },
  numeric: {
    fits: [0, 1.5, "1.5", big, "-0.000000000000000000001"],
    not: ["", "NaN", Number.NaN, Infinity, 1 / 3, "1,5"],
  },
  real: { fits: [0.5, "0.1"], not: ["Infinity", "x"] },
  "double precision": { fits: [0.1, "1e-300"], not: [Number.NaN, true] },
  boolean: { fits: [true, false], not: [0, "true"] },
  date: { fits: ["2025-09-17", "2024-02-29"], not: ["2025-02-29", "2025-13-01", "today", "0000-01-01", "17.9.2025"] },
  time: { fits: ["19:00", "19:00:00.123456"], not: ["24:00", "19:60", "now", "19:00:00.1234567"] },
  timestamp: { fits: ["2025-09-17T19:00:00", "2025-09-17 19:00"], not: ["2025-09-17T19:00:00Z", "yesterday"] },
  timestamptz: {
    fits: ["2025-09-17T19:00:00Z", "2025-09-17 19:00:00.123456+02", "2025-09-17T19:00:00-05:30"],
    not: [
      "2025-09-17",
      "2025-09-17T19:00:00",
      "now",
      "infinity",
      "2025-13-01T00:00:00Z",
      "2025-09-17T19:00:00.1234567Z",
      0,
    ],
  },
  uuid: { fits: ["6F9619FF-8B86-D011-B42D-00CF4FC964FF"], not: ["6f9619ff", 1] },
  bytea: { fits: ["\\x", "\\xDEADbeef"], not: ["deadbeef", "\\xabc", "\\001"] },
  inet: { fits: ["10.0.0.0/8", "::1", "127.0.0.1"], not: ["localhost", "10.0.0.0/8; drop", 1] },
  "text[]": { fits: [[], ["a", null, '"\\{},'], ["NULL"]], not: ["{a}", [1], [["a"]], ["\0"]] },
  "integer[]": { fits: [[1, null, -1]], not: [[1.5], 1] },
  "bigint[]": { fits: [["9223372036854775807"]], not: [[2 ** 53]] },
  "uuid[]": { fits: [["6f9619ff-8b86-d011-b42d-00cf4fc964ff"]], not: [["x"]] },
};

describe("a value of a pinned column", () => {
  for (const type of ColumnType.options) {
    it(`fits a column of type ${type}, or does not`, () => {
      for (const value of [...samples[type].fits, null])
        assert.equal(columnFits(type, value), true, JSON.stringify(value));
      for (const value of samples[type].not) assert.equal(columnFits(type, value), false, JSON.stringify(value));
      assert.equal(columnFits(type, undefined), false);
    });
  }

  it("is given to PostgreSQL with every digit, and SQL NULL for null in any type", () => {
    assert.equal(columnText("numeric", "1.500000000000000000000000001"), "1.500000000000000000000000001");
    assert.equal(columnText("bigint", "9223372036854775807"), "9223372036854775807");
    assert.equal(columnText("jsonb", big), `"${big}"`);
    for (const type of ColumnType.options) assert.equal(columnText(type, null), null);
  });

  it("that is a list is quoted so that no element can end it", () => {
    assert.equal(
      columnText("text[]", ['a"b', "c\\d", "{}", "NULL", "", null]),
      '{"a\\"b","c\\\\d","{}","NULL","",NULL}',
    );
  });
});
