import assert from "node:assert/strict";
import type { Pool } from "pg";
import { measureQuery } from "../../checks/sql";

/** A pool whose only connection answers `select` with the given rows, and tells how it was given back. */
function answering(rows: unknown[][], released: unknown[] = [], broken = false): Pool {
  const query = (asked: unknown) => {
    if (broken && asked === "rollback") return Promise.reject(new Error("the connection is gone"));
    return Promise.resolve({ rows: typeof asked === "string" ? [] : rows });
  };
  const client = { query, release: (destroy?: boolean) => released.push(destroy) };
  return { connect: () => Promise.resolve(client) } as unknown as Pool;
}

const measure = (seen: unknown, expected: unknown) =>
  measureQuery(answering([[seen]]), "select it", [[expected]], 1_000);

describe("a value that a query answers", () => {
  const same: readonly [string, unknown, unknown][] = [
    ["a count, which comes as text", "7", 7],
    ["a negative number", "-1.5", -1.5],
    ["an average, with its zeros", "2.0000000000000000", 2],
    ["a numeric of two digits", "1.50", 1.5],
    ["zero", "0.00", 0],
    ["a number that ends in zeros before its point", "100", 100],
    ["a text that looks like a number, where a text is expected", "7", "7"],
    ["a time", new Date(0), "1970-01-01T00:00:00.000Z"],
  ];
  for (const [name, seen, expected] of same) {
    it(`is as expected: ${name}`, async () => {
      assert.equal((await measure(seen, expected)).result, "passed");
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
    it(`fails the check and does not break it: ${name}`, async () => {
      assert.equal((await measure(seen, expected)).result, "failed");
    });
  }
});

describe("the connection of a query", () => {
  it("is given back to the pool, and thrown away when it cannot be rolled back", async () => {
    const released: unknown[] = [];
    await measureQuery(answering([[1]], released), "select 1", [[1]], 1_000);
    await measureQuery(answering([[1]], released, true), "select 1", [[1]], 1_000);
    assert.deepEqual(released, [undefined, true]);
  });
});
