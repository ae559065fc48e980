import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeIdentifier } from "pg";
import { measureRowDrift, measureRows } from "../../checks/rows";
import type { Row, Table } from "../../release/schema/rows";
import { readWholeTable } from "../../rows/live";
import { planRows } from "../../rows/plan";
import { connect, exactTexts } from "../../rows/session";
import { fileSource } from "../../rows/source";
import type { ConfigRowsInputs, ConfigRowsState } from "../../stacks/config-rows";
import { read } from "../../stacks/config-rows.provider";
import { fixtureFor } from "./fixture";
import { checkout } from "./local-home";
import { openRows, type RowFixture } from "./row-fixture";

describe("the rows of tables of every kind, on a real PostgreSQL", function () {
  let db: RowFixture;
  before(async function () {
    db = await openRows(await fixtureFor(this));
  });
  after(() => db.close());
  beforeEach(async () => {
    await db.client.query("drop schema rows cascade; create schema rows; drop schema if exists rewind cascade");
    await db.client.query("drop role if exists rows_reader");
  });

  type Pins = Readonly<Record<string, readonly [definition: Table, rows: readonly Row[]]>>;
  const pin = (pins: Pins, release = "v1"): ConfigRowsInputs =>
    db.pin(
      Object.fromEntries(
        Object.entries(pins).map(([name, [definition, rows]]) => [name, db.table(rows, definition, release)]),
      ),
    );
  const all = async (name: string): Promise<string[]> =>
    (
      await db.client.query<{ text: string }>(`select t::text as text from rows.${escapeIdentifier(name)} t order by 1`)
    ).rows.map(({ text }) => text);
  const sql = (text: string) => db.client.query(text);
  /** What `plan` says of the pins, without touching anything. */
  const planned = async (pins: ConfigRowsInputs, left: ConfigRowsInputs = db.pin({})): Promise<string> => {
    const sources = ({ tables }: ConfigRowsInputs, name: string) => {
      const table = tables[name];
      return table === undefined ? [] : [fileSource(`${checkout}/${table.file}`, table.file, table)];
    };
    const tables = Object.entries(pins.tables).map(([name, { definition }]) => {
      const [rows = assert.fail(name)] = sources(pins, name);
      return { located: { schema: "rows", name, table: definition }, rows, left: sources(left, name) };
    });
    return (await planRows(db.client, tables)).join("\n");
  };
  /** There, on, and back again: the same rows as before, in the words of the server. */
  const thereAndBack = async (first: ConfigRowsInputs, second: ConfigRowsInputs): Promise<ConfigRowsState> => {
    const names = Object.keys(first.tables);
    assert.equal(await planned(first), "");
    const one = await db.apply(first);
    const before = await Promise.all(names.map(all));
    assert.equal(await planned(second, first), "");
    const two = await db.apply(second, one);
    assert.notDeepEqual(await Promise.all(names.map(all)), before);
    const three = await db.apply(first, two);
    assert.deepEqual(await Promise.all(names.map(all)), before);
    return three;
  };

  const keyed = (columns: Table["columns"], key: Table["key"] = "id"): Table => ({ key, columns });

  it("are moved, compared, read and refreshed under any name that PostgreSQL takes", async () => {
    const names = [
      ...["Account", "userId", "a b", 'say "when"', "o'clock", "eu.rates", "$$", "back\\slash", "100%", "Größe"],
      ...["x; drop schema rows cascade; --", "select", "constructor", "{a}", "é".repeat(31)],
    ];
    const columns = Object.fromEntries(names.map((name) => [name, "text"]));
    const rowWith = (value: string): Row => ({ Id: 1, ...Object.fromEntries(names.map((name) => [name, value])) });
    const of = (value: string) =>
      pin(
        Object.fromEntries(
          names.map((name) => [name, [{ key: "Id", columns: { Id: "integer", ...columns } }, [rowWith(value)]]]),
        ),
      );
    const [first, second] = [of("it's"), of('"other"')];
    const state = await thereAndBack(first, second);
    for (const name of names) {
      const pinned = first.tables[name] ?? assert.fail(name);
      const located = { schema: "rows", name, table: pinned.definition };
      assert.deepEqual((await readWholeTable(db.client, located)).rows, [rowWith("it's")], name);
      const rows = fileSource(`${checkout}/${pinned.file}`, pinned.file, pinned);
      const measured = await measureRows(db.client as never, located, rows);
      assert.equal(measured.result, "passed", measured.evidence);
      await db.client.query(`update rows.${escapeIdentifier(name)} set "userId" = 'edited'`);
      const drifted = await measureRowDrift(db.client as never, located, [{ rows }]);
      assert.equal(drifted.result, "failed");
      assert.ok(drifted.evidence.includes(`${name}/1`), drifted.evidence);
    }
    const { props } = await read("rows", state);
    for (const name of names) assert.notEqual(props?.applied[name]?.digest, first.tables[name]?.digest, name);
  });

  describe("with foreign keys", () => {
    const plans = keyed({ id: "text" });
    const rates = keyed({ id: "integer", plan: "text" });
    for (const [parent, child] of [
      ["a_plans", "b_rates"],
      ["b_plans", "a_rates"],
    ] as const) {
      it(`S3 · go in with the parents first and out with the children, whatever they are called: ${parent}`, async () => {
        await sql(`create table rows.${parent} (id text primary key);
          create table rows.${child} (id int primary key, plan text not null references rows.${parent})`);
        const first = pin({ [parent]: [plans, [{ id: "free" }]], [child]: [rates, [{ id: 1, plan: "free" }]] });
        const more = [
          { id: 1, plan: "pro" },
          { id: 2, plan: "free" },
        ];
        const second = pin({ [parent]: [plans, [{ id: "free" }, { id: "pro" }]], [child]: [rates, more] });
        await thereAndBack(first, second);
        const other = pin({ [parent]: [plans, [{ id: "pro" }]], [child]: [rates, [{ id: 3, plan: "pro" }]] });
        await thereAndBack(first, other);
      });
    }

    it("may refer to each other in a circle, and to themselves, deferrable or not", async () => {
      await sql(`create table rows.a (id int primary key, b int not null);
        create table rows.b (id int primary key, a int not null references rows.a, up int references rows.b);
        alter table rows.a add foreign key (b) references rows.b`);
      const of = (a: readonly Row[], b: readonly Row[]) =>
        pin({ a: [keyed({ id: "int", b: "int" }), a], b: [keyed({ id: "int", a: "int", up: "int" }), b] });
      const first = of([{ id: 1, b: 1 }], [{ id: 1, a: 1, up: 1 }]);
      const second = of(
        [{ id: 2, b: 7 }],
        [
          { id: 7, a: 2, up: 8 },
          { id: 8, a: 2, up: 7 },
        ],
      );
      await thereAndBack(first, second);
    });

    it("are not taken from under a row that nobody pins, and plan says so", async () => {
      await sql("create table rows.plans (id text primary key)");
      const first = pin({ plans: [plans, [{ id: "free" }, { id: "pro" }]] });
      const second = pin({ plans: [plans, [{ id: "free" }]] });
      const state = await db.apply(first);
      await sql("create table rows.orders (id int primary key, plan text references rows.plans)");
      assert.equal(await planned(second, first), "", "no order refers to it yet");
      await sql("insert into rows.orders values (1, 'pro')");
      const words = /plans\/pro: no longer pinned, and a row of rows\.orders refers to it \(orders_plan_fkey\)/;
      assert.match(await planned(second, first), words);
      await assert.rejects(db.apply(second, state), words);
      await sql("update rows.orders set plan = 'free'");
      await db.apply(second, state);
    });

    it("that carry a change over to the rows that refer are seen where that is not as pinned", async () => {
      await sql(`create table rows.parents (id int primary key, code text unique);
        create table rows.children (id int primary key, code text references rows.parents (code) on update cascade, note text)`);
      const of = (code: string, childs: string, note: string) =>
        pin({
          parents: [keyed({ id: "int", code: "text" }), [{ id: 1, code }]],
          children: [keyed({ id: "int", code: "text", note: "text" }), [{ id: 1, code: childs, note }]],
        });
      const state = await db.apply(of("a", "a", "x"));
      await assert.rejects(db.apply(of("b", "a", "y"), state), /children\/1 code = a: parents has no such row/);
      assert.deepEqual(await all("children"), ["(1,a,x)"]);
      await thereAndBack(of("a", "a", "x"), of("b", "b", "y"));
    });

    it("that lead to no row are named by plan", async () => {
      await sql(`create table rows.plans (id text primary key);
        create table rows.rates (id int primary key, plan text references rows.plans)`);
      const broken = pin({ rates: [rates, [{ id: 1, plan: "none" }]], plans: [plans, [{ id: "free" }]] });
      const words = /rates\/1 plan = none: plans has no such row \(rates_plan_fkey\)/;
      assert.match(await planned(broken), words);
      await assert.rejects(db.apply(broken), words);
    });
  });

  describe("with unique and exclusion constraints", () => {
    const positions = (...of: number[]): Row[] => of.map((position, id) => ({ id, position }));
    const table = keyed({ id: "int", position: "int" });
    const definitions: Readonly<Record<string, string>> = {
      "that takes NULL": "position int unique",
      "that does not take NULL": "position int not null unique",
      "that can be deferred": "position int not null unique deferrable",
    };
    for (const [name, column] of Object.entries(definitions)) {
      it(`swap and rotate the values of a column ${name}, and keep what is not pinned`, async () => {
        await sql(`create table rows.steps (id int primary key, ${column}, note text default 'mine')`);
        const first = pin({ steps: [table, positions(1, 2, 3, 4)] });
        await thereAndBack(first, pin({ steps: [table, positions(2, 1, 4, 3)] }));
        await thereAndBack(first, pin({ steps: [table, positions(2, 3, 4, 1)] }));
        await thereAndBack(first, pin({ steps: [table, positions(2, 3, 4, 5)] }));
        await thereAndBack(first, pin({ steps: [table, positions(4, 3)] }));
        await sql("update rows.steps set note = 'theirs'");
        const state = await db.apply(first);
        await db.apply(pin({ steps: [table, positions(3, 1, 2, 4)] }), state);
        const { rows } = await db.client.query("select distinct note from rows.steps");
        assert.deepEqual(rows, [{ note: "theirs" }]);
      });
    }

    it("swap under an index of several columns, an expression and a condition", async () => {
      await sql(`create table rows.steps (id int primary key, position int not null, name text not null);
        create unique index on rows.steps (lower(name)) where position > 0`);
      const named = keyed({ id: "int", position: "int", name: "text" });
      const row = (id: number, position: number, name: string): Row => ({ id, position, name });
      await thereAndBack(
        pin({ steps: [named, [row(1, 1, "A"), row(2, 1, "b"), row(3, 0, "B")]] }),
        pin({ steps: [named, [row(1, 1, "B"), row(2, 1, "a"), row(3, 0, "b")]] }),
      );
    });

    it("exchange their times under an exclusion constraint", async () => {
      await sql(`create table rows.slots (id int primary key, during int4range not null,
        exclude using gist (during with &&))`);
      const slots = keyed({ id: "int", during: "int4range" });
      const of = (...ranges: string[]) => pin({ slots: [slots, ranges.map((during, id) => ({ id, during }))] });
      await thereAndBack(of("[1,5)", "[5,9)"), of("[4,9)", "[1,4)"));
      assert.match(await planned(of("[1,5)", "[2,3)")), /slots\/0 and slots\/1: slots_during_excl keeps during apart/);
    });

    it("are refused by plan where going out and coming back would be seen", async () => {
      await sql(`create table rows.steps (id int primary key, position int not null unique);
        create table rows.notes (step int references rows.steps on delete cascade)`);
      const first = pin({ steps: [table, positions(1, 2)] });
      const second = pin({ steps: [table, positions(2, 1)] });
      const state = await db.apply(first);
      const words =
        /steps: rows exchange their values under steps_position_key.* foreign key notes_step_fkey of rows\.notes/;
      assert.match(await planned(second, first), words);
      await assert.rejects(db.apply(second, state), words);
    });

    it("stay where they are when their values stand in nobody's way, whatever else changes", async () => {
      await sql(`create table rows.steps (id int primary key, position int not null unique, name text);
        create table rows.notes (step int references rows.steps on delete cascade);
        create table rows.gone (id int);
        create function rows.note() returns trigger language plpgsql as $$
          begin insert into rows.gone values (old.id); return old; end $$;
        create trigger noting before delete on rows.steps for each row execute function rows.note()`);
      const named = keyed({ id: "int", position: "int", name: "text" });
      const of = (...rows: [number, string][]) =>
        pin({ steps: [named, rows.map(([position, name], id) => ({ id, position, name }))] });
      await thereAndBack(of([1, "a"], [2, "b"]), of([11, "c"], [12, "d"]));
      assert.deepEqual(await all("gone"), []);
    });

    it("that a row which no release pins has already are named by plan", async () => {
      await sql(
        "create table rows.steps (id int primary key, position int unique); insert into rows.steps values (9, 1)",
      );
      const pinned = pin({ steps: [table, positions(1)] });
      const words = /steps\/0 and steps\/9: steps_position_key keeps position apart/;
      assert.match(await planned(pinned), words);
      await assert.rejects(db.apply(pinned), words);
    });
  });

  describe("with columns that the server fills", () => {
    for (const identity of ["always", "by default"]) {
      it(`have keys generated ${identity} as identity, and the sequence follows them`, async () => {
        await sql(`create table rows.items (id int generated ${identity} as identity primary key, name text)`);
        const items = keyed({ id: "int", name: "text" });
        const first = pin({ items: [items, [{ id: 1, name: "a" }]] });
        await thereAndBack(
          first,
          pin({
            items: [
              items,
              [
                { id: 1, name: "b" },
                { id: 7, name: "c" },
              ],
            ],
          }),
        );
        const insert = () => sql("insert into rows.items (name) values ('theirs') returning id");
        assert.deepEqual((await insert()).rows, [{ id: 8 }]);
        await sql("select setval('rows.items_id_seq', 100)");
        await db.apply(
          pin({
            items: [
              items,
              [
                { id: 1, name: "a" },
                { id: 50, name: "x" },
              ],
            ],
          }),
        );
        assert.deepEqual((await insert()).rows, [{ id: 101 }], "never back");
      });
    }

    it("have an identity beside the key: where it is pinned, rows that go come back with theirs, and no other value is taken", async () => {
      await sql(
        "create table rows.items (code text primary key, no int generated always as identity (start 5), name text)",
      );
      const bare = (...names: string[]) =>
        pin({
          items: [keyed({ code: "text", name: "text" }, "code"), names.map((name) => ({ code: name[0] ?? "", name }))],
        });
      await thereAndBack(bare("ann", "bob"), bare("abe", "bob", "cid"));
      const numbered = (...rows: readonly [string, number, string][]) =>
        pin({
          items: [
            keyed({ code: "text", no: "int", name: "text" }, "code"),
            rows.map(([code, no, name]) => ({ code, no, name })),
          ],
        });
      await sql("truncate rows.items restart identity");
      const state = await thereAndBack(numbered(["a", 5, "ann"], ["b", 6, "bob"]), numbered(["a", 5, "abe"]));
      const moved = numbered(["a", 50, "ann"], ["b", 6, "bob"]);
      const words = /items\/a: no is 5, pinned is 50, and PostgreSQL changes no column that is generated always/;
      assert.match(await planned(moved), words);
      await assert.rejects(db.apply(moved, state), words);
      await sql("insert into rows.items (code, name) values ('t', 'theirs')");
      const { rows } = await sql("select count(*)::int as free from rows.items where no > 6");
      assert.deepEqual(rows, [{ free: 1 }], "the sequence follows the pinned values");
    });

    it("have serial keys and defaults beside them", async () => {
      await sql(
        "create table rows.items (id bigserial primary key, name text, since date not null default '2020-01-01')",
      );
      const items = keyed({ id: "bigint", name: "text" });
      await thereAndBack(
        pin({ items: [items, [{ id: "9007199254740993", name: "a" }]] }),
        pin({ items: [items, [{ id: 3, name: "a" }]] }),
      );
      const { rows } = await sql("insert into rows.items (name) values ('x') returning id::text, since::text");
      assert.deepEqual(rows, [{ id: "9007199254740994", since: "2020-01-01" }]);
    });

    it("are refused by plan where the server computes a pinned one", async () => {
      await sql("create table rows.items (id int primary key, twice int generated always as (id * 2) stored)");
      const pinned = pin({ items: [keyed({ id: "int", twice: "int" }), [{ id: 1, twice: 2 }]] });
      const words = /items\.twice is computed by the server; take it out of the pinned columns/;
      assert.match(await planned(pinned), words);
      await assert.rejects(db.apply(pinned), words);
      await thereAndBack(
        pin({ items: [keyed({ id: "int" }), [{ id: 1 }]] }),
        pin({ items: [keyed({ id: "int" }), [{ id: 2 }]] }),
      );
    });

    it("are refused by plan where a column that every row needs has neither value nor default", async () => {
      await sql("create table rows.items (id int primary key, owner text not null)");
      const words = /items\.owner is not null and has no default, so no row can be added/;
      const pinned = pin({ items: [keyed({ id: "int" }), [{ id: 1 }]] });
      assert.match(await planned(pinned), words);
      await assert.rejects(db.apply(pinned), words);
    });
  });

  describe("with columns of any type", () => {
    const values: readonly (readonly [type: string, before: Row[string], after: Row[string], setup?: string])[] = [
      ["rows.mood", "sad", "ok"],
      ["mood", "sad", null],
      ["rows.mood[]", ["sad", null], []],
      ["interval", "1 day 02:03:04.5", "-1 mons"],
      ["interval day to second(3)", "1 day", "2 days 00:00:01.001"],
      ["money", "$1,234.50", 3],
      ["int4range", "[1,5)", "empty"],
      ["tstzrange", "[2025-01-01 00:00:00+00,infinity)", "(,)"],
      ["datemultirange", "{[2025-01-01,2025-01-05)}", "{}"],
      ["date[]", ["2025-09-17", "infinity"], [null]],
      ["timestamp with time zone", "infinity", "0044-03-15 12:00:00+00 BC"],
      ["timestamp(3) without time zone", "-infinity", "2025-09-17 19:00:00.123"],
      ["date", "294276-12-31", "0044-03-15 BC"],
      ["time with time zone", "19:00:00+02", "19:00:00-02"],
      ["numeric", "NaN", "Infinity"],
      ["numeric(10,2)", "1.50", -3.25],
      ["double precision", "-Infinity", 1 / 3],
      ["real", "NaN", "0.1"],
      ["varchar(3)", "abc", ""],
      ["character(5)", "ab", "cd"],
      ['"char"', "x", "y"],
      ["name", "someone", "else"],
      [
        "integer[]",
        [
          [1, 2],
          [3, null],
        ],
        "[0:1]={7,8}",
      ],
      ["bigint[]", ["9007199254740993", "9223372036854775807"], [1]],
      ["text[]", ['a"b\\{},', "NULL", null], [["x"], ["y"]]],
      ["jsonb[]", [{ a: [1] }, "x"], [null]],
      ["json[]", [{ b: 1, a: 2 }], []],
      ["numeric(4,1)[]", ["1.5", "NaN"], []],
      ["rows.pair", '(1,"a ""b"" ,")', "(,)"],
      ["rows.pair[]", '{"(1,x)"}', "{}"],
      ["rows.positive", 5, 7],
      ["rows.tree", { a: 1 }, '"x"'],
      ["xml", "<a>1</a>", "<b/>"],
      ["point", "(1,2)", "(1e+300,-0)"],
      ["polygon", "((0,0),(1,1),(1,0))", null],
      ["bit(3)", "101", "000"],
      ["bit varying", "1", ""],
      ["inet", "10.0.0.1/8", "::1"],
      ["cidr", "10.0.0.0/8", "::/0"],
      ["macaddr", "08:00:2b:01:02:03", null],
      ["tsvector", "'fat':2 'rat':3", ""],
      ["tsquery", "'fat' & 'rat'", "'x'"],
      ["bytea", "\\xdeadbeef", "\\x"],
      ["uuid", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", null],
      ["pg_lsn", "16/B374D848", "0/0"],
      ["oid", 4_294_967_295, 1],
      ["regtype", "integer", "text"],
      ["boolean", "yes", false],
      ["jsonpath", '$."a"[*]', "$"],
    ];
    beforeEach(() =>
      sql(`create type rows.mood as enum ('sad', 'ok'); create type rows.pair as (n int, t text);
        create domain rows.positive as int check (value > 0); create domain rows.tree as jsonb`),
    );

    it("go there and back in each, and a refresh changes nothing", async () => {
      const columns = Object.fromEntries(values.map(([type], at) => [`c${at}`, type]));
      const typed = keyed({ id: "int", ...columns });
      const row = (id: number, which: "before" | "after" | undefined): Row => {
        const cells = values.map(([, before, after], at): [string, Row[string]] => [
          `c${at}`,
          which === undefined ? null : which === "before" ? before : after,
        ]);
        return { id, ...Object.fromEntries(cells) };
      };
      const first = pin({ typed: [typed, [row(1, "before"), row(2, undefined)]] });
      const second = pin({ typed: [typed, [row(1, "after"), row(2, "before")]] });
      const state = await thereAndBack(first, second);
      assert.deepEqual((await read("id", state)).props, state);
      const empty = Object.keys(columns).map((name) => `${name} = null`);
      await sql(`update rows.typed set ${empty.join(", ")}; delete from rows.typed where id = 2`);
      const taken = (await read("id", state)).props ?? assert.fail();
      const next = await db.apply(second, taken);
      const copied = Object.keys(columns).map((name) => `${name} = b.${name}`);
      await sql(`update rows.typed a set ${copied.join(", ")} from rows.typed b where a.id <> b.id`);
      await db.apply(first, (await read("id", next)).props ?? assert.fail());
    });

    it("are of types of extensions, as keys too, and a baseline names what JSON does not give back", async function () {
      const available = await db.client.query("select from pg_available_extensions where name in ('citext', 'hstore')");
      if (available.rowCount !== 2) {
        assert.notEqual(process.env.REWIND_SKIP_NOTHING, "1", "the server has neither citext nor hstore");
        this.test!.title += " (skipped: the server has neither citext nor hstore)";
        this.skip();
      }
      // In the schema of the tables, so that they go with it.
      await sql("create extension citext schema rows; create extension hstore schema rows");
      await sql("create table rows.labels (name rows.citext primary key, tags rows.hstore, value jsonb)");
      const labels = keyed({ name: "rows.citext", tags: "rows.hstore", value: "jsonb" }, "name");
      const row = (name: string, tags: string | null): Row => ({ name, tags, value: 1 });
      const first = pin({ labels: [labels, [row("A", '"a"=>"1"'), row("b", '"x"=>NULL, "y"=>"\\"q\\""')]] });
      const second = pin({ labels: [labels, [row("A", '"a"=>"2"'), row("c", null)]] });
      const state = await thereAndBack(first, second);
      assert.deepEqual((await read("id", state)).props, state);
      const twice = pin({ labels: [labels, [row("A", null), row("a", null)]] });
      assert.match(await planned(twice, first), /labels\/A: 2 pinned rows have this key/);
      await sql("update rows.labels set value = '[12345678901234567890]' where name::text = 'b'");
      const located = { schema: "rows", name: "labels", table: labels };
      const { connection, password } = db.pin({});
      const { host, port, user, database } = connection;
      const client = await connect({ host, port, user, database, password }, exactTexts);
      const { odd, rows } = await readWholeTable(client, located).finally(() => client.end());
      assert.deepEqual(odd, ["labels/b value"]);
      assert.deepEqual(
        rows.map(({ tags }) => tags),
        ['"a"=>"1"', '"x"=>NULL, "y"=>"\\"q\\""'],
      );
    });

    it("have keys of any type that has an equality, however a key is written", async () => {
      const keys: readonly (readonly [type: string, one: Row[string], same: Row[string], other: Row[string]])[] = [
        ["interval", "24:00:00", "1 day", "2 days"],
        ["timestamptz", "2025-09-17T21:00:00+02:00", "2025-09-17 19:00:00Z", "infinity"],
        ["numeric", "1.0", 1, "NaN"],
        ["rows.mood", "sad", "sad", "ok"],
        ["int4range", "[1,4]", "[1,5)", "empty"],
        ["date[]", ["2025-01-01"], "{2025-01-01}", []],
        ["money", "$1.00", "1", "$2"],
        ["boolean", true, "t", false],
        ["bit(2)", "01", "01", "10"],
        ["jsonb", { a: 1, b: 2 }, { b: 2, a: 1 }, null],
        ["rows.pair", "(1,a)", "( 1,a)", "(2,)"],
        ["character(3)", "a", "a  ", "b"],
        ["date", "2025-01-01", "Jan 1 2025", "infinity"],
      ];
      const of = (key: (at: number) => Row[string], value: string, more = true): ConfigRowsInputs =>
        pin(
          Object.fromEntries(
            keys.map(([type, , , other], at) => {
              const second = other === null || !more ? [] : [{ id: other, value: "b" }];
              return [`k${at}`, [keyed({ id: type, value: "text" }), [{ id: key(at), value }, ...second]]] as const;
            }),
          ),
        );
      const [one, same] = [(at: number) => keys[at]?.[1] ?? null, (at: number) => keys[at]?.[2] ?? null];
      const state = await db.apply(of(one, "a"));
      await db.apply(of(same, "c"), state);
      for (const [at, [type, , , other]] of keys.entries()) {
        assert.equal((await all(`k${at}`)).length, other === null ? 1 : 2, type);
        const { tables } = of(one, "z");
        const [name, table] = [`k${at}`, tables[`k${at}`]];
        assert.ok(table !== undefined);
        const edited = db.pin({ [name]: table });
        await assert.rejects(db.apply(edited, state), /changed behind Rewind's back/, type);
      }
      const twice = keys.map(([type, key, equal]) => [keyed({ id: type, value: "text" }), [key, equal]] as const);
      const rows = twice.map(
        ([definition, [a, b]], at) =>
          [
            `k${at}`,
            [
              definition,
              [
                { id: a, value: "a" },
                { id: b, value: "b" },
              ],
            ],
          ] as const,
      );
      const words = await planned(pin(Object.fromEntries(rows)));
      for (const at of keys.keys()) assert.match(words, new RegExp(`^k${at}/.*: 2 pinned rows have this key`, "m"));
    });

    it("are found where the server does not read them, cuts them or does not let them pass, cell by cell", async () => {
      await sql(`create table rows.typed (id int primary key, mood rows.mood, short varchar(3), exact numeric(4,1),
        positive rows.positive, checked int check (checked < 10), needed text not null)`);
      const columns = {
        mood: "rows.mood",
        short: "varchar(3)",
        exact: "numeric(4,1)",
        positive: "rows.positive",
        checked: "int",
        needed: "text",
      };
      const typed = keyed({ id: "int", ...columns });
      const good: Row = { mood: "ok", short: "abc", exact: "1.5", positive: 1, checked: 1, needed: "" };
      const bad = (id: number, cell: Row): Row => ({ id, ...good, ...cell });
      const unread = pin({ typed: [typed, [bad(1, { mood: "angry" }), bad(2, { positive: 0 }), bad(3, {})]] });
      const words =
        /^typed\/1 mood = "angry": invalid input value for enum.*; typed\/2 positive = "0": value for domain/;
      assert.match(await planned(unread), words);
      await assert.rejects(db.apply(unread), (error: Error) => words.test(error.message));
      const others = pin({
        typed: [
          typed,
          [bad(1, { short: "abcd" }), bad(2, { exact: "1.55" }), bad(3, { checked: 10 }), bad(4, { needed: null })],
        ],
      });
      for (const text of [await planned(others), await db.apply(others).then(() => "", String)]) {
        assert.match(text, /typed\/1: short has type character varying\(3\), which cuts the value/);
        assert.match(text, /typed\/2: exact has type numeric\(4,1\), which cuts the value/);
        assert.match(text, /typed\/3: the check typed_checked_check does not let it pass: \(checked < 10\)/);
        assert.match(text, /typed\/4: needed is not null/);
      }
    });

    it("are found where the table has another type than the environment says", async () => {
      await sql("create table rows.typed (id int primary key, at timestamp, n int, t jsonb)");
      const declared = (columns: Table["columns"], row: Row) =>
        pin({ typed: [keyed({ id: "int", ...columns }), [{ id: 1, ...row }]] });
      assert.match(
        await planned(declared({ at: "timestamptz" }, { at: "2025-01-01 00:00Z" })),
        /typed\.at is declared as timestamptz, and the column has type timestamp without time zone; declare it as/,
      );
      assert.match(await planned(declared({ n: "no_such" }, { n: "1" })), /typed\.n: there is no type no_such/);
      await thereAndBack(
        declared({ n: "bigint", t: "text" }, { n: 1, t: '{"a":12345678901234567890}' }),
        declared({ n: "bigint", t: "text" }, { n: 2, t: "[]" }),
      );
      assert.match(
        await planned(declared({ n: "bigint" }, { n: "4294967296" })),
        /typed\/1 n = "4294967296": .*out of range/,
      );
    });

    it("hold json that is compared by what it means, and told with every digit", async () => {
      const typed = keyed({ id: "int", value: "json", numbers: "bigint[]" });
      const first = pin({ typed: [typed, [{ id: 1, value: { a: 1, b: [2] }, numbers: ["9007199254740993"] }]] });
      const state = await db.apply(first);
      await sql(`update rows.typed set value = E'{"b" :\\n[2], "a":7,"a":1}'`);
      assert.deepEqual((await read("id", state)).props, state, "no edit");
      await sql("update rows.typed set numbers = '{9007199254740995}'");
      const second = pin({ typed: [typed, [{ id: 1, value: { a: 2 }, numbers: [] }]] });
      await assert.rejects(db.apply(second, state), /\[9007199254740995\].*last applied was .*\[9007199254740993\]/);
      await sql(`update rows.typed set value = '{"n": [12345678901234567890, 1e400, "\\u0000"]}'`);
      const { props } = await read("id", state);
      await db.apply(second, props ?? state);
    });

    it("hold numbers as they are written, from a row file to the server, and back through a refresh and a baseline", async () => {
      const typed = keyed({ id: "bigint", n: "numeric", scaled: "numeric(40,20)", value: "json", list: "numeric[]" });
      const line =
        '{"id":9007199254740993,"n":1.50,"scaled":0.12345678901234567890,"value":{"a":[1e400,-0,1.0]},"list":[1.0,"2.50"]}';
      const state = await db.apply(db.pin({ typed: db.table(`${line}\n`, typed) }));
      const { rows } = await db.client.query("select t::text as text from rows.typed t");
      assert.deepEqual(rows, [
        { text: '(9007199254740993,1.50,0.12345678901234567890,"{""a"":[1e400,-0,1.0]}","{1.0,2.50}")' },
      ]);
      assert.deepEqual((await read("id", state)).props, state, "no edit");
      await sql("update rows.typed set n = 1.5000");
      assert.deepEqual((await read("id", state)).props, state, "the same number");
      await sql("update rows.typed set n = 1.50000000000000000001");
      const { props } = await read("id", state);
      const { file = assert.fail() } = props?.applied.typed ?? {};
      assert.match(readFileSync(join(checkout, file), "utf8"), /"n": "1\.50000000000000000001"/);
      await db.apply(db.pin({ typed: db.table(`${line}\n`, typed, "v2") }), props);
      const whole = await readWholeTable(db.client, { schema: "rows", name: "typed", table: typed });
      const [row = assert.fail()] = whole.rows;
      assert.deepEqual(
        [row.id, row.n, row.scaled, row.list],
        ["9007199254740993", "1.50", "0.12345678901234567890", "{1.0,2.50}"],
      );
      assert.deepEqual(whole.odd, ["typed/9007199254740993 value"]);
    });

    it("are taken over by a refresh whatever was put there, so that the next update goes through", async () => {
      const typed = keyed({ id: "int", at: "timestamptz", n: "numeric", value: "jsonb" });
      const first = pin({ typed: [typed, [{ id: 1, at: "2025-01-01T00:00:00Z", n: 1, value: 1 }]] });
      const state = await db.apply(first);
      await sql("update rows.typed set at = 'infinity', n = 'NaN', value = '12345678901234567890'");
      const { props } = await read("id", state);
      assert.ok(props !== undefined && props.applied.typed?.digest !== state.applied.typed?.digest);
      await db.apply(first, props);
      assert.deepEqual((await db.rows("typed"))[0]?.n, 1);
    });
  });

  describe("behind what the server puts in between", () => {
    const items = keyed({ id: "int", name: "text" });
    const first = () =>
      pin({
        items: [
          items,
          [
            { id: 1, name: "a" },
            { id: 2, name: "b" },
          ],
        ],
      });
    const second = () =>
      pin({
        items: [
          items,
          [
            { id: 1, name: "c" },
            { id: 15, name: "d" },
          ],
        ],
      });

    it("lie in partitions, and move between them", async () => {
      await sql(`create table rows.items (id int, name text, region text default 'eu', primary key (id, name)) partition by list (name);
        create table rows.items_a partition of rows.items for values in ('a', 'b');
        create table rows.items_c partition of rows.items default`);
      await thereAndBack(first(), second());
    });

    it("are written through a view with rules, and through one with a trigger", async () => {
      await sql(`create table rows.base (id int primary key, label text);
        create view rows.items as select id, label as name from rows.base;
        create rule adds as on insert to rows.items do instead insert into rows.base values (new.id, new.name);
        create rule changes as on update to rows.items do instead update rows.base set label = new.name where id = old.id;
        create rule removes as on delete to rows.items do instead delete from rows.base where id = old.id`);
      await thereAndBack(first(), second());
      await sql(`drop view rows.items; drop table rows.base; create table rows.base (id int primary key, label text);
        create view rows.items as select id, label as name from rows.base where id > 0;`);
      await thereAndBack(first(), second());
    });

    it("keep what a rule beside the table writes down", async () => {
      await sql(`create table rows.items (id int primary key, name text); create table rows.log (what text);
        create rule notes as on update to rows.items do also insert into rows.log values (new.name)`);
      await db.apply(second(), await db.apply(first()));
      assert.deepEqual(await all("log"), ["(c)"]);
    });

    it("are refused by name where row level security hides some", async () => {
      await sql(`create table rows.items (id int primary key, name text); create role rows_reader;
        alter table rows.items enable row level security; grant all on schema rows to rows_reader;
        grant all on rows.items to rows_reader; set role rows_reader`);
      const words = /items: row level security hides rows from the user that Rewind connects as/;
      try {
        assert.match(await planned(first()), words);
      } finally {
        await sql("reset role; drop owned by rows_reader");
      }
      await thereAndBack(first(), second());
    });

    it("name the trigger that changes what is written, with the value", async () => {
      await sql(`create table rows.items (id int primary key, name text);
        create function rows.meddle() returns trigger language plpgsql as 'begin new.name = upper(new.name); return new; end';
        create trigger shouts before insert or update on rows.items for each row execute function rows.meddle()`);
      await assert.rejects(
        db.apply(first()),
        /items: of 2 pinned rows 0 are .*items\/1 name is 'A', pinned is 'a'.*changed by the trigger shouts \(rows\.meddle\)/,
      );
    });

    it("are told with their table and the function when a trigger refuses them", async () => {
      await sql(`create table rows.items (id int primary key, name text);
        create function rows.guard() returns trigger language plpgsql as $$
        begin raise exception 'frozen until %', 2027 using hint = 'ask billing'; end $$;
        create trigger guards before insert on rows.items for each row execute function rows.guard()`);
      await assert.rejects(
        db.apply(first()),
        /^RowRefusal: items: frozen until 2027 \(ask billing; PL\/pgSQL function (?:rows\.)?guard\(\) line \d+ at RAISE\); nothing was written$/,
      );
    });

    it("are compared after the triggers of all tables have run", async () => {
      const second = keyed({ id: "int", name: "text" });
      await sql(`create table rows.items (id int primary key, name text); create table rows.others (id int primary key, name text);
        create function rows.meddle() returns trigger language plpgsql as $$
          begin update rows.items set name = 'meddled'; return null; end $$`);
      const of = (name: string) => pin({ items: [items, [{ id: 1, name }]], others: [second, [{ id: 1, name }]] });
      const state = await db.apply(of("a"));
      await sql("create trigger meddling after update on rows.others for each row execute function rows.meddle()");
      await assert.rejects(db.apply(of("b"), state), /items\/1 name is 'meddled', pinned is 'b'/);
      assert.deepEqual(await all("items"), ["(1,a)"]);
    });

    it("are not removed behind a trigger that keeps them", async () => {
      await sql(`create table rows.items (id int primary key, name text);
        create function rows.keep() returns trigger language plpgsql as 'begin return null; end';
        create trigger keeps before delete on rows.items for each row execute function rows.keep()`);
      const state = await db.apply(first());
      await assert.rejects(
        db.apply(second(), state),
        /items: 1 row .* could not be removed; the trigger keeps \(rows\.keep\)/,
      );
    });
  });
});
