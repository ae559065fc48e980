import assert from "node:assert/strict";
import type { ClientBase } from "pg";
import { ensureTable } from "../../stacks/config-table.provider";
import type { Table } from "../../release/schema/rows";

/** The statements that change a table which has the given columns already. */
async function changesTo(present: readonly string[], table: Table): Promise<string[]> {
  const asked: string[] = [];
  const query = (text: string) => {
    asked.push(text);
    return Promise.resolve({ rows: present.map((name) => ({ name })) });
  };
  await ensureTable({ query } as unknown as ClientBase, { schema: "app", name: "settings", table });
  return asked.filter((text) => text.startsWith("alter"));
}

describe("a table that stands there already", () => {
  const table: Table = { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" };

  it("is not altered, and so locks nobody out, when it has its columns", async () => {
    assert.deepEqual(await changesTo(["key", "value", "updated_at", "of somebody else"], table), []);
  });

  it("gets the columns that it lacks, that which Rewind moves too", async () => {
    assert.deepEqual(await changesTo(["key"], table), [
      'alter table "app"."settings" add column if not exists "value" jsonb',
      'alter table "app"."settings" add column if not exists "updated_at" timestamptz not null default now()',
    ]);
  });
});
