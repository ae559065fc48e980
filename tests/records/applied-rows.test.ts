import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { bringAppliedRows } from "../../records/applied-rows";
import type { Settings } from "../../release/parse";
import { jsonLines, rowsDigest, rowsPath } from "../../release/rows";
import type { Release } from "../../release/schema/release";
import type { Row } from "../../release/schema/rows";

describe("rows that another machine applied", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-applied-rows-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const rowsOf = (max: number): Row[] => [
    { id: 1, max },
    { id: 2, max: 0 },
  ];
  const releaseWith = (max: number): Release => ({ config: { limits: { rows: rowsOf(max) } } });
  const stateWith = (max: number) => ({ tables: { limits: rowsDigest({ rows: rowsOf(max) }) } });
  const pathOf = (max: number): string => rowsPath(".rewind/records", stateWith(max).tables.limits.digest);
  const settingsWith = (inline: readonly number[], inFiles: readonly number[] = []): Settings => {
    mkdirSync(join(folder, "releases"), { recursive: true });
    for (const max of inFiles) writeFileSync(join(folder, `releases/v${max}.yaml`), stringify(releaseWith(max)));
    const references = inFiles.map((max) => [`v${max}`, { file: `releases/v${max}.yaml`, digest: "" }] as const);
    return {
      environment: {},
      releases: new Map(inline.map((max) => [`v${max}`, releaseWith(max)])),
      references: new Map(references),
    } as unknown as Settings;
  };
  const brought = (): string[] => {
    const rows = join(folder, ".rewind/records/rows");
    return existsSync(rows) ? readdirSync(rows) : [];
  };

  it("come from a release of the stack file, byte for byte as that machine kept them", () => {
    bringAppliedRows(settingsWith([1, 2, 3]), folder, [stateWith(2)]);
    assert.equal(readFileSync(join(folder, pathOf(2)), "utf8"), jsonLines(rowsOf(2)));
    assert.equal(brought().length, 1);
  });

  it("come from a release in a file, and a broken file beside it stops nothing", () => {
    const settings = settingsWith([1], [2, 3, 4]);
    writeFileSync(join(folder, "releases/v4.yaml"), "{");
    rmSync(join(folder, "releases/v3.yaml"));
    bringAppliedRows(settings, folder, [stateWith(2), stateWith(1)]);
    assert.deepEqual(brought().length, 2);
    assert.ok(existsSync(join(folder, pathOf(2))));
  });

  it("are left as they are where this machine has them, and nothing is written for rows that no release has", () => {
    mkdirSync(join(folder, ".rewind/records/rows"), { recursive: true });
    writeFileSync(join(folder, pathOf(2)), "kept");
    bringAppliedRows(settingsWith([2]), folder, [stateWith(2), stateWith(9), {}]);
    assert.equal(readFileSync(join(folder, pathOf(2)), "utf8"), "kept");
    assert.equal(brought().length, 1);
  });
});
