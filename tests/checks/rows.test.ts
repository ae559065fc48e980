import assert from "node:assert/strict";
import type { Pool } from "pg";
import type { LocatedTable } from "../../rows/sql";
import { measureRowDrift } from "../../checks/rows";
import { rowDigests } from "../../release/rows";
import type { Row } from "../../release/schema/rows";

const located: LocatedTable = {
  schema: "app",
  name: "settings",
  table: { key: "key", columns: { key: "text", value: "jsonb", note: "text" } },
};

const columns = Object.entries(located.table.columns).map(([name, type]) => ({ name, type, oid: type.length }));
const types = columns.map(({ type, oid }) => ({
  oid,
  bare: type,
  kind: "b",
  category: "U",
  hashable: true,
  parts: null,
}));

/** A database with the given rows in its only table; without rows, it has no table either. */
function databaseWith(rows: readonly Row[] | undefined): Pool {
  const query = (text: string, values: readonly unknown[]) => {
    // Everything in it is the administrator's.
    if (text.includes("pg_depend")) return Promise.resolve({ rows: [] });
    if (text.includes("as found")) return Promise.resolve({ rows: [{ found: rows !== undefined }] });
    if (text.includes("as problem")) return Promise.resolve({ rows: [] });
    if (text.includes("relkind")) return Promise.resolve({ rows: [{ kind: "r", rules: [], triggers: [] }] });
    if (text.includes("pg_attribute where")) return Promise.resolve({ rows: columns });
    if (text.includes("with recursive types")) return Promise.resolve({ rows: types });
    const keys = values[0] as unknown[];
    const found = (rows ?? []).filter(({ key }) => keys.includes(key));
    const told = found.map((row) => ({ n: keys.indexOf(row.key) + 1, text: JSON.stringify(row) }));
    return Promise.resolve({ rows: told });
  };
  return { query } as unknown as Pool;
}

const drift = (live: readonly Row[] | undefined, ...applied: (readonly Row[])[]) =>
  measureRowDrift(
    databaseWith(live),
    located,
    applied.map((rows) => ({ digests: rowDigests(rows, located.table) })),
  );

describe("the drift of rows, by the digests that the first version of the log kept", () => {
  const row = { key: "a", value: 1, note: "why" };

  it("is none when each row is as one of the states left it", async () => {
    const states = [[row], [{ ...row, value: 2 }]];
    for (const live of states) assert.equal((await drift(live, ...states)).result, "passed");
    assert.equal((await drift([{ ...row, value: 3 }], ...states)).result, "failed");
  });

  it("names the row that changed, and the row that is gone", async () => {
    assert.match((await drift([{ ...row, value: 3 }], [row])).evidence, /: settings\/a is now .*"value":3/);
    assert.match((await drift([], [row])).evidence, /: settings\/a is gone$/);
  });

  it("lets a row be absent that one of the states does not have, whatever its key is called", async () => {
    for (const key of ["a", "toString", "constructor", "hasOwnProperty"]) {
      const { result, evidence } = await drift([], [{ ...row, key }], []);
      assert.equal(result, "passed", evidence);
      assert.equal((await drift([{ ...row, key }], [{ ...row, key }], [])).result, "passed", key);
    }
  });

  it("has nothing to compare when the table or the database is gone as a whole", async () => {
    assert.deepEqual(await drift(undefined, [row]), {
      result: "passed",
      evidence: "the table is gone as a whole; there is nothing to compare",
    });
    const gone = { query: () => Promise.reject(Object.assign(new Error("no database"), { code: "3D000" })) };
    const measured = await measureRowDrift(gone as unknown as Pool, located, [
      { digests: rowDigests([row], located.table) },
    ]);
    assert.deepEqual(measured, {
      result: "passed",
      evidence: "the database is gone as a whole; there is nothing to compare",
    });
  });

  it("is not called none when the database cannot be asked", async () => {
    const refused = { query: () => Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })) };
    await assert.rejects(measureRowDrift(refused as unknown as Pool, located, [{ digests: {} }]), /^Error: refused$/);
  });

  it("is none when the table has got a column since, and the row has nothing in it", async () => {
    const applied = [{ key: "a", value: 1 }];
    assert.equal((await drift([{ ...applied[0], note: null }] as Row[], applied)).result, "passed");
    assert.equal((await drift([{ ...applied[0], note: "edited" }] as Row[], applied)).result, "failed");
  });
});
