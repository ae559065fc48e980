import assert from "node:assert/strict";
import { Client, Pool } from "pg";
import { measureVisibility } from "../../checks/visibility";
import type { Viewer } from "../../release/schema/visibility";
import { fixtureFor } from "./fixture";

describe("what viewers see, on a real PostgreSQL", function () {
  let client: Client;
  let pool: Pool;
  before(async function () {
    const { environment } = await fixtureFor(this);
    const { host, port, user, password } = environment.postgres;
    client = new Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    // As the probes' own pool: it only ever looks.
    pool = new Pool({
      host,
      port,
      user,
      password,
      database: "postgres",
      max: 1,
      options: "-c default_transaction_read_only=on",
    });
    await client.query(`
      create schema seen;
      create role seen_member; create role seen_exempt bypassrls; create role seen_nobody;
      create table seen.notes (owner text, text text);
      alter table seen.notes enable row level security;
      create policy own on seen.notes using (owner = current_setting('app.user_id', true)
        or owner = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
      grant usage on schema seen to seen_member, seen_exempt;
      grant select, insert on seen.notes to seen_member, seen_exempt;
      insert into seen.notes values ('ann', 'hers'), ('bob', 'his'), ('bob', 'his too')`);
  });
  after(async () => {
    await pool.end();
    await client.query("drop schema seen cascade; drop role seen_member; drop role seen_exempt; drop role seen_nobody");
    await client.end();
  });

  const ann: Viewer["as"] = { role: "seen_member", settings: { "app.user_id": "ann" } };
  const stranger: Viewer["as"] = { role: "seen_member", settings: { "app.user_id": "eve" } };
  const see = (viewers: Viewer[], query = "select text from seen.notes") =>
    measureVisibility(pool, { kind: "visibility", query, viewers }, 2_000);
  const rows = { rows: [["hers"]] };

  it("W6 · is one thing for a member and nothing for a stranger", async () => {
    const claims = { role: "seen_member", settings: { "request.jwt.claims": { sub: "bob" } } };
    const { result, evidence } = await see([
      { as: ann, sees: rows },
      { as: claims, sees: { count: 2 } },
      { as: stranger, sees: "nothing" },
      { as: { role: "seen_member" }, sees: "nothing" },
      { as: { role: "seen_nobody" }, sees: "denied" },
    ]);
    assert.equal(result, "passed", evidence);
  });

  it("W6 · tells hidden rows, a missing privilege and a broken check apart", async () => {
    const results = async (viewer: Viewer, query?: string) => (await see([viewer], query)).result;
    assert.equal(await results({ as: stranger, sees: rows }), "failed");
    assert.equal(await results({ as: ann, sees: "nothing" }), "failed");
    assert.equal(await results({ as: { role: "seen_nobody" }, sees: "nothing" }), "failed");
    assert.equal(await results({ as: stranger, sees: "denied" }), "failed");
    assert.equal(await results({ as: stranger, sees: "nothing" }, "select text from seen.nowhere"), "error");
    assert.equal(await results({ as: stranger, sees: "nothing" }, "select 1/0"), "error");
    assert.equal(await results({ as: { role: "seen_missing" }, sees: "nothing" }), "error");
    const { evidence } = await see([{ as: { role: "seen_nobody" }, sees: "nothing" }]);
    assert.match(evidence, /seen_nobody is denied \(permission denied for schema seen\), expected nothing/);
  });

  it("proves nothing as somebody for whom no policy holds, and says so", async () => {
    for (const role of ["seen_exempt", "rewind"]) {
      const { result, evidence } = await see([{ as: { role }, sees: { count: 3 } }]);
      assert.equal(result, "error");
      assert.match(evidence, /exempt from row-level security/);
    }
  });

  it("is found when a policy is broken", async () => {
    await client.query("create policy leak on seen.notes for select using (true)");
    const { result, evidence } = await see([
      { as: ann, sees: rows },
      { as: stranger, sees: "nothing" },
    ]);
    await client.query("drop policy leak on seen.notes");
    assert.equal(result, "failed");
    assert.match(evidence, /app\.user_id = eve\) sees 3 rows, expected nothing \(failed\)/);
  });

  it("cannot be asked as somebody else by the query itself", async () => {
    for (const query of [
      "reset role; select text from seen.notes",
      "reset role",
      "select set_config('role', 'none', true), text from seen.notes",
      "set role none",
    ]) {
      // As somebody who sees a row: what would change the role is asked for each of them.
      const { result } = await see([{ as: ann, sees: "nothing" }], query);
      assert.equal(result, "error", query);
    }
  });

  it("changes nothing, neither by the query nor for whoever asks next", async () => {
    const writing = "with new as (insert into seen.notes values ('eve', 'mine') returning text) select text from new";
    assert.equal((await see([{ as: stranger, sees: { count: 1 } }], writing)).result, "error");
    assert.equal((await client.query("select from seen.notes")).rowCount, 3);
    const { rows: after } = await pool.query<{ role: string; id: string | null }>(
      "select current_user::text as role, current_setting('app.user_id', true) as id",
    );
    assert.equal(after[0]?.role, "rewind");
    assert.notEqual(after[0].id, "ann");
  });

  it("ends in time", async () => {
    const { result, evidence } = await measureVisibility(
      pool,
      { kind: "visibility", query: "select pg_sleep(20)", viewers: [{ as: ann, sees: "nothing" }] },
      100,
    );
    assert.equal(result, "error");
    assert.match(evidence, /statement timeout/);
  });

  it("takes a setting for what it is, whatever stands in it", async () => {
    const hostile = "eve'; reset role; select set_config('app.user_id', 'ann', true); --";
    const viewer = { role: "seen_member", settings: { "app.user_id": hostile } };
    assert.equal((await see([{ as: viewer, sees: "nothing" }])).result, "passed");
    const role = 'seen_member"; reset role; --';
    assert.equal((await see([{ as: { role }, sees: "nothing" }])).result, "error");
  });
});
