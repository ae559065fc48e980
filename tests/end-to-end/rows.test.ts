import assert from "node:assert/strict";
import { Client } from "pg";
import { create, read, update } from "../../stacks/config-table.provider";
import type { ConfigTableInputs } from "../../stacks/config-table";
import type { Row, Table } from "../../release/schema/rows";
import { fixtureFor, type Fixture } from "./fixture";

describe("the rows of a table, on a real PostgreSQL", function () {
  let stack: Fixture;
  let client: Client;
  before(async function () {
    stack = await fixtureFor(this);
    const { host, port, user, password } = stack.environment.postgres;
    client = new Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    await client.query("create schema rows");
  });
  after(async () => {
    await client.query("drop schema rows cascade");
    await client.end();
  });
  beforeEach(async () => {
    await client.query("drop table if exists rows.settings");
  });

  const table: Table = { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" };
  const inputs = (rows: Row[], definition = table): ConfigTableInputs => {
    const { host, port, user, password } = stack.environment.postgres;
    const connection = { host, port, user, database: "postgres", sslmode: "disable" as const };
    return { connection, password, schema: "rows", name: "settings", table: definition, rows };
  };
  const rows = async () => (await client.query<Row>("select * from rows.settings order by key")).rows;

  it("are put in, changed, added and removed in one go, and only what changed is touched", async () => {
    const first = inputs([
      { key: "a", value: 1 },
      { key: "b", value: { deep: [1, "'; drop table x; --"] } },
      { key: "c", value: null },
    ]);
    await create(first);
    const [a, b] = await rows();
    const second = inputs([
      { key: "a", value: 2 },
      { key: "b", value: { deep: [1, "'; drop table x; --"] } },
      { key: "d", value: "new" },
    ]);
    await update(first, second);
    const after = await rows();
    assert.deepEqual(
      after.map(({ key, value }) => [key, value]),
      [
        ["a", 2],
        ["b", { deep: [1, "'; drop table x; --"] }],
        ["d", "new"],
      ],
    );
    assert.notDeepEqual(after[0]?.updated_at, a?.updated_at);
    assert.deepEqual(after[1]?.updated_at, b?.updated_at);
  });

  it("that somebody edited stop everything, with the row named, and nothing is written", async () => {
    const first = inputs([
      { key: "a", value: 1 },
      { key: "b", value: 1 },
    ]);
    await create(first);
    await client.query("update rows.settings set value = '9' where key = 'b'");
    const before = await rows();
    await assert.rejects(
      update(
        first,
        inputs([
          { key: "a", value: 2 },
          { key: "b", value: 2 },
        ]),
      ),
      /settings\/b is .*9.*last applied was .*1.*pulumi refresh/,
    );
    assert.deepEqual(await rows(), before);
  });

  it("that stand there already are taken over when they are the same, and refused when they are not", async () => {
    await create(inputs([{ key: "a", value: 1 }]));
    await create(inputs([{ key: "a", value: 1 }]));
    await assert.rejects(create(inputs([{ key: "a", value: 2 }])), /settings\/a is .*last applied was nothing/);
  });

  it("are finished by the same update when it had come half-way, and drift is read back", async () => {
    const first = inputs([{ key: "a", value: 1 }]);
    const second = inputs([{ key: "a", value: 2 }]);
    await create(first);
    await update(first, second);
    await update(first, second);
    await client.query("update rows.settings set value = '7'");
    const { props } = await read("id", second);
    assert.deepEqual(props?.rows, [{ key: "a", value: 7 }]);
  });

  it("get a column that the table's definition has got since", async () => {
    const first = inputs([{ key: "a", value: 1 }]);
    await create(first);
    const wider: Table = { ...table, columns: { ...table.columns, note: "text" } };
    await update(first, inputs([{ key: "a", value: 2, note: "why" }], wider));
    assert.deepEqual(
      (await rows()).map(({ value, note }) => [value, note]),
      [[2, "why"]],
    );
  });

  it("are all of one update or all of the other when two apply at once", async () => {
    const first = inputs([
      { key: "a", value: 0 },
      { key: "b", value: 0 },
    ]);
    await create(first);
    const updates = [1, 2, 3, 4].map((value) =>
      inputs([
        { key: "a", value },
        { key: "b", value },
      ]),
    );
    const ended = await Promise.allSettled(updates.map((news) => update(first, news)));
    assert.equal(
      ended.filter(({ status }) => status === "fulfilled").length,
      1,
      "whoever came later saw the other's rows",
    );
    const [a, b] = await rows();
    assert.equal(a?.value, b?.value);
  });
});
