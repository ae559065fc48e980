import assert from "node:assert/strict";
import { layoutOf } from "../../release/migration-folder";

describe("a folder of migrations", () => {
  it("is read as node-pg-migrate, dbmate, goose and Supabase name their files", () => {
    assert.deepEqual(layoutOf(["0001_first.sql", "20240101000000_add.names.sql", "003.sql"]), {
      sources: [
        { name: "0001_first", both: "0001_first.sql" },
        { name: "20240101000000_add.names", both: "20240101000000_add.names.sql" },
        { name: "003", both: "003.sql" },
      ],
      ignored: [],
    });
  });

  it("is read as golang-migrate and sqlx name their pairs", () => {
    assert.deepEqual(layoutOf(["0003_add.down.sql", "0003_add.up.sql", "0004_only.up.sql"]).sources, [
      { name: "0003_add", up: "0003_add.up.sql", down: "0003_add.down.sql" },
      { name: "0004_only", up: "0004_only.up.sql" },
    ]);
  });

  it("is read as Flyway names versions and what undoes them", () => {
    assert.deepEqual(
      layoutOf(["U2__add.sql", "U1_1__other.sql", "V1.1__first.sql", "V2__add.sql", "U9__lost.sql", "R__views.sql"]),
      {
        sources: [
          { name: "V1.1__first", up: "V1.1__first.sql", down: "U1_1__other.sql" },
          { name: "V2__add", up: "V2__add.sql", down: "U2__add.sql" },
        ],
        ignored: [
          "R__views.sql (repeatable, and Rewind runs a migration once: when it changes, add a migration with a number that holds its text)",
          "U9__lost.sql (there is no one V9 that it undoes)",
        ],
      },
    );
  });

  it("never takes the file that undoes a migration for one that goes up, however a team tells the two apart", () => {
    const pair = (name: string, up: string, down: string) => [{ name, up, down }];
    for (const [up, down, name] of [
      ["001.do.sql", "001.undo.sql", "001"],
      ["002.do.add-users.sql", "002.undo.add-users.sql", "002.add-users"],
      ["20150207135259-add-x-up.sql", "20150207135259-add-x-down.sql", "20150207135259-add-x"],
      ["0001_init_up.sql", "0001_init_down.sql", "0001_init"],
      ["0001-up.sql", "0001-down.sql", "0001"],
      ["0001_Init.UP.sql", "0001_Init.DOWN.sql", "0001_Init"],
      ["0001_init.sql", "0001_init.down.sql", "0001_init"],
      ["0001_init.sql", "0001_init_rollback.sql", "0001_init"],
      ["0001_init.sql", "0001_init.undo.sql", "0001_init"],
      ["0001_init.deploy.sql", "0001_init.revert.sql", "0001_init"],
      ["V1__init.sql", "V1__init.undo.sql", "V1__init"],
      ["up/0001_init.sql", "down/0001_init.sql", "0001_init"],
      ["0001_init.postgres.up.sql", "0001_init.postgres.down.sql", "0001_init"],
    ] as const) {
      assert.deepEqual(layoutOf([down, up]), { sources: pair(name, up, down), ignored: [] });
      assert.deepEqual(layoutOf([up, down]), { sources: pair(name, up, down), ignored: [] });
    }
    assert.deepEqual(layoutOf(["0001_init.rollback.sql"]).sources, [
      { name: "0001_init", problem: "0001_init.rollback.sql has no file beside it that goes up" },
    ]);
  });

  it("has files whose last word only looks like a direction", () => {
    const names = ["0003_roll_back", "0004_undo", "0005_scale_up", "0006_count_down", "0007_sign-up"];
    const sources = names.map((name) => ({ name, both: `${name}.sql` }));
    assert.deepEqual(layoutOf(names.map((name) => `${name}.sql`)), { sources, ignored: [] });
  });

  it("may hold files for other databases, which are left alone", () => {
    assert.deepEqual(layoutOf(["01_x.cockroach.up.sql", "01_x.mysql.up.sql", "01_x.up.sql", "02_y.sqlite3.sql"]), {
      sources: [{ name: "01_x", up: "01_x.up.sql" }],
      ignored: ["01_x.cockroach.up.sql", "01_x.mysql.up.sql", "02_y.sqlite3.sql"].map(
        (path) => `${path} (written for another database)`,
      ),
    });
  });

  it("prefers a file for PostgreSQL to the one for any database, and names that", () => {
    assert.deepEqual(layoutOf(["01_x.down.sql", "01_x.postgres.up.sql", "01_x.up.sql"]), {
      sources: [{ name: "01_x", up: "01_x.postgres.up.sql", down: "01_x.down.sql" }],
      ignored: ["01_x.up.sql (01_x.postgres.up.sql is for PostgreSQL)"],
    });
  });

  it("is read as Prisma, Diesel and Hasura lay out their folders", () => {
    const paths = [
      "20220305233635_x/migration.sql",
      "20220405233635_y/migration.sql",
      "20220405233635_y/down.sql",
      "2022-01-01-000000_z/up.sql",
      "2022-01-01-000000_z/down.sql",
      "migration_lock.toml",
    ];
    assert.deepEqual(layoutOf(paths), {
      sources: [
        { name: "20220305233635_x", up: "20220305233635_x/migration.sql" },
        { name: "20220405233635_y", up: "20220405233635_y/migration.sql", down: "20220405233635_y/down.sql" },
        { name: "2022-01-01-000000_z", up: "2022-01-01-000000_z/up.sql", down: "2022-01-01-000000_z/down.sql" },
      ],
      ignored: ["migration_lock.toml (not SQL)"],
    });
  });

  it("may hold changelogs of Liquibase: one with a number stands in the way of what would pass it, others do not", () => {
    const remedy = "Rewind runs SQL only; write it as SQL (Liquibase prints a changelog's with update-sql)";
    assert.deepEqual(layoutOf(["0001_add.sql", "0002_more.xml", "db.changelog-master.yaml"]), {
      sources: [
        { name: "0001_add", both: "0001_add.sql" },
        { name: "0002_more", problem: `0002_more.xml is not SQL, and ${remedy}` },
      ],
      ignored: [`db.changelog-master.yaml (${remedy})`],
    });
  });

  it("leaves what is no migration alone, and says why", () => {
    const paths = [
      "README.md",
      "atlas.sum",
      "seed.sql",
      "meta/_journal.json",
      "0001_a/notes.md",
      "0001_a/up.sql",
      "beforeMigrate.sql",
    ];
    assert.deepEqual(layoutOf(paths).ignored, [
      "README.md (not SQL)",
      "atlas.sum (not SQL)",
      "seed.sql (no number in front)",
      "meta/_journal.json (not SQL)",
      "0001_a/notes.md (beside a migration)",
      "beforeMigrate.sql (no number in front)",
    ]);
  });

  for (const [what, paths, name, problem] of [
    ["a program", ["0003_more.js"], "0003_more", /0003_more\.js is a program; Rewind runs SQL only/],
    ["a way down alone", ["0003_a.down.sql"], "0003_a", /0003_a\.down\.sql has no file beside it that goes up/],
    [
      "one migration twice",
      ["0003_a.sql", "0003_a.up.sql"],
      "0003_a",
      /0003_a\.sql and 0003_a\.up\.sql are one migration twice/,
    ],
    ["a folder and a file", ["0003_a.sql", "0003_a/up.sql"], "0003_a", /are one migration twice/],
    [
      "a name that a quote fits into",
      ["0003_a'); drop table people; --.sql"],
      "0003_a'); drop table people; --",
      /a name has letters/,
    ],
  ] as const) {
    it(`has a place for ${what}, which cannot be read`, () => {
      const [source] = layoutOf(paths).sources;
      assert.ok(source !== undefined && "problem" in source);
      assert.equal(source.name, name);
      assert.match(source.problem, problem);
    });
  }

  it("lets a migration be SQL and have its program's compiled neighbour", () => {
    assert.deepEqual(layoutOf(["0003_a.js", "0003_a.sql"]).sources, [{ name: "0003_a", both: "0003_a.sql" }]);
  });
});
