import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMigrations } from "../../checks/migration-folder";

describe("a folder of migrations on the disk", () => {
  const project = mkdtempSync(join(tmpdir(), "rewind-migrations-"));
  const write = (name: string, text: string) => {
    writeFileSync(join(project, "migrations", name), text);
  };
  beforeEach(() => {
    mkdirSync(join(project, "migrations"));
  });
  afterEach(() => {
    rmSync(join(project, "migrations"), { recursive: true });
  });
  after(() => {
    rmSync(project, { recursive: true });
  });

  it("may hold seeds of some megabytes; a larger file is named with its size, a pointer of Git LFS with what fetches it", () => {
    const rows = (count: number) => `insert into t values\n${"('Some text of a seed.'),\n".repeat(count)}('end');`;
    write("1_seed.sql", rows(160_000));
    write("2_dump.sql", rows(700_000));
    write("3_after.sql", "-- NOOP");
    write("4_pointer.sql", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");
    const [seed, dump, after, pointer] = readMigrations(project, "migrations").migrations;
    assert.ok(seed !== undefined && "up" in seed && seed.up.statements.length === 1);
    assert.ok(after !== undefined && "up" in after);
    assert.ok(dump !== undefined && "problem" in dump);
    assert.match(dump.problem, /^migrations\/2_dump\.sql has \d{8} bytes; at most 16777216$/);
    assert.ok(pointer !== undefined && "problem" in pointer);
    assert.match(pointer.problem, /^migrations\/4_pointer\.sql is a pointer of Git LFS, .*: git lfs pull$/);
  });

  it("has the order in which its tool runs it: Prisma's folders as text, numbers otherwise", () => {
    const mixed = ["20230620181114_a", "20250625_b", "20250626101010_c"];
    for (const name of mixed) {
      mkdirSync(join(project, "migrations", name));
      write(`${name}/migration.sql`, "select 1;");
    }
    const names = () => readMigrations(project, "migrations").migrations.map(({ name }) => name);
    assert.deepEqual(names(), mixed);
    rmSync(join(project, "migrations"), { recursive: true });
    mkdirSync(join(project, "migrations"));
    for (const name of mixed) write(`${name}.sql`, "select 1;");
    assert.deepEqual(names(), ["20250625_b", "20230620181114_a", "20250626101010_c"]);
  });
});
