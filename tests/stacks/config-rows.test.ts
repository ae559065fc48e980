import assert from "node:assert/strict";
import type { ClientBase } from "pg";
import type { ConfigRowsInputs, PinnedTable } from "../../stacks/config-rows";
import { diff } from "../../stacks/config-rows.provider";
import { copyLine } from "../../rows/copy";
import { ensureTable } from "../../rows/table";
import type { Table } from "../../release/schema/rows";

const table: Table = { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" };

/** The statements that change a table which has the given columns already. */
async function changesTo(present: readonly string[], table: Table, verb = "alter"): Promise<string[]> {
  const asked: string[] = [];
  const query = (text: string) => {
    asked.push(text);
    return Promise.resolve({ rows: text.includes("as problem") ? [] : present.map((name) => ({ name })) });
  };
  await ensureTable({ query } as unknown as ClientBase, { schema: "app", name: "settings", table });
  return asked.filter((text) => text.startsWith(verb));
}

describe("a table that stands there already", () => {
  it("is not altered, and so locks nobody out, when it has its columns", async () => {
    assert.deepEqual(await changesTo(["key", "value", "updated_at", "of somebody else"], table), []);
  });

  it("gets the columns that it lacks, that which Rewind moves too", async () => {
    assert.deepEqual(await changesTo(["key"], table), [
      'alter table "app"."settings" add column if not exists "value" jsonb',
      'alter table "app"."settings" add column if not exists "updated_at" timestamptz not null default now()',
    ]);
  });

  it("is made with its key of several columns", async () => {
    const composite: Table = { key: ["region", "id"], columns: { region: "text", id: "integer", tags: "text[]" } };
    assert.deepEqual(await changesTo([], composite, "create"), [
      'create table if not exists "app"."settings" ("region" text, "id" integer, "tags" text[], primary key ("region", "id"))',
    ]);
  });
});

describe("a line for COPY", () => {
  it("keeps apart NULL, an empty text and a text that looks like one", () => {
    assert.equal(copyLine(["", null, "\\N", "\\."]), "\t\\N\t\\\\N\t\\\\.\n");
  });

  it("is one line whatever the values are", () => {
    assert.equal(copyLine(["a\tb\nc\rd\b\f\v", "e\\"]), "a\\tb\\nc\\rd\\b\\f\\v\te\\\\\n");
  });
});

describe("what makes an update of the rows", () => {
  const pinned: PinnedTable = {
    schema: "app",
    definition: table,
    digest: `sha256:${"a".repeat(64)}`,
    count: 1,
    file: "a.jsonl",
    release: "v1",
  };
  const connection = { host: "db", port: 5432, sslmode: "require", user: "rewind", database: "scoring" } as const;
  const inputs = (settings: Partial<PinnedTable>, more: Partial<ConfigRowsInputs> = {}): ConfigRowsInputs => ({
    connection,
    password: "p",
    records: ".rewind/records",
    tables: { settings: { ...pinned, ...settings } },
    ...more,
  });
  const changes = async (news: ConfigRowsInputs) => (await diff(inputs({}), news)).changes;

  it("is other rows, another definition or another table, and not where the file lies or what the release is called", async () => {
    assert.equal(await changes(inputs({ file: "b.jsonl", release: "v2" })), false);
    assert.equal(await changes(inputs({ digest: `sha256:${"b".repeat(64)}` })), true);
    assert.equal(await changes(inputs({ count: 2 })), true);
    assert.equal(
      await changes(inputs({ definition: { ...table, columns: { ...table.columns, note: "text" } } })),
      true,
    );
    assert.equal(await changes(inputs({}, { tables: {} })), true);
  });

  it("is another resource in another database", async () => {
    const moved = await diff(inputs({}), inputs({}, { connection: { ...connection, database: "other" } }));
    assert.deepEqual(moved, { changes: true, replaces: ["connection"] });
  });
});
