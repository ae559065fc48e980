import assert from "node:assert/strict";
import fc from "fast-check";
import type { Row } from "../../release/schema/rows";
import { planRows } from "../../rows/plan";
import { fileSource } from "../../rows/source";
import type { ConfigRowsInputs } from "../../stacks/config-rows";
import { fixtureFor } from "./fixture";
import { checkout } from "./local-home";
import { openRows, type RowFixture } from "./row-fixture";
import { generatedSchema, type GeneratedSchema } from "./row-schemas";

/** `npm run faults` makes 5,000. */
const schemas = Number(process.env.REWIND_SCHEMAS ?? 200);
const seed = Number(process.env.REWIND_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe("the rows of any schema, on a real PostgreSQL", function () {
  let db: RowFixture;
  before(async function () {
    db = await openRows(await fixtureFor(this));
  });
  after(() => db.close());

  it(`S3 · go there and back: ${schemas} schemas, seed ${seed}`, async () => {
    await fc.assert(fc.asyncProperty(generatedSchema, thereAndBack), { numRuns: schemas, seed, endOnFailure: true });
  });

  async function thereAndBack(schema: GeneratedSchema): Promise<void> {
    await db.client.query("drop schema rows cascade; create schema rows; drop schema if exists rewind cascade");
    await db.client.query(schema.ddl);
    const [first, second] = [pin(schema, schema.before), pin(schema, schema.after)];
    assert.deepEqual(await planned(first), []);
    const one = await db.apply(first);
    // The application's own column of every row, which nothing may touch in rows that stay.
    const mine = await contents(schema);
    assert.deepEqual(await planned(second, first), []);
    const two = await db.apply(second, one);
    await holds(schema, schema.after);
    await db.apply(first, two);
    assert.deepEqual(await contents(schema), mine);
  }

  function pin({ definitions }: GeneratedSchema, rows: GeneratedSchema["before"]): ConfigRowsInputs {
    const tables = Object.entries(definitions).map(([name, definition]) => [
      name,
      db.table(rows[name] ?? [], definition),
    ]);
    return db.pin(Object.fromEntries(tables) as ConfigRowsInputs["tables"]);
  }

  async function planned(pins: ConfigRowsInputs, left: ConfigRowsInputs = db.pin({})): Promise<string[]> {
    const source = (table: ConfigRowsInputs["tables"][string]) =>
      fileSource(`${checkout}/${table.file}`, table.file, table);
    return planRows(
      db.client,
      Object.entries(pins.tables).map(([name, table]) => {
        const before = left.tables[name];
        const located = { schema: "rows", name, table: table.definition };
        return { located, rows: source(table), left: before === undefined ? [] : [source(before)] };
      }),
    );
  }

  /** Every table as the server writes it. */
  async function contents({ definitions }: GeneratedSchema): Promise<string[]> {
    const all = Object.keys(definitions).map((name) => `select '${name} ' || t::text as text from rows.${name} t`);
    const { rows } = await db.client.query<{ text: string }>(`${all.join(" union all ")} order by 1`);
    return rows.map(({ text }) => text);
  }

  /** As many rows as are pinned, and the application's column as its default made it. */
  async function holds({ definitions }: GeneratedSchema, pinned: Readonly<Record<string, readonly Row[]>>) {
    const counts = Object.keys(definitions).map(
      (name) => `select '${name}' as name, count(*)::int as count from rows.${name} where theirs = 'theirs'`,
    );
    const { rows } = await db.client.query<{ name: string; count: number }>(counts.join(" union all "));
    for (const { name, count } of rows) assert.equal(count, pinned[name]?.length, name);
    assert.equal(rows.length, Object.keys(definitions).length);
  }
});
