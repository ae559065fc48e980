import assert from "node:assert/strict";
import { Client } from "pg";
import { cleanRows } from "../../cli/data-archive";
import type { OpenedStack } from "../../cli/stack";
import { startServer, type OwnServer } from "../checks/own-server";

describe("a clean-up of rows", function () {
  this.timeout(60_000);
  let server: OwnServer | undefined;
  let client: Client;
  before(async function () {
    server = await startServer();
    if (server === undefined) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error("no PostgreSQL is installed");
      this.skip();
    }
    client = new Client({ host: "127.0.0.1", port: server.port, user: "postgres", database: "postgres" });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await server?.stop();
  });

  it("names the rows that JSON would not give back exactly, and deletes none", async () => {
    await client.query(`create table scores (id int primary key, version text not null, at timestamptz not null,
      shares json)`);
    // `json` keeps blanks and a key that stands there twice; an archive of `jsonb` does not.
    await client.query(`insert into scores values (1, 'v1', now(), '{"a": 1}'), (2, 'v1', now(), '{"a":1,"a":2}'),
      (3, 'v2', now(), '{"a":1,"a":2}')`);
    const located = { schema: "public", name: "scores", version: "version", created: "at", key: ["id"], show: [] };
    const database = { host: "127.0.0.1", port: server!.port, name: "postgres", administrator: { user: "postgres" } };
    const stack = { settings: { environment: { database } }, secrets: {} } as unknown as OpenedStack;
    const filter = { madeBy: "v1", since: "2020-01-01T00:00:00Z" };
    await assert.rejects(cleanRows(stack, located, { run: "run", by: "somebody", filter, count: 2 }), {
      message: '1 rows hold a value that an archive of JSON would not give back exactly, among them {"id": 2}',
    });
    assert.equal((await client.query("select from scores")).rowCount, 3);
  });
});
