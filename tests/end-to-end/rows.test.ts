import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Row, Table } from "../../release/schema/rows";
import { read } from "../../stacks/config-rows.provider";
import { fixtureFor } from "./fixture";
import { checkout } from "./local-home";
import { appliedIn, openRows, settings, type RowFixture } from "./row-fixture";

describe("the rows of a database, on a real PostgreSQL", function () {
  let db: RowFixture;
  before(async function () {
    db = await openRows(await fixtureFor(this));
  });
  after(() => db.close());
  beforeEach(async () => {
    await db.client.query("drop schema rows cascade");
    await db.client.query("create schema rows");
    await db.client.query("drop schema if exists rewind cascade");
  });
  const one = (rows: readonly Row[], definition?: Table) => db.pin({ settings: db.table(rows, definition) });
  const values = async (name = "settings") => (await db.rows(name)).map(({ key, value }) => [key, value]);
  const archived = async () =>
    (await db.client.query<Record<string, unknown>>("select * from rewind.archived_rows order by key::text")).rows;

  it("S2 S3 · are put in, changed, added and removed in one go, and only what changed is touched", async () => {
    const hostile = { deep: [1, "'; drop table x; --"] };
    const state = await db.apply(
      one([
        { key: "a", value: 1 },
        { key: "b", value: hostile },
        { key: "c", value: null },
      ]),
    );
    const [a, b] = await db.rows("settings");
    const second = db.table(
      [
        { key: "a", value: 2 },
        { key: "b", value: hostile },
        { key: "d", value: "new" },
      ],
      settings,
      "v2",
    );
    await db.apply(db.pin({ settings: second }), state);
    const after = await db.rows("settings");
    assert.deepEqual(await values(), [
      ["a", 2],
      ["b", hostile],
      ["d", "new"],
    ]);
    assert.notDeepEqual(after[0]?.updated_at, a?.updated_at);
    assert.deepEqual(after[1]?.updated_at, b?.updated_at);
    const [gone, ...more] = await archived();
    assert.deepEqual(more, []);
    const { archived_at: at, contents, ...rest } = gone ?? {};
    assert.ok(at instanceof Date);
    assert.deepEqual(rest, { release: "v2", table_schema: "rows", table_name: "settings", key: { key: "c" } });
    assert.deepEqual((contents as Row).value, null);
  });

  it("S3 · come back all of them, removed ones too, when the earlier release is pinned again", async () => {
    const first = one([
      { key: "a", value: 1 },
      { key: "b", value: { n: 1 } },
    ]);
    const second = one([
      { key: "b", value: { n: 2 } },
      { key: "c", value: 3 },
    ]);
    const state = await db.apply(second, await db.apply(first));
    await db.apply(first, state);
    assert.deepEqual(await values(), [
      ["a", 1],
      ["b", { n: 1 }],
    ]);
  });

  it("leave alone whatever row no release named, and keep it out of the archive", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.client.query("insert into rows.settings values ('theirs', '7')");
    await db.apply(one([{ key: "b", value: 2 }]), state);
    assert.deepEqual(await values(), [
      ["b", 2],
      ["theirs", 7],
    ]);
    assert.equal((await archived()).length, 1);
  });

  it("are of any number of tables and all types, with keys of several columns", async () => {
    const limits: Table = {
      key: ["region", "id"],
      columns: {
        region: "text",
        id: "uuid",
        small: "smallint",
        whole: "integer",
        big: "bigint",
        exact: "numeric",
        single: "real",
        double: "double precision",
        on: "boolean",
        day: "date",
        hour: "time",
        local: "timestamp",
        at: "timestamptz",
        bytes: "bytea",
        from: "inet",
        tags: "text[]",
        numbers: "bigint[]",
        document: "json",
      },
    };
    const row = {
      region: "eu",
      id: "6F9619FF-8B86-D011-B42D-00CF4FC964FF",
      small: -32768,
      whole: "2147483647",
      big: "9223372036854775807",
      exact: "12345678901234567890.000000000000000001",
      single: 0.1,
      double: "0.1",
      on: true,
      day: "2024-02-29",
      hour: "23:59:59.999999",
      local: "2025-09-17T19:54:16.536001",
      at: "2025-09-17T21:54:16.536001+02:00",
      bytes: "\\xDEADbeef",
      from: "10.0.0.0/8",
      tags: ["a", null, 'q"\\{},', "NULL"],
      numbers: ["9007199254740993", 1],
      document: { b: 1, a: [1.5] },
    };
    const pinned = db.pin({
      limits: db.table([row, { ...row, region: "us", document: null }], limits),
      settings: db.table([{ key: "a", value: "12345678901234567890" }]),
    });
    const state = await db.apply(pinned);
    const { rows } = await db.client.query<Record<string, string>>(
      `select exact::text, big::text, at::text, numbers::text, document::text, tags[3] as tag, bytes::text
       from rows.limits where region = 'eu'`,
    );
    await db.client.query("set timezone = 'UTC'");
    assert.deepEqual(
      { ...rows[0], at: undefined },
      {
        exact: row.exact,
        big: row.big,
        at: undefined,
        numbers: "{9007199254740993,1}",
        document: '{"a":[1.5],"b":1}',
        tag: 'q"\\{},',
        bytes: "\\xdeadbeef",
      },
    );
    const again = await db.apply(pinned, state);
    assert.deepEqual(again.applied, state.applied, "the same rows in the same types hash to the same");
    // An edit in the last digit of each is an edit.
    for (const edit of [
      "exact = exact + 0.000000000000000001",
      "at = at + interval '1 microsecond'",
      "numbers[1] = 1",
    ]) {
      await db.client.query(`update rows.limits set ${edit} where region = 'eu'`);
      const other = db.pin({ ...pinned.tables, limits: db.table([{ ...row, whole: 1 }], limits) });
      await assert.rejects(db.apply(other, state), /limits\/\["eu","6f9619ff-8b86-d011-b42d-00cf4fc964ff"\] is /, edit);
      await db.client.query("delete from rows.limits");
      await db.client.query("delete from rows.settings");
      await db.apply(pinned);
    }
  });

  it("tell SQL NULL from JSON's own null", async () => {
    const state = await db.apply(one([{ key: "a", value: null }]));
    await db.client.query("update rows.settings set value = 'null'");
    await assert.rejects(db.apply(one([{ key: "a", value: 1 }]), state), /settings\/a is /);
    const { rows } = await db.client.query<{ value: unknown }>("select value::text from rows.settings");
    assert.deepEqual(rows, [{ value: "null" }]);
  });

  it("that somebody edited stop everything, with the row named, and nothing is written in any table", async () => {
    const both = (value: number) =>
      db.pin({
        other: db.table([{ key: "o", value }]),
        settings: db.table([
          { key: "a", value },
          { key: "b", value },
        ]),
      });
    const state = await db.apply(both(1));
    await db.client.query("update rows.settings set value = '9' where key = 'b'");
    const before = [await db.rows("settings"), await db.rows("other")];
    await assert.rejects(db.apply(both(2), state), /settings\/b is .*9.*last applied was .*1.*pulumi refresh/);
    assert.deepEqual([await db.rows("settings"), await db.rows("other")], before);
    await db.client.query("delete from rows.settings where key = 'a'");
    await assert.rejects(db.apply(both(2), state), /settings\/a is gone, last applied was .*; settings\/b is /);
  });

  it("that somebody put as the new pin wants them are no edit", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.client.query("update rows.settings set value = '2'");
    await db.client.query("insert into rows.settings values ('b', '3')");
    await db.apply(
      one([
        { key: "a", value: 2 },
        { key: "b", value: 3 },
      ]),
      state,
    );
    assert.deepEqual(await values(), [
      ["a", 2],
      ["b", 3],
    ]);
  });

  it("that stand there already are taken over when they are the same, and refused when they are not", async () => {
    await db.apply(one([{ key: "a", value: 1 }]));
    await db.apply(one([{ key: "a", value: 1 }]));
    await assert.rejects(db.apply(one([{ key: "a", value: 2 }])), /settings\/a is .*last applied was nothing/);
  });

  it("are remembered of a table that a release in between did not pin", async () => {
    const first = await db.apply(one([{ key: "a", value: 1 }]));
    const between = await db.apply(db.pin({}), first);
    assert.deepEqual(await values(), [["a", 1]], "a table that is no longer pinned keeps its rows");
    await db.apply(one([{ key: "a", value: 2 }]), between);
    assert.deepEqual(await values(), [["a", 2]]);
  });

  it("are finished by the same update when it had come half-way, and a refresh takes over what was edited", async () => {
    const second = one([{ key: "a", value: 2 }]);
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.apply(second, state);
    const done = await db.apply(second, state);
    assert.deepEqual((await read("id", done)).props, done, "nothing was edited, so a refresh changes nothing");
    await db.client.query("update rows.settings set value = '7'");
    const { props } = await read("id", done);
    assert.ok(props !== undefined);
    assert.notEqual(appliedIn(props, "settings").digest, appliedIn(done, "settings").digest);
    await db.apply(second, props);
    assert.deepEqual(await values(), [["a", 2]]);
  });

  it("get a column that the table's definition has got since", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    const wider: Table = { ...settings, columns: { ...settings.columns, note: "text" } };
    await db.apply(one([{ key: "a", value: 2, note: "why" }], wider), state);
    const rows = await db.rows("settings");
    assert.deepEqual(
      rows.map(({ value, note }) => [value, note]),
      [[2, "why"]],
    );
  });

  it("are all of one update or all of the other when several apply at once", async () => {
    const state = await db.apply(
      one([
        { key: "a", value: 0 },
        { key: "b", value: 0 },
      ]),
    );
    const updates = [1, 2, 3, 4].map((value) =>
      one([
        { key: "a", value },
        { key: "b", value },
      ]),
    );
    const ended = await Promise.allSettled(updates.map((news) => db.apply(news, state)));
    assert.equal(ended.filter(({ status }) => status === "fulfilled").length, 1, "the others saw the first one's rows");
    for (const end of ended) if (end.status === "rejected") assert.match(String(end.reason), /changed behind Rewind's/);
    const [a, b] = await db.rows("settings");
    assert.equal(a?.value, b?.value);
  });

  it("wait for whoever holds the table, and give up with one clear error", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.client.query("begin; lock table rows.settings in row exclusive mode");
    try {
      const late = db.apply(one([{ key: "a", value: 2 }]), state);
      await assert.rejects(late, /"rows"\."settings" is locked by another transaction for more than 10 s; nothing was/);
    } finally {
      await db.client.query("rollback");
    }
    assert.deepEqual(await values(), [["a", 1]]);
  });

  it("that a trigger alters are found out before the commit", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.client.query(`
      create function rows.meddle() returns trigger language plpgsql as 'begin new.value = ''"mine"''; return new; end';
      create trigger meddle before update on rows.settings for each row execute function rows.meddle()`);
    await assert.rejects(
      db.apply(one([{ key: "a", value: 2 }]), state),
      /of 1 pinned rows 0 are there as they are pinned/,
    );
    assert.deepEqual(await values(), [["a", 1]]);
  });

  it("that others refer to are not removed where that would take the others along", async () => {
    const state = await db.apply(one([{ key: "a", value: 1 }]));
    await db.client.query(`
      create table rows.orders (id int primary key, setting text references rows.settings on delete cascade);
      insert into rows.orders values (1, 'a')`);
    await assert.rejects(
      db.apply(one([{ key: "b", value: 1 }]), state),
      /settings\/a: no longer pinned, and a row of rows\.orders would be changed or deleted along with it/,
    );
    assert.deepEqual(await values(), [["a", 1]]);
    assert.equal((await db.client.query("select from rows.orders")).rowCount, 1);
  });

  describe("from a row file", () => {
    const line = (key: string, value: unknown) => `${JSON.stringify({ key, value })}\n`;

    it("are refused when the file is not what was pinned, and nothing is written", async () => {
      const state = await db.apply(one([{ key: "a", value: 1 }]));
      // No rows that another test may have applied: those would be taken from beside the log.
      const good = line("a", 2) + line("b", "in no other test");
      const broken: readonly [name: string, text: string | Buffer, message: RegExp][] = [
        [
          "edited",
          good.replace("2", "3"),
          /has sha256:[0-9a-f]{64}, pinned is sha256:[0-9a-f]{64}: it is not the file/,
        ],
        ["cut off", good.slice(0, -4), /line 2: cut off in the middle of a line/],
        ["cut off between lines", line("a", 2), /it is not the file it was/],
        ["with a byte order mark", `\ufeff${good}`, /line 1: begins with a byte order mark/],
        ["as UTF-16", Buffer.from(good, "utf16le"), /line \d: /],
        ["as Latin-1", Buffer.from(line("a", "ü"), "latin1"), /line 1: not UTF-8/],
        ["with a line that is no JSON", `${line("a", 2)}{"key":\n`, /line 2: expected a JSON object/],
      ];
      for (const [name, text, message] of broken) {
        const pinned = db.table(good);
        writeFileSync(join(checkout, pinned.file), text);
        await assert.rejects(db.apply(db.pin({ settings: pinned }), state), message, name);
        assert.deepEqual(await values(), [["a", 1]], name);
      }
      const missing = db.table(line("gone", 1));
      rmSync(join(checkout, missing.file));
      await assert.rejects(db.apply(db.pin({ settings: missing }), state), /are in none of .*; bring the file back/);
    });

    it("are refused when a key stands there twice, or the count is another", async () => {
      const twice = db.pin({ settings: db.table(line("a", 1) + line("a", 2)) });
      await assert.rejects(db.apply(twice));
      const short = db.pin({ settings: { ...db.table(line("a", 1)), count: 2 } });
      await assert.rejects(db.apply(short), /has 1 row, pinned are 2/);
      const { rows } = await db.client.query("select to_regclass('rows.settings') as found");
      assert.deepEqual(rows, [{ found: null }], "not even the table is there");
    });

    it("can be told from edits later although the file was deleted, for a copy was kept under its digest", async () => {
      const first = db.table(line("a", 1) + line("b", 1));
      const state = await db.apply(db.pin({ settings: first }));
      rmSync(join(checkout, first.file));
      await db.apply(db.pin({ settings: db.table(line("a", 2)) }), state);
      assert.deepEqual(await values(), [["a", 2]]);
      assert.equal((await archived()).length, 1);
    });

    it("are named one by one where somebody edited a few of thousands", async () => {
      const many = (value: number) =>
        db.pin({ settings: db.table(Array.from({ length: 5_000 }, (_, n) => line(`k${n}`, value)).join("")) });
      const state = await db.apply(many(1));
      await db.client.query("update rows.settings set value = '9' where key in ('k7', 'k4321')");
      await assert.rejects(
        db.apply(many(2), state),
        /written: settings\/k4321 is [^;]*; settings\/k7 is [^;]*; put them/,
      );
    });
  });

  it("keep every value as it is, however nasty, and no value can leave its place", async () => {
    const wide: Table = { key: "key", columns: { key: "text", value: "text", document: "jsonb", tags: "text[]" } };
    const bits = [
      "\\",
      "\\.",
      "\\N",
      "\t",
      "\n",
      "\r",
      "'",
      '"',
      "$$",
      "--",
      ";",
      "{",
      "}",
      ",",
      "NULL",
      "\u2028",
      "é",
      "😀",
      "\x01",
      "\x7f",
    ];
    const nasty = fc
      .array(fc.oneof(fc.constantFrom(...bits), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 8 })
      .map((parts) =>
        parts
          .join("")
          .replaceAll("\0", "")
          .replace(/\p{Surrogate}/gu, ""),
      );
    const row = fc.record({
      key: nasty,
      value: fc.option(nasty),
      document: fc.option(fc.dictionary(nasty, fc.oneof(nasty, fc.boolean(), fc.constant(null)), { maxKeys: 3 })),
      tags: fc.option(fc.array(fc.option(nasty), { maxLength: 3 })),
    });
    const rowsOf = fc.uniqueArray(row, { selector: ({ key }) => key, maxLength: 8 });
    let state: Awaited<ReturnType<RowFixture["apply"]>> | undefined;
    await fc.assert(
      fc.asyncProperty(rowsOf, async (rows) => {
        state = await db.apply(db.pin({ nasty: db.table(rows, wide) }), state);
        const { rows: live } = await db.client.query<Row>("select key, value, document, tags from rows.nasty");
        const sorted = (of: readonly Row[]) => of.map((each) => JSON.stringify(sortedKeys(each))).sort();
        assert.deepEqual(sorted(live), sorted(rows));
      }),
      { numRuns: 60 },
    );
  });

  it("refuse what PostgreSQL cannot hold before anything is written", async () => {
    const types: readonly [type: string, value: unknown][] = [
      ["text", "a\0b"],
      ["text", "\ud800"],
      ["jsonb", { a: "\0" }],
      ["timestamptz", "now"],
    ];
    for (const [type, value] of types) {
      const definition: Table = { key: "key", columns: { key: "text", value: type } };
      const text = `${JSON.stringify({ key: "a", value })}\n`;
      await assert.rejects(db.apply(db.pin({ settings: db.table(text, definition) })), /line 1: value: expected/);
    }
  });
});

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortedKeys(inner)]),
  );
}
