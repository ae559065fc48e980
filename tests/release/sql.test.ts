import assert from "node:assert/strict";
import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { headOf, lineAt, scanSql } from "../../release/sql";

const partsOf = (text: string): string[] => scanSql(text).statements.map(({ start, end }) => text.slice(start, end));

/** The statements as PostgreSQL's own grammar has them, without what stands around them; undefined where it has none. */
function grammar(text: string): string[] | undefined {
  const bytes = Buffer.from(text);
  let parsed: { stmts?: { stmt_location?: number; stmt_len?: number }[] };
  try {
    parsed = parseSync(text);
  } catch {
    return undefined;
  }
  return (parsed.stmts ?? []).map(({ stmt_location: from = 0, stmt_len: length }) =>
    bytes.subarray(from, length === undefined ? undefined : from + length).toString(),
  );
}
/** Without what stands before the first token and behind the last one. */
const trimmed = (statement: string): string => partsOf(statement).join("\n---\n");

const name = fc.constantFrom("a", '"b;c"', '"d""e"', "é", "x$1$y", '"-- up migration"', "s.t", "begin_", "ends");
const string = fc.constantFrom(
  "'x;y'",
  "'it''s -- no comment'",
  "'/* ; */'",
  "E'a\\'b;'",
  "e'\\\\'",
  "'back\\'",
  "N'n;'",
  "B'01'",
  "x'ff'",
  "U&'\\0041;'",
  "U&'d!0041' uescape '!'",
  "$$;$$",
  "$tag$ $$ ; $other$ '$tag$",
  "$é$;$é$",
  "'one'\n'two;'",
  "E'one' -- between\n  'tw\\'o;'",
  "'-- Down Migration'",
  "'\n-- Down Migration\n'",
);
const expression = fc.oneof(
  string,
  fc.tuple(string, string).map(([a, b]) => `${a} || ${b}`),
  name.map((each) => `${each}->>'k;'`),
  name.map((each) => `${each} @> '{"a;":1}'::jsonb`),
  name.map((each) => `case when ${each} is null then 1 else 2 end`),
  fc.constantFrom("1.5e3", "0", "- -1", "2*/* c */3", "array[1,2][1]", "(select 1 as end)", "a.end", "$1", "1::text"),
);
const blank = fc.constantFrom(
  " ",
  "\n",
  "\t",
  "\r\n",
  " -- comment; 'quote\n",
  "/* ; ' /* nested ; */ \" */",
  "--\n",
  "-- $a$ \r",
  "/**/",
);
const simple = fc.oneof(
  fc.tuple(blank, expression).map(([between, value]) => `select${between}${value}`),
  fc.tuple(name, expression).map(([table, value]) => `insert into ${table} values (${value})`),
  fc.tuple(name, blank).map(([table, between]) => `create table ${table} (a int,${between}b text default ';')`),
  name.map((each) => `update ${each} set a = 1`),
);
const statement = fc.oneof(
  simple,
  fc.array(simple, { minLength: 1, maxLength: 3 }).map((body) => {
    const own = body.filter((each) => !each.startsWith("create"));
    return `create function f() returns int language sql begin atomic ${own.map((each) => `${each}; `).join("")}end`;
  }),
  expression.map((value) => `create or replace procedure p() begin atomic select ${value}; select 2; end`),
  fc.constant("create function begin() returns int as $$ begin; commit; $$ language sql"),
  fc.constant("create function f(a int) returns int return case when a > 0 then 1 end"),
  fc.constant("create rule r as on insert to t do also (delete from a; delete from b)"),
  fc.constant("do $do$ begin perform 1; commit; end $do$"),
  fc.constantFrom("begin", "commit", "END", "Abort", "rollback", "start transaction", "savepoint s", "release s"),
  fc.constant("create procedure atomic() as 'begin; commit;' language sql"),
  fc.constant(""),
);
const text = fc
  .array(fc.tuple(blank, statement, blank), { maxLength: 6 })
  .map((parts) => parts.map((part) => part.join("")).join(";"));

describe("SQL, split into statements", () => {
  before(() => loadModule());

  it("agrees with PostgreSQL's own grammar about what each statement is", () => {
    let compared = 0;
    fc.assert(
      fc.property(text, (sql) => {
        const expected = grammar(sql);
        if (expected === undefined) return;
        compared++;
        assert.deepEqual(partsOf(sql), expected.map(trimmed));
        for (const each of expected) assert.equal(partsOf(each).length, 1, each);
      }),
      { numRuns: 600 },
    );
    assert.ok(compared > 300, `only ${compared} texts were SQL`);
  });

  it("leaves nothing out: what is no statement is a semicolon, a blank or a comment", () => {
    fc.assert(
      fc.property(text, (sql) => {
        const { statements, comments } = scanSql(sql);
        let [rest, at] = ["", 0];
        for (const { start, end } of statements) {
          rest += sql.slice(at, start);
          at = end;
        }
        rest += sql.slice(at);
        for (const { start, end } of comments) assert.match(sql.slice(start, end), /^--[^\n\r]*$/);
        assert.equal(scanSql(rest).statements.length, 0, rest);
      }),
      { numRuns: 500 },
    );
  });

  it("never fails and never loops, whatever the text is", () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      "$$",
      "$a$",
      "/*",
      "*/",
      "--",
      "\n",
      "\\",
      ";",
      "(",
      ")",
      "e'",
      "begin atomic",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => {
        const sql = pieces.join("");
        let last = 0;
        for (const { start, end } of scanSql(sql).statements) {
          assert.ok(last <= start && start < end && end <= sql.length);
          last = end;
        }
      }),
    );
  });

  it("is linear where a hostile text asks for more", () => {
    for (const sql of [`E'a'${" -- ".repeat(50_000)}`, "/*".repeat(100_000), `E'a'${"\t".repeat(200_000)}x`]) {
      assert.ok(scanSql(sql).statements.length <= 1);
    }
  });

  for (const [what, sql] of [
    ["string", "select 1;\nselect 'a;"],
    ["string", "select 1;\nselect E'a\\';"],
    ["quoted name", 'select 1;\nselect "a;'],
    ["dollar quote", "select 1;\nselect $a$ ; $b$"],
    ["comment", "select 1;\n/* /* */ select 2;"],
  ] as const) {
    it(`says where a ${what} is opened that nothing closes: ${JSON.stringify(sql.slice(10))}`, () => {
      const { open } = scanSql(sql);
      assert.equal(open?.what, what);
      assert.equal(lineAt(sql, open.start), 2);
    });
  }

  it("finds the commands for psql, at the start of a line and behind a statement, and none in quotes", () => {
    const sql =
      "\\restrict abc\nselect 1 \\gexec\nselect 'a\\b', E'\\n', $$\n\\set x\n$$; -- \\i file\n\\copy t from 'x;y'";
    assert.deepEqual(
      scanSql(sql).psql.map(({ start, end }) => sql.slice(start, end)),
      ["\\restrict abc", "\\gexec", "\\copy t from 'x;y'"],
    );
  });

  it("has a head of each statement that no name and no string can imitate", () => {
    const [one, two] = scanSql("CREATE /* x */ Index \"concurrently\" on t; comment on table t is 'commit'").statements;
    assert.equal(headOf(one!), 'create index "" on t');
    assert.equal(headOf(two!), "comment on table t is ''");
  });
});
