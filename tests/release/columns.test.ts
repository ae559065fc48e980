import assert from "node:assert/strict";
import { columnFits, columnText, ColumnType, hasOneText, typeName } from "../../release/columns";
import { parseExactly } from "../../release/exact-json";

interface Samples {
  readonly fits: readonly unknown[];
  readonly not: readonly unknown[];
}

const big = "12345678901234567890";
const half = "\ud800";

const samples: Readonly<Record<string, Samples>> = {
  text: { fits: ["", "a", "\\.", "\t\n\r", "😀"], not: [1, true, {}, "a\0b", half] },
  jsonb: {
    fits: [1, "a", {}, [], false, 0.1, 2 ** 53 - 1, big, { a: "\\u0000" }],
    not: [2 ** 53, { deep: [1e300] }, "a\0b", { [half]: 1 }],
  },
  json: { fits: [1, "a", {}, []], not: ["\0", 2 ** 64] },
  smallint: { fits: [0, -32_768, "32767"], not: [32_768, "32768", 1.5, true] },
  integer: { fits: [0, -1, "2147483647", "007", "+1"], not: [1.5, "", "1.0", true, 2 ** 31, "2147483648"] },
  bigint: { fits: [0, 2 ** 53 - 1, "9223372036854775807"], not: [2 ** 53, "9223372036854775808", "1e3"] },
  numeric: {
    fits: [0, 1.5, "1.5", "NaN", "-Infinity", ".5", big, "-0.000000000000000000001"],
    not: ["", Number.NaN, Infinity, 1 / 3, "1,5"],
  },
  real: { fits: [0.5, "0.1", "Infinity", 1 / 3], not: ["x", Infinity] },
  "double precision": { fits: [0.1, "1e-300"], not: [Number.NaN, true] },
  boolean: { fits: [true, false, "true", "off", "1"], not: [0, "maybe", ""] },
  date: {
    fits: ["2025-09-17", "2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "17.9.2025", "294276-12-31"],
    not: ["2025-02-29", "2025-13-01", "today", "0000-01-01", 20250917],
  },
  time: { fits: ["19:00", "19:00:00.123456"], not: ["now", 19] },
  timestamp: {
    fits: ["2025-09-17T19:00:00", "2025-09-17 19:00"],
    not: ["2025-09-17T19:00:00Z", "2025-09-17 19:00+02", "yesterday"],
  },
  timestamptz: {
    fits: [
      "2025-09-17T19:00:00Z",
      "2025-09-17 19:00:00.123456+02",
      "2025-09-17T19:00:00-05:30",
      "2025-09-17 19:00 Europe/Berlin",
      "infinity",
      "0044-03-15 12:00:00+00 BC",
    ],
    not: ["2025-09-17", "2025-09-17T19:00:00", "2025-09-17 19:00 BC", "now", "2025-13-01T00:00:00Z", 0],
  },
  uuid: { fits: ["6F9619FF-8B86-D011-B42D-00CF4FC964FF", "{6f9619ff8b86d011b42d00cf4fc964ff}"], not: ["6f9619ff", 1] },
  bytea: { fits: ["\\x", "\\xDEADbeef", "\\001"], not: ["deadbeef", 1] },
  inet: { fits: ["10.0.0.0/8", "::1", "127.0.0.1"], not: ["a\0b", half] },
  interval: { fits: ["1 day 02:03:04", "P1Y2M"], not: ["\0", "now"] },
  money: { fits: ["$1,234.50", 12.5], not: [1 / 3] },
  'app."Role"': { fits: ["admin"], not: [half] },
  int4range: { fits: ["[1,5)", "empty"], not: ["\0"] },
  "text[]": { fits: ["{a}", [["a"], ["b"]], [], ["a", null, '"\\{},'], ["NULL"]], not: [[1], ["\0"]] },
  "integer[]": { fits: [[1, null, -1]], not: [[1.5], "\0"] },
  "date[]": { fits: [["2025-09-17", null, "infinity"]], not: [["today"]] },
  "jsonb[]": { fits: [[[1, 2], { a: 1 }]], not: [["\0"]] },
  "bigint[]": { fits: [["9223372036854775807"]], not: [[2 ** 53]] },
  "uuid[]": { fits: [["6f9619ff-8b86-d011-b42d-00cf4fc964ff"]], not: [["x"]] },
};

describe("a value of a pinned column", () => {
  for (const [type, { fits, not }] of Object.entries(samples)) {
    it(`fits a column of type ${type}, or does not`, () => {
      for (const value of [...fits, null]) assert.equal(columnFits(type, value), true, JSON.stringify(value));
      for (const value of not) assert.equal(columnFits(type, value), false, JSON.stringify(value));
      assert.equal(columnFits(type, undefined), false);
    });
  }

  it("is given to PostgreSQL with every digit, and SQL NULL for null in any type", () => {
    assert.equal(columnText("numeric", "1.500000000000000000000000001"), "1.500000000000000000000000001");
    assert.equal(columnText("bigint", "9223372036854775807"), "9223372036854775807");
    assert.equal(columnText("jsonb", big), `"${big}"`);
    for (const type of Object.keys(samples)) assert.equal(columnText(type, null), null);
  });

  it("that is a list is quoted so that no element can end it", () => {
    assert.equal(
      columnText("text[]", ['a"b', "c\\d", "{}", "NULL", "", null]),
      '{"a\\"b","c\\\\d","{}","NULL","",NULL}',
    );
  });

  it("keeps the digits of a JSON number that a double would round", () => {
    const value = (text: string) => parseExactly(`{"a":${text}}`) as { a: unknown };
    assert.equal(columnText("bigint", value("9223372036854775807").a), "9223372036854775807");
    assert.equal(columnText("bigint[]", value("[9007199254740993,1]").a), '{"9007199254740993","1"}');
    assert.equal(columnText("numeric", value("0.12345678901234567890").a), "0.12345678901234567890");
    assert.equal(columnText("jsonb", value("[1e400,12345678901234567890]").a), "[1e400,12345678901234567890]");
    assert.equal(columnText("jsonb", value('"risky: 12345678901234567890"').a), '"risky: 12345678901234567890"');
  });

  it("that is a list of lists is an array of more dimensions, but for JSON", () => {
    assert.equal(columnText("integer[]", [[1], [2]]), '{{"1"},{"2"}}');
    assert.equal(columnText("jsonb[]", [[1], [2]]), '{"[1]","[2]"}');
  });
});

describe("the type of a pinned column", () => {
  const fits = (type: string) => ColumnType.safeParse(type).success;

  it("has any name that PostgreSQL has for a type", () => {
    for (const type of [
      "int4",
      "numeric(10,2)",
      "numeric(10, -2)",
      "varchar(20)",
      "character varying(20)[]",
      "timestamp with time zone",
      "timestamp (3) without time zone[]",
      "interval day to second(3)",
      "double precision",
      "bit varying(5)",
      'app."Mood"',
      '"Role"[]',
      "public.geometry(Point,4326)",
      "integer[3][3]",
      "Größe",
    ]) {
      assert.equal(fits(type), true, type);
    }
  });

  it("is one name and nothing else, so that no text of a type is read as more SQL", () => {
    for (const type of [
      "",
      " text",
      "text; drop table x",
      "text) or (true",
      "text not null",
      "text or true",
      'text collate "C"',
      "text -- x",
      "text/**/",
      "a.b.c",
      "numeric(1,(2))",
      "text'x'",
      '"a"b',
      "text[",
      "int[1;2]",
      "x".repeat(201),
    ]) {
      assert.equal(fits(type), false, type);
    }
  });

  it("is one type under all of its names", () => {
    const names: readonly [string, string][] = [
      ["INT4", "integer"],
      ["timestamp(3) with time zone", "timestamptz"],
      ["character varying(20)[]", "varchar[]"],
      ["decimal(10,2)", "numeric"],
      ["interval day to second", "interval"],
      ["pg_catalog.int8", "bigint"],
      ['"Int4"', '"Int4"'],
    ];
    for (const [name, one] of names) assert.equal(typeName(name), one);
    assert.equal(hasOneText("VARCHAR(20)"), true);
    for (const type of ["numeric", "timestamptz", "interval", "citext", "date", "bpchar"]) {
      assert.equal(hasOneText(type), false, type);
    }
  });
});
