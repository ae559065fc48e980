import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOfText } from "../../release/canonical";
import { inOrder, parseMigration, parsePair, positionIn, type MigrationFile } from "../../release/migration-files";
import { MigrationName } from "../../release/schema/migrations";

const parsed = (text: string) => parseMigration("0001_first", { path: "0001_first.sql", text });
/** A migration of this text, which must be well-formed. */
function read(text: string): MigrationFile {
  const migration = parsed(text);
  if ("problem" in migration) throw new Error(migration.problem);
  return migration;
}
const problemOf = (text: string): string => {
  const migration = parsed(text);
  return "problem" in migration ? migration.problem : "";
};
const text = (up: string, down?: string) =>
  `-- Up Migration\n${up}\n${down === undefined ? "" : `-- Down Migration\n${down}\n`}`;
/** Each statement of a section, in one line. */
const statements = ({ sql, statements }: NonNullable<MigrationFile["down"]>): string[] =>
  statements.map(({ start, end }) => sql.slice(start, end).replace(/\s+/g, " "));

describe("a migration's file", () => {
  it("has a section up and a section down, and the digest that sha256sum says", () => {
    const content = text("create table t ();", "drop table t;");
    const { up, down, digest } = read(content);
    assert.deepEqual(statements(up), ["create table t ()"]);
    assert.deepEqual(down && statements(down), ["drop table t"]);
    assert.equal(digest, digestOfText(content));
    assert.equal(up.alone, false);
  });

  it("without any heading goes up and has no way down", () => {
    assert.equal(read("create table t ();").down, undefined);
  });

  it("has no way down either where nothing but a comment stands there", () => {
    assert.equal(read(text("select 1;", "-- nothing comes to mind\n/* nothing at all */;")).down, undefined);
  });

  for (const [tool, content] of [
    ["node-pg-migrate", "--  Up Migration  \nselect 1;\n--- DOWN MIGRATION ---\nselect 2;"],
    ["node-pg-migrate, down first", "-- Down Migration\nselect 2;\n-- Up Migration\nselect 1;"],
    ["dbmate", "-- migrate:up\nselect 1;\n\n-- migrate:down\nselect 2;"],
    ["goose", "-- +goose Up\n-- +goose StatementBegin\nselect 1;\n-- +goose StatementEnd\n\n-- +goose Down\nselect 2;"],
    ["sql-migrate", "-- +migrate Up\nselect 1;\n-- +migrate Down\nselect 2;"],
    ["rambler", "-- rambler up\n\nselect 1;\n\n-- rambler down\n\nselect 2;"],
    ["tern", "-- Write your migrate up statements here\nselect 1;\n---- create above / drop below ----\nselect 2;"],
    ["a pair of plain words", "-- Up\nselect 1;\n-----\n-- Down\n-----\nselect 2;"],
    ["Windows", "\uFEFF-- Up Migration\r\nselect 1;\r\n-- Down Migration\r\nselect 2;\r\n"],
  ] as const) {
    it(`is read as ${tool} writes it`, () => {
      const { up, down } = read(content);
      assert.deepEqual([statements(up), down && statements(down)], [["select 1"], ["select 2"]]);
    });
  }

  it("has its heading on a line of nothing else: a sentence about a migration is a comment", () => {
    const { up, down } = read(
      "create table t (a int);\n-- Down migration of the next table is in 0007\ninsert into t values (1); -- Down Migration\nselect 3;",
    );
    assert.equal(up.statements.length, 3);
    assert.equal(down, undefined);
  });

  for (const line of [
    "-- Down Migration (Rollback)",
    "-- Down Migration: drops people",
    "-- Down Migration for people",
    "-- Down Migration -- drops people",
    "-- migrate:down transaction:maybe",
    "-- +goose Down later",
  ]) {
    it(`is refused where a line may be a heading, since one half of it would run as the other: ${line}`, () => {
      assert.match(
        problemOf(`-- Up Migration\ncreate table people ();\n${line}\ndrop table people;`),
        /^0001_first\.sql: line 3: ".*" may be a heading; leave nothing else on the line of a heading$/,
      );
    });
  }

  it("has no heading in a string, a dollar quote or a comment", () => {
    const inside = "\n-- Down Migration\n-- no-transaction\n";
    const { up, down } = read(`select '${inside}', $a$${inside}$a$, E'\\'${inside}' /* ${inside} */ from "${inside}";`);
    assert.deepEqual([up.statements.length, up.alone, down], [1, false, undefined]);
  });

  for (const [mark, content] of [
    ["-- no-transaction", "-- no-transaction\nselect 1;\nselect 2;"],
    ["-- NO TRANSACTION", "--- NO TRANSACTION\nselect 1;\nselect 2;"],
    ["goose's", "-- +goose NO TRANSACTION\n-- +goose Up\nselect 1;\nselect 2;"],
    ["sql-migrate's", "-- +migrate Up notransaction\nselect 1;\nselect 2;"],
    ["dbmate's", "-- migrate:up transaction:false\nselect 1;\nselect 2;\n-- migrate:down\nselect 3;"],
  ] as const) {
    it(`may say that it runs outside of a transaction, with the mark ${mark}`, () => {
      const { up, down } = read(content);
      assert.deepEqual([up.alone, down?.alone ?? false], [true, false]);
    });
  }

  it("runs in a transaction where a comment merely speaks of one", () => {
    for (const line of [
      "-- no transaction fee is stored here",
      "-- no-transaction: see the wiki",
      "select 1; -- no-transaction",
    ]) {
      assert.equal(read(`${line}\ncreate table t ();`).up.alone, false, line);
    }
  });

  for (const [statement, alone] of [
    ["create index concurrently i on t (a)", true],
    ["create unique index concurrently if not exists i on t (a)", true],
    ["drop index concurrently if exists s.i", true],
    ["reindex table concurrently t", true],
    ["reindex (verbose, concurrently) index i", true],
    ["reindex (concurrently false) index i", false],
    ["reindex database", true],
    ["vacuum (analyze) t", true],
    ["create database d", true],
    ["alter system set work_mem = '8MB'", true],
    ['alter database "d" set tablespace fast', true],
    ["alter table only s.p detach partition s.c concurrently", true],
    ["discard all", true],
    ["refresh materialized view concurrently m", false],
    ['create index "concurrently" on t (a)', false],
    ["comment on table t is 'create index concurrently'", false],
    ["analyze t", false],
    ["alter type e add value 'v'", false],
    ["alter table t detach partition c", false],
  ] as const) {
    it(`${alone ? "runs alone" : "runs in a transaction"} where its one statement is: ${statement}`, () => {
      assert.equal(read(`set lock_timeout = '5s';\n${statement};`).up.alone, alone);
    });
    if (!alone) continue;
    it(`is refused with another statement beside it, with the remedy: ${statement}`, () => {
      assert.match(
        problemOf(text(`create table u ();\n${statement};`)),
        /^0001_first\.sql:3: ".+" cannot run inside a transaction; .* the line "-- no-transaction" to this one$/,
      );
    });
  }

  for (const [what, up, line] of [
    ["end", "create table a (b int); end;", 2],
    ["commit", "create table t ();\nCommit;", 3],
    ["commit", "/* x */ commit;", 2],
    ["commit", "select 1; -- commit\n -- and\n commit and chain;", 4],
    ["rollback", "rollback;", 2],
    ["abort", "abort work;", 2],
    ["begin", "begin isolation level serializable;\nselect 1;\ncommit;", 2],
    ["start", "start transaction read only;\nselect 1;", 2],
    ["begin", "begin;\nselect 1;\ncommit;\nselect 2;\nbegin;\nselect 3;", 2],
    ["begin", "begin;\nselect 1;\nbegin;\nselect 3;\ncommit;\ncommit;", 2],
    ["begin", "begin;\nset local search_path = a;\ncommit;\nselect 2;", 2],
    ["begin", "begin;\ncreate temp table t (a int) on commit drop;\ncommit;\nselect 2;", 2],
    ["commit", "commit transaction;\nbegin transaction;\nselect 1;", 2],
    ["prepare transaction", "prepare transaction 'x';", 2],
  ] as const) {
    it(`is refused where it would end its transaction: ${up}`, () => {
      const problem = problemOf(text(up));
      assert.match(problem, /would end the transaction that keeps the migration whole; leave it out/);
      assert.ok(problem.startsWith(`0001_first.sql:${line}: "`), problem);
      assert.ok(problem.includes(`"${what}"`), problem);
    });
  }

  for (const [what, up] of [
    ["a procedure's body", "create procedure p() language plpgsql as $$ begin\ncommit;\nend; $$;"],
    ["a body in single quotes", "create procedure p() language plpgsql as 'begin\ncommit;\nend;';"],
    [
      "a body of SQL",
      "create function f() returns int begin atomic\nselect 1;\nselect case when true then 2 end;\nend;",
    ],
    ["a block", "do $$\nbegin\n  perform 1;\nend\n$$;"],
    ["a comment", "-- Rollback: see the wiki\n/*\ncommit;\n*/ select 1;"],
    ["a text", "insert into notes values ('Dear all,\nabort anytime by mail;\ncommit;\n');"],
    ["savepoints", "savepoint s; select 1; rollback to savepoint s; rollback to s; release s;"],
    ["names", 'create table "commit" (begin_at int, "end" int); update t set "end" = 1;'],
    ["prepared statements", "prepare q as select 1; execute q; deallocate q;"],
  ] as const) {
    it(`may have such words in ${what}`, () => {
      assert.equal(problemOf(text(up)), "");
    });
  }

  it("may be wrapped in begin and commit as a whole, which say what holds anyway", () => {
    for (const [first, last] of [
      ["begin", "commit"],
      ["BEGIN TRANSACTION", "END"],
      ["start transaction", "commit work"],
    ] as const) {
      const { up } = read(text(`${first};\nselect 1;\nselect nothing;\n${last};`));
      assert.deepEqual(statements(up), ["select 1", "select nothing"]);
      assert.doesNotMatch(up.sql, /begin|start|commit|end/i);
      assert.deepEqual(positionIn(up, up.sql.indexOf("nothing") + 1), { line: 4, column: 8 });
    }
  });

  it("may have several such blocks, as Prisma writes one around the change of an enum", () => {
    const { up } = read(text("select 0;\nBEGIN;\nselect 1;\nCOMMIT;\n\n-- Then\nbegin;\nselect nothing;\nend;"));
    assert.deepEqual(statements(up), ["select 0", "select 1", "select nothing"]);
    assert.doesNotMatch(up.sql, /begin|commit|end/i);
    assert.deepEqual(positionIn(up, up.sql.indexOf("nothing") + 1), { line: 9, column: 8 });
  });

  it("cannot choose the isolation of a transaction that has begun, and can of its own", () => {
    const wrapped = "begin;\nset transaction isolation level repeatable read;\nselect 1;\ncommit;";
    const remedy = /:3: "set transaction" must be the first .*; add the line "-- no-transaction", and begin and commit/;
    assert.match(problemOf(text(wrapped)), remedy);
    assert.equal(problemOf(`-- no-transaction\n${wrapped}`), "");
  });

  it("outside of a transaction may have its own, if it ends it", () => {
    assert.equal(problemOf("-- no-transaction\nbegin;\nselect 1;\ncommit;\nvacuum;"), "");
    assert.match(problemOf("-- no-transaction\nvacuum;\nbegin;\nselect 1;"), /:3: this transaction is never committed/);
  });

  for (const [what, up, refused] of [
    ["uses it", "alter type state add value 'paused';\nupdate t set s = 'paused';", true],
    ["uses it with a cast", "alter type s.state add value if not exists 'paused';\nselect 'paused'::s.state;", true],
    ["uses another one", "alter type state add value 'paused';\nupdate t set s = 'open';", false],
    ["adds another one beside it", "alter type state add value 'b';\nalter type state add value 'c' after 'b';", false],
    [
      "has made the type itself",
      "create type state as enum ('a');\nalter type state add value 'b';\nselect 'b'::state;",
      false,
    ],
    [
      "has a function that will use it",
      "alter type state add value 'b';\ncreate function f() returns state language sql as $$ select 'b'::state $$;",
      false,
    ],
    ["speaks of it", "alter type state add value 'b';\ncomment on type state is 'b';", false],
  ] as const) {
    it(`that adds a value to an enum and ${what} is ${refused ? "refused, with the remedy" : "accepted"}`, () => {
      const problem = problemOf(text(up));
      if (refused) assert.match(problem, /:3: this uses 'paused', a value .* move this to the next migration$/);
      else assert.equal(problem, "");
    });
  }

  for (const [name, content, problem] of [
    ["two sections up", "-- Up Migration\nselect 1;\n-- Up Migration\nselect 2;", /line 3: it has 2 sections up/],
    ["nothing to do", "-- Up Migration\n-- later\n", /no statement to go up/],
    ["nothing but semicolons", "-- Up Migration\n;;\n", /no statement to go up/],
    ["only a way down", "-- Down Migration\nselect 1;", /no statement to go up/],
    [
      "a statement before its first heading",
      "select 0;\n-- Up Migration\nselect 1;",
      /line 1: this stands before the first/,
    ],
    ["a zero byte", text("select '\0';"), /zero byte/],
    ["a string that never ends", text("select 'a;\n", "select 2;"), /line 2: the string that begins here never ends/],
    ["a comment that never ends", text("/* select 1;"), /line 2: the comment that begins here never ends/],
    ["a file that psql reads", text("\\i other.sql"), /line 2: "\\i other\.sql" is for psql/],
    ["a copy by psql", text("select 1 \\gexec"), /line 2: "\\gexec" is for psql/],
    ["a dump's data", "COPY public.t (a, b) FROM stdin;\n1\tit's\n\\.\n", /line 1: the data below "copy … from stdin"/],
    ["variables of goose", "-- +goose ENVSUB ON\n-- +goose Up\nselect 1;", /line 1: goose would fill in variables/],
    ["a changelog of Liquibase", "--liquibase formatted sql\n--changeset a:1\nselect 1;", /Liquibase/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      assert.match(problemOf(content), problem);
    });
  }

  it("may do nothing where a comment says so, there and back, and nowhere else", () => {
    for (const content of ["-- NOOP\n", "/* only for MySQL */\n;", "\uFEFF-- no-op on PostgreSQL\r\n"]) {
      const { up, down } = read(content);
      assert.deepEqual([up.statements, down?.statements, down?.sql], [[], [], up.sql], content);
      const pair = parsePair("1_a", { path: "1_a.up.sql", text: content }, { path: "1_a.down.sql", text: "" });
      assert.ok("up" in pair && pair.down !== undefined, content);
    }
    for (const content of ["", "\n;\n", "--\n", "-- no-transaction\n", "-- +goose StatementBegin\n"]) {
      assert.match(
        problemOf(content),
        /0001_first\.sql: it has no statement to go up; where that is meant, write select 1;$/,
        content,
      );
    }
  });

  it("may be a dump: psql's commands that change nothing are left out, each error stays on its line", () => {
    const { up } = read(
      "\\restrict aBc\n\n\\set ON_ERROR_STOP on\nSET client_encoding = 'UTF8';\nselect nothing;\n\\unrestrict aBc\n",
    );
    assert.doesNotMatch(up.sql, /\\/);
    assert.deepEqual(positionIn(up, up.sql.indexOf("nothing") + 1), { line: 5, column: 8 });
  });

  it("tells the line and the column of an error in characters, with any line ends", () => {
    for (const content of ["select 1;\nselect '🐘é', nothing;", "\uFEFFselect 1;\r\nselect '🐘é', nothing;"]) {
      const { up } = read(content);
      const position = Array.from(up.sql.slice(0, up.sql.indexOf("nothing"))).length + 1;
      assert.deepEqual(positionIn(up, position), { line: 2, column: 14 });
    }
  });

  it("is never a way for another reading: parsing any text does not throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        const migration = parsed(content);
        assert.ok("problem" in migration || migration.digests.includes(digestOfText(content)));
      }),
    );
  });
});

describe("a migration of two files", () => {
  const pair = (up: string, down?: string, path = "0001_first.up.sql") =>
    parsePair(
      "0001_first",
      { path, text: up },
      down === undefined ? undefined : { path: "0001_first.down.sql", text: down },
    );

  it("goes up by the one and down by the other", () => {
    const migration = pair("select 1;", "-- Down Migration for people\nselect 2;");
    assert.ok("up" in migration);
    assert.deepEqual(statements(migration.up), ["select 1"]);
    assert.equal(migration.down?.path, "0001_first.down.sql");
  });

  it("may have the heading of its own direction, and no other", () => {
    const migration = pair("-- +goose Up\nselect 1;", "-- Down Migration\nselect 2;");
    assert.ok("up" in migration);
    assert.deepEqual(migration.down && statements(migration.down), ["select 2"]);
    for (const wrong of [pair("select 1;", "-- Up Migration\nselect 2;"), pair(text("select 1;", "select 2;"))]) {
      assert.ok("problem" in wrong);
      assert.match(wrong.problem, /a heading of the other direction/);
    }
  });

  it("is refused with what Flyway would fill in", () => {
    const migration = pair("create table ${schema}.t ();", undefined, "V1__first.sql");
    assert.ok("problem" in migration);
    assert.match(migration.problem, /^V1__first\.sql: Flyway would fill in "\$\{schema\}"; write the value$/);
  });
});

describe("the name of a migration", () => {
  it("has no room for a quote, a separator or a control character", () => {
    for (const name of [
      "0001_a'b",
      "../0001_a",
      "0001_a;drop",
      "a_0001",
      '0001_"a"',
      "0001_a\n",
      "0001_a\u202Eb",
      "0001_a/b",
      "0001_`a`",
      "0001_$a",
      "0001_a ",
      "0001_a.",
    ]) {
      assert.equal(MigrationName.safeParse(name).success, false, name);
    }
  });

  it("is what the files of such tools are called", () => {
    for (const name of [
      "0001_first",
      "001",
      "20220305233635_x",
      "V2__add",
      "V1.10__add_names",
      "2022-01-01-000000_create",
      "0001-add.names",
      "0004_añadir_columna",
      "0005_add names (again)",
      `1_${"a".repeat(198)}`,
    ]) {
      assert.equal(MigrationName.safeParse(name).success, true, name);
    }
    assert.equal(MigrationName.safeParse(`1_${"a".repeat(199)}`).success, false);
  });

  it("orders them by the number in front", () => {
    for (const ordered of [
      ["0002_c", "9_a", "10_b", "20260101000000000_d"],
      ["V1__a", "V1.9__b", "V1.10__c", "V2_1__d", "V2.2__e", "V3__f", "V20220101__g"],
      ["2022-01-01-000000_b", "2022-01-02-000000_a"],
      ["0003_2fa", "0003_10", "0004_a"].sort(),
    ]) {
      assert.deepEqual(inOrder([...ordered].reverse()), ordered);
    }
  });
});
