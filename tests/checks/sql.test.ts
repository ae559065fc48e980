import assert from "node:assert/strict";
import fc from "fast-check";
import type { Pool } from "pg";
import { valuesOf } from "../../checks/asking-as";
import { inTransaction, judgeRows, read } from "../../checks/sql";

const measure = (seen: unknown, expected: unknown) => judgeRows([[seen]], [[expected]]);

describe("a value that a query answers", () => {
  const same: readonly [string, unknown, unknown][] = [
    ["a count, which comes as text", "7", 7],
    ["a negative number", "-1.5", -1.5],
    ["an average, with its zeros", "2.0000000000000000", 2],
    ["a numeric of two digits", "1.50", 1.5],
    ["zero", "0.00", 0],
    ["a number that ends in zeros before its point", "100", 100],
    ["a text that looks like a number, where a text is expected", "7", "7"],
  ];
  for (const [name, seen, expected] of same) {
    it(`is as expected: ${name}`, () => {
      assert.equal(measure(seen, expected).result, "passed");
    });
  }

  const other: readonly [string, unknown, unknown][] = [
    ["an empty text is no zero", "", 0],
    ["blanks are no zero", " ", 0],
    ["a word is no number", "many", 1],
    ["NaN of a numeric", "NaN", 0],
    ["NaN of a double", Number.NaN, 0],
    ["an infinity", Number.POSITIVE_INFINITY, 1],
    ["another notation", "0x10", 16],
    ["a number that a double would round", "9007199254740993", 9007199254740992],
  ];
  for (const [name, seen, expected] of other) {
    it(`fails the check and does not break it: ${name}`, () => {
      assert.equal(measure(seen, expected).result, "failed");
    });
  }
});

describe("a date or a time that a query answers", () => {
  const zone = process.env.TZ;
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  for (const [name, oid, text, expected] of [
    ["date", 1082, "2025-09-17", "2025-09-17"],
    ["date before Christ", 1082, "0044-03-15 BC", "0044-03-15 BC"],
    ["date without an end", 1082, "infinity", "infinity"],
    ["timestamp", 1114, "2025-03-30 02:30:00", "2025-03-30 02:30:00"],
    ["timestamptz to the microsecond", 1184, "2025-09-17 08:30:00.123456+00", "2025-09-17 08:30:00.123456+00"],
    ["interval", 1186, "1 mon 2 days 03:04:05", "1 mon 2 days 03:04:05"],
    ["date[]", 1182, "{2025-09-17,NULL}", ["2025-09-17", null]],
    ["timestamptz[]", 1185, '{"2025-09-17 08:30:00+00"}', ["2025-09-17 08:30:00+00"]],
  ] as const) {
    it(`is the same in Tokyo and New York: ${name}`, () => {
      for (const TZ of ["Asia/Tokyo", "America/New_York", "UTC"]) {
        process.env.TZ = TZ;
        const measured = judgeRows(read({ types: [oid], rows: [[text]] }), [[expected]]);
        assert.deepEqual(measured, { result: "passed", evidence: JSON.stringify([[expected]]) }, TZ);
      }
    });
  }
});

describe("a row as PostgreSQL writes it", function () {
  this.timeout(20_000);
  it("is read value by value, whatever stands in them", () => {
    const texts = fc.array(fc.option(fc.string({ unit: "binary" })), { minLength: 1 });
    fc.assert(
      fc.property(texts, (values) => {
        // As record_out does.
        const written = values.map((value) => {
          if (value === null) return "";
          return /^$|[\s"\\(),]/.test(value) ? `"${value.replace(/["\\]/g, "$&$&")}"` : value;
        });
        assert.deepEqual(valuesOf(`(${written.join(",")})`, values.length), values);
      }),
    );
  });
});

describe("the connection of a query", () => {
  it("is given back to the pool, and thrown away when it cannot be rolled back", async () => {
    const released: unknown[] = [];
    const broken = (asked: string) =>
      asked.startsWith("rollback") ? Promise.reject(new Error("the connection is gone")) : Promise.resolve();
    for (const query of [() => Promise.resolve(), broken]) {
      const client = { query, release: (destroy?: boolean) => released.push(destroy) };
      const pool = { connect: () => Promise.resolve(client) } as unknown as Pool;
      await inTransaction(pool, "read only", () => Promise.resolve());
    }
    assert.deepEqual(released, [undefined, true]);
  });
});
