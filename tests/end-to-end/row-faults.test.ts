import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseDocument } from "yaml";
import { lastVerified } from "../../records/state";
import { fixtureFor, scratch, type Fixture } from "./fixture";
import { checkout } from "./local-home";
import { openRows, type RowFixture } from "./row-fixture";

describe("faults while rows are applied, on real components", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
  });

  describe("in the middle of the transaction", () => {
    let db: RowFixture;
    before(async () => {
      db = await openRows(stack);
    });
    after(() => db.close());

    const both = (value: number) =>
      db.pin({ a_first: db.table([{ key: "a", value }]), b_second: db.table([{ key: "b", value }]) });
    const live = async () => [...(await db.rows("a_first")), ...(await db.rows("b_second"))].map(({ value }) => value);
    /** Resolves when the apply has changed the first table and sleeps in a trigger of the second. */
    const inTheMiddle = async (): Promise<number> => {
      for (;;) {
        const { rows } = await db.client.query<{ pid: number }>(
          "select pid from pg_stat_activity where application_name = 'rewind' and wait_event = 'PgSleep'",
        );
        if (rows[0] !== undefined) return rows[0].pid;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const faults: Readonly<Record<string, (pid: number) => Promise<unknown>>> = {
      "its connection is ended": (pid) => db.client.query("select pg_terminate_backend($1)", [pid]),
      "the server is killed": async () => {
        await stack.kill("postgres");
        await stack.repair();
        await db.reconnect();
      },
    };
    for (const [name, fault] of Object.entries(faults)) {
      it(`${name}: every table is as it was, and the same apply finishes the work`, async () => {
        await db.client.query("drop schema rows cascade; create schema rows");
        const state = await db.apply(both(1));
        await db.client.query(`
          create function rows.sleep() returns trigger language plpgsql as
            'begin perform pg_sleep(600); return new; end';
          create trigger sleep before update on rows.b_second for each row execute function rows.sleep()`);
        const applied = db.apply(both(2), state).then(
          () => "applied",
          (error: unknown) => String(error),
        );
        await fault(await inTheMiddle());
        assert.match(await applied, /terminat|connection|ECONNRESET/i);
        assert.deepEqual(await live(), [1, 1], "all old");
        await db.client.query("drop trigger sleep on rows.b_second");
        await db.apply(both(2), state);
        assert.deepEqual(await live(), [2, 2], "all new");
      });
    }
  });

  describe("through the engine", () => {
    const file = (name: string) => join(scratch, "row-files", `${name}.jsonl`);
    const text = (version: string) =>
      Array.from({ length: 1_500 }, (_, n) => `${JSON.stringify({ region: "eu", id: n, note: `zebra ${version}` })}\n`)
        .concat(version === "v1.2.1" ? [`${JSON.stringify({ region: "us", id: 0, note: "only in v1.2.1" })}\n`] : [])
        .join("");
    let original = "";
    const limits = () =>
      stack.query<{ note: string; count: string }>("select note, count(*) from app.limits group by note order by note");
    const tryUp = () => stack.pulumi(["up", "--yes", "--skip-preview"]);

    before(async () => {
      await stack.empty();
      original = readFileSync(stack.stackFile, "utf8");
      const document = parseDocument(original);
      const table = { key: ["region", "id"], columns: { region: "text", id: "bigint", note: "text" } };
      document.setIn(["config", "rewind:environment", "database", "tables", "limits"], table);
      // Containers have nothing to do with rows, and a machine that is busy starts them slowly.
      for (const facet of ["services", "functions"]) {
        document.deleteIn(["config", "rewind:environment", facet]);
        for (const release of ["v1.2.0", "v1.2.1", "v1.2.2"]) {
          document.deleteIn(["config", "rewind:releases", release, facet]);
        }
      }
      document.deleteIn(["config", "rewind:environment", "routes"]);
      document.deleteIn(["config", "rewind:verification", "checks"]);
      for (const release of ["v1.2.0", "v1.2.1"]) {
        mkdirSync(dirname(join(checkout, file(release))), { recursive: true });
        writeFileSync(join(checkout, file(release)), text(release));
        const digest = `sha256:${createHash("sha256").update(text(release)).digest("hex")}`;
        const count = text(release).split("\n").length - 1;
        const pinned = { file: file(release), digest, count };
        document.setIn(["config", "rewind:releases", release, "config", "limits"], pinned);
      }
      writeFileSync(stack.stackFile, document.toString({ lineWidth: 0 }));
      await stack.up();
    });
    after(async () => {
      writeFileSync(stack.stackFile, original);
      await stack.empty();
    });

    it("S3 · a row file is applied and verified row by row, and the state holds digests and counts alone", async () => {
      assert.deepEqual(await limits(), [
        { note: "only in v1.2.1", count: "1" },
        { note: "zebra v1.2.1", count: "1500" },
      ]);
      const check = lastVerified(stack.log())?.outcome?.checks.find(({ name }) => name === "rows limits");
      assert.match(check?.evidence ?? "", /ROLLBACK SUCCESS: 1501 rows of limits/);
      const exported = await stack.pulumi(["stack", "export"]);
      assert.doesNotMatch(exported.stdout, /zebra|prism_weights/);
      assert.doesNotMatch(JSON.stringify(stack.log()), /zebra/);
    });

    it("a row file that was changed between preview and up is refused, and nothing is touched", async () => {
      stack.pin("v1.2.0");
      const preview = await stack.pulumi(["preview"]);
      assert.equal(preview.code, 0, preview.output);
      appendFileSync(join(checkout, file("v1.2.0")), `${JSON.stringify({ region: "eu", id: 9_999, note: "more" })}\n`);
      const { code, output } = await tryUp();
      assert.notEqual(code, 0);
      assert.match(output, /row file limits: \S+ has sha256:[0-9a-f]{64}, pinned is sha256:/);
      writeFileSync(join(checkout, file("v1.2.0")), text("v1.2.0").slice(0, -10));
      assert.match((await tryUp()).output, /row file limits: \S+ line 1500: cut off in the middle of a line/);
      writeFileSync(join(checkout, file("v1.2.0")), text("v1.2.0"));
      assert.deepEqual((await limits()).length, 2);
    });

    it("a row that was edited between preview and up is named, and nothing is touched", async () => {
      await stack.query("update app.limits set note = 'mine' where id = 1234");
      const { code, output } = await tryUp();
      assert.notEqual(code, 0);
      assert.match(output, /rows limits: changed behind Rewind's back: limits\/\["eu","1234"\] is now .*mine/);
      assert.equal((await limits()).find(({ note }) => note === "zebra v1.2.1")?.count, "1499");
      await stack.query("update app.limits set note = 'zebra v1.2.1' where id = 1234");
    });

    it("of two ups at once one applies all of its rows, the other ends with one clear error or nothing to do", async () => {
      const ended = await Promise.all([tryUp(), tryUp()]);
      assert.ok(
        ended.some(({ code }) => code === 0),
        ended.map(({ output }) => output).join("\n"),
      );
      for (const { code, output } of ended) if (code !== 0) assert.match(output, /locked|Refused|changed behind/);
      assert.deepEqual(await limits(), [{ note: "zebra v1.2.0", count: "1500" }]);
      const { 0: gone } = await stack.query<{ contents: { note: string } }>(
        "select contents from rewind.archived_rows where table_name = 'limits'",
      );
      assert.equal(gone?.contents.note, "only in v1.2.1");
    });
  });
});
