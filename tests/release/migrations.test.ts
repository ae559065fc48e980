import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOfText } from "../../release/canonical";
import { inOrder, parseMigration, positionIn, type MigrationFile } from "../../release/migration-files";
import { planMigrations, unrehearsed, type AppliedMigration } from "../../release/migration-plan";
import { MigrationName } from "../../release/schema/migrations";

const text = (up: string, down?: string) =>
  `-- Up Migration\n${up}\n${down === undefined ? "" : `-- Down Migration\n${down}\n`}`;

/** A migration that is well-formed. */
function file(name: string, up = "select 1;", down: string | undefined = "select 2;"): MigrationFile {
  const parsed = parseMigration(name, text(up, down));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed;
}
const problemOf = (content: string): string => {
  const parsed = parseMigration("0001_first", content);
  return "problem" in parsed ? parsed.problem : "";
};
const applied = (...files: MigrationFile[]): AppliedMigration[] => files.map(({ name, digest }) => ({ name, digest }));
const [one, two, three] = [file("0001_one"), file("0002_two", "select 22;"), file("0003_three", "select 333;")];
const all = [one, two, three];
const told = (plan: ReturnType<typeof planMigrations>) =>
  plan.steps.map(({ name, direction }) => `${name} ${direction}`);

describe("a migration's file", () => {
  it("has a section up and a section down, and the digest that sha256sum says", () => {
    const content = text("create table t ();", "drop table t;");
    const parsed = parseMigration("0001_first", content);
    assert.ok(!("problem" in parsed));
    assert.match(parsed.up.sql, /create table t/);
    assert.doesNotMatch(parsed.up.sql, /drop table/);
    assert.match(parsed.down?.sql ?? "", /drop table t/);
    assert.equal(parsed.digest, digestOfText(content));
    assert.equal(parsed.alone, false);
  });

  it("without any heading goes up and has no way down", () => {
    const parsed = parseMigration("0001_first", "create table t ();");
    assert.ok(!("problem" in parsed));
    assert.equal(parsed.down, undefined);
  });

  it("has no way down either where nothing but a comment stands there", () => {
    assert.equal(file("0001_first", "select 1;", "-- nothing comes to mind").down, undefined);
  });

  it("may say that it runs outside of a transaction", () => {
    const parsed = parseMigration("0001_first", `-- no-transaction\n${text("create index concurrently i on t (a);")}`);
    assert.ok(!("problem" in parsed));
    assert.equal(parsed.alone, true);
  });

  for (const [name, content, problem] of [
    ["two sections up", "-- Up Migration\nselect 1;\n-- Up Migration\nselect 2;", /2 sections up/],
    ["nothing to do", "-- Up Migration\n-- later\n", /nothing below/],
    ["only a way down", "-- Down Migration\nselect 1;", /nothing below/],
    ["a commit", text("create table t ();\ncommit;"), /would end the transaction/],
    ["a commit behind something else", text("create table t (); Commit;"), /would end the transaction/],
    ["a rollback on the way down", text("select 1;", "ROLLBACK;"), /would end the transaction/],
    ["a transaction of its own", text("begin;\nselect 1;\nend;"), /would end the transaction/],
    ["a zero byte", text("select '\0';"), /zero byte/],
  ] as const) {
    it(`is refused with ${name}`, () => {
      assert.match(problemOf(content), problem);
    });
  }

  it("may hold a block of PL/pgSQL, which begins and ends too", () => {
    assert.equal(problemOf(text("do $$\nbegin\n  perform 1;\nend\n$$;")), "");
  });

  it("tells the line and the column of an error", () => {
    const { up } = file("0001_first", "select 1;\nselect nothing;");
    assert.deepEqual(positionIn(up, up.sql.indexOf("nothing") + 1), { line: 3, column: 8 });
  });

  it("is never a way for another reading: parsing any text does not throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        const parsed = parseMigration("0001_first", content);
        assert.ok("problem" in parsed || parsed.digest === digestOfText(content));
      }),
    );
  });

  it("has a name that no quote, blank or separator fits into", () => {
    for (const name of [
      "0001_a'b",
      "0001_a b",
      "../0001_a",
      "0001_a;drop",
      "a_0001",
      "0001_",
      '0001_"a"',
      "0001_a\n",
    ]) {
      assert.equal(MigrationName.safeParse(name).success, false, name);
    }
  });

  it("runs in the order of the number in front", () => {
    assert.deepEqual(inOrder(["10_b", "9_a", "0002_c", "20260101000000000_d"]), [
      "0002_c",
      "9_a",
      "10_b",
      "20260101000000000_d",
    ]);
  });
});

describe("the way to the pinned migration", () => {
  it("goes up in order from what is applied", () => {
    assert.deepEqual(told(planMigrations(all, applied(one), "0003_three")), ["0002_two up", "0003_three up"]);
  });

  it("goes down in the opposite order", () => {
    assert.deepEqual(told(planMigrations(all, applied(...all), "0001_one")), ["0003_three down", "0002_two down"]);
  });

  it("is empty where the pin is what runs", () => {
    assert.deepEqual(planMigrations(all, applied(one, two), "0002_two"), { steps: [], problems: [] });
  });

  const refused: readonly [string, ReturnType<typeof planMigrations>, RegExp][] = [
    [
      "a file changed since it was applied",
      planMigrations([file("0001_one", "select 9;"), two], applied(one), "0002_two"),
      /0001_one has been changed since/,
    ],
    [
      "a file is gone",
      planMigrations([two], applied(one), "0002_two"),
      /0001_one has been applied, and its file is gone/,
    ],
    [
      "one was put in before what is applied",
      planMigrations(all, applied(one, three), "0003_three"),
      /0003_three has been applied where 0002_two comes next/,
    ],
    [
      "the pin names none",
      planMigrations(all, [], "0009_nine"),
      /0009_nine: there is no such file; the last one is 0003_three/,
    ],
    [
      "there is no way down",
      planMigrations(
        [one, file("0002_two", "select 1;", "")],
        applied(one, file("0002_two", "select 1;", "")),
        "0001_one",
      ),
      /0002_two cannot be undone.*point-in-time recovery/,
    ],
  ];
  for (const [name, plan, problem] of refused) {
    it(`is refused as a whole where ${name}`, () => {
      assert.deepEqual(plan.steps, []);
      assert.match(plan.problems.join("\n"), problem);
    });
  }

  it("takes over what ran before its digest was noted", () => {
    assert.deepEqual(told(planMigrations(all, [{ name: "0001_one", digest: undefined }], "0002_two")), ["0002_two up"]);
  });

  it("arrives, from anywhere to anywhere", () => {
    const files = Array.from({ length: 9 }, (_, index) => file(`000${index + 1}_m`));
    fc.assert(
      fc.property(fc.nat(9), fc.nat(8), (from, to) => {
        const state = files.slice(0, from).map(({ name, digest }): AppliedMigration => ({ name, digest }));
        for (const { name, direction, digest } of planMigrations(files, state, files[to]!.name).steps) {
          if (direction === "up") state.push({ name, digest });
          else assert.equal(state.pop()?.name, name);
        }
        assert.deepEqual(
          state.map(({ name }) => name),
          files.slice(0, to + 1).map(({ name }) => name),
        );
      }),
    );
  });
});

describe("a rehearsal", () => {
  const down = { name: "0002_two", direction: "down", digest: two.digest } as const;

  it("W5 · covers a way down of the same file, and nothing else", () => {
    assert.deepEqual(unrehearsed([down], [down]), []);
    assert.deepEqual(unrehearsed([down], [{ ...down, direction: "up" }]), [down]);
    assert.deepEqual(unrehearsed([down], [{ ...down, digest: one.digest }]), [down]);
    assert.deepEqual(unrehearsed([down], []), [down]);
  });

  it("is not asked for on the way up", () => {
    assert.deepEqual(unrehearsed([{ ...down, direction: "up" }], []), []);
  });
});
