import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOfText } from "../../release/canonical";
import { parseMigration, parsePair, type MigrationFile } from "../../release/migration-files";
import {
  logged,
  planMigrations,
  transactionsOf,
  unrehearsed,
  type AppliedMigration,
  type PlannedStep,
} from "../../release/migration-plan";

const text = (up: string, down?: string) =>
  `-- Up Migration\n${up}\n${down === undefined ? "" : `-- Down Migration\n${down}\n`}`;

const parsed = (content: string, name = "0001_first") => parseMigration(name, { path: `${name}.sql`, text: content });
/** A migration of this text, which must be well-formed. */
function read(content: string, name = "0001_first"): MigrationFile {
  const migration = parsed(content, name);
  if ("problem" in migration) throw new Error(migration.problem);
  return migration;
}
const file = (name: string, up = "select 1;", down: string | undefined = "select 2;"): MigrationFile =>
  read(text(up, down), name);
const applied = (...files: MigrationFile[]): AppliedMigration[] => files.map(({ name, digest }) => ({ name, digest }));
const [one, two, three] = [file("0001_one"), file("0002_two", "select 22;"), file("0003_three", "select 333;")];
const all = [one, two, three];
const told = (plan: ReturnType<typeof planMigrations>) =>
  plan.steps.map(({ name, direction }) => `${name} ${direction}`);

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

  it("takes the same file with other line ends, or with a byte order mark, for the same, whichever was noted", () => {
    const lines = text("select 1;", "select 2;");
    const forms = [lines, lines.replaceAll("\n", "\r\n"), `\uFEFF${lines}`, lines.replace("\n", "\r\n")];
    for (const noted of forms) {
      // What a database or a log of before holds: the digest of the text, as it was.
      const before: AppliedMigration[] = [{ name: "0001_one", digest: digestOfText(noted.replace("\uFEFF", "")) }];
      for (const now of forms) {
        if (noted !== now && noted === forms[3]) continue;
        assert.deepEqual(planMigrations([read(now, "0001_one"), two], before, "0001_one").problems, [], now);
      }
    }
    assert.equal(new Set(forms.map((form) => read(form).digest)).size, 1);
  });

  it("takes a migration of two files for the same when the way back was written later, and not when it was changed", () => {
    const up = { path: "0001_one.up.sql", text: "select 1;" };
    const [alone, paired, other] = [undefined, "select 2;", "select 3;"].map((down) =>
      parsePair("0001_one", up, down === undefined ? undefined : { path: "0001_one.down.sql", text: down }),
    ) as [MigrationFile, MigrationFile, MigrationFile];
    assert.deepEqual(planMigrations([paired], applied(alone), "0001_one").problems, []);
    assert.equal(planMigrations([other], applied(paired), "0001_one").problems.length, 1);
    assert.equal(planMigrations([alone], applied(paired), "0001_one").problems.length, 1);
  });

  it("is refused by a file that cannot be read where that lies on the way, and only there", () => {
    const broken = { name: "0002_two", problem: "0002_two.sql:3: this is wrong" };
    const files = [one, broken, three];
    assert.deepEqual(planMigrations(files, [], "0001_one").problems, []);
    assert.deepEqual(planMigrations(files, [], "0003_three").problems, [broken.problem]);
    assert.deepEqual(planMigrations(files, applied(one, two), "0003_three").problems, [], "it has run already");
    assert.deepEqual(planMigrations(files, applied(one, two), "0001_one").problems, [broken.problem]);
  });

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

describe("the transactions of a way", () => {
  const grouped = (...files: MigrationFile[]): string[] =>
    transactionsOf(planMigrations(files, [], files.at(-1)?.name ?? "").steps).map((group) =>
      group.map(({ name }) => name.slice(0, 4)).join(" "),
    );

  it("are one, so that nothing remains when anything fails", () => {
    assert.deepEqual(grouped(one, two, three), ["0001 0002 0003"]);
  });

  it("end behind a value that is added to an enum, for what comes next may use it", () => {
    const adds = file("0002_two", "alter type state ADD VALUE if not exists 'paused' after 'open';");
    assert.deepEqual(grouped(one, adds, three, file("0004_four")), ["0001 0002", "0003 0004"]);
  });

  it("leave what must be outside of a transaction alone", () => {
    const alone = file("0002_two", "create index concurrently i on t (a);", "drop index concurrently i;");
    assert.deepEqual(grouped(one, alone, three, file("0004_four")), ["0001", "0002", "0003 0004"]);
  });
});

describe("a rehearsal", () => {
  const down: PlannedStep = { name: "0002_two", direction: "down", digest: two.digest, file: two };

  it("W5 · covers a way down of the same file, and nothing else", () => {
    assert.deepEqual(unrehearsed([down], [logged(down)]), []);
    assert.deepEqual(unrehearsed([down], [{ ...logged(down), direction: "up" }]), [down]);
    assert.deepEqual(unrehearsed([down], [{ ...logged(down), digest: one.digest }]), [down]);
    assert.deepEqual(unrehearsed([down], []), [down]);
  });

  it("W5 · covers the same file with the line ends of another machine", () => {
    const content = text("select 22;", "select 2;").replaceAll("\n", "\r\n");
    assert.deepEqual(unrehearsed([down], [{ ...logged(down), digest: digestOfText(content) }]), []);
  });

  it("is not asked for on the way up", () => {
    assert.deepEqual(unrehearsed([{ ...down, direction: "up" }], []), []);
  });
});
