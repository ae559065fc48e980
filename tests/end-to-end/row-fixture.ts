import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { jsonLines } from "../../release/rows";
import type { Row, Table } from "../../release/schema/rows";
import type { AppliedTable, ConfigRowsInputs, ConfigRowsState, PinnedTable } from "../../stacks/config-rows";
import { create, update } from "../../stacks/config-rows.provider";
import { scratch, type Fixture } from "./fixture";
import { checkout } from "./local-home";

const folder = `${scratch}/rows`;

/** Rows on a real PostgreSQL, applied by the provider's own code as the engine calls it. */
export interface RowFixture {
  readonly client: Client;
  /** Connects anew after a test ended the server. */
  reconnect(): Promise<void>;
  /** The inputs that pin the given tables, in a schema of their own. */
  pin(tables: Readonly<Record<string, PinnedTable>>): ConfigRowsInputs;
  /** One table's pinned rows, in a row file under their digest. */
  table(rows: readonly Row[] | string, definition?: Table, release?: string): PinnedTable;
  /** Creates, or updates from a state, and returns the state that the engine would keep. */
  apply(inputs: ConfigRowsInputs, before?: ConfigRowsState): Promise<ConfigRowsState>;
  /** The rows of a table as JSON, by its key. */
  rows(name: string): Promise<Row[]>;
  close(): Promise<void>;
}

export const settings: Table = { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" };

/** A schema of its own in the database `postgres` of the environment; everything in it is dropped by `close`. */
export async function openRows({ environment }: Fixture): Promise<RowFixture> {
  const { host, port, user, password } = environment.postgres;
  const connect = async () => {
    const client = new Client({ host, port, user, password, database: "postgres" });
    // A test may end the server.
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  let client = await connect();
  await client.query("drop schema if exists rows, rewind cascade");
  await client.query("create schema rows");
  mkdirSync(join(checkout, folder), { recursive: true });
  return {
    get client() {
      return client;
    },
    reconnect: async () => {
      await client.end().catch(() => undefined);
      client = await connect();
    },
    pin: (tables) => ({
      connection: { host, port, user, database: "postgres", sslmode: "disable" },
      password,
      records: `${folder}/records`,
      tables,
    }),
    table: (rows, definition = settings, release = "v1") => {
      const text = typeof rows === "string" ? rows : jsonLines(rows);
      const hex = createHash("sha256").update(text).digest("hex");
      const file = `${folder}/${hex.slice(0, 16)}.jsonl`;
      writeFileSync(join(checkout, file), text);
      const count = text.split("\n").length - 1;
      return { schema: "rows", definition, digest: `sha256:${hex}`, count, file, release };
    },
    apply: async (inputs, before) => {
      const { outs } = before === undefined ? await create(inputs) : await update(before, inputs);
      return outs ?? assert.fail("the provider answered no state");
    },
    rows: async (name) =>
      (await client.query<{ row: Row }>(`select to_jsonb(t.*) as row from rows.${name} t order by t`)).rows.map(
        ({ row }) => row,
      ),
    close: async () => {
      await client.query("drop schema if exists rows, rewind cascade");
      await client.end();
    },
  };
}

/** What a state says of a table. */
export function appliedIn({ applied }: ConfigRowsState, name: string): AppliedTable {
  const found = applied[name];
  if (found === undefined) throw new Error(`the state has nothing of ${name}`);
  return found;
}
