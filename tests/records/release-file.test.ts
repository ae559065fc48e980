import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseFiles } from "../../records/release-file";

describe("the files of releases", () => {
  let folder = "";
  let read: (path: string) => unknown = () => undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-files-"));
    mkdirSync(join(folder, "project", "releases"), { recursive: true });
    writeFileSync(join(folder, "outside.yaml"), "description: outside\n");
    writeFileSync(join(folder, "project", "releases", "v1.yaml"), "description: inside\n");
    read = releaseFiles(join(folder, "project"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("are read as YAML", () => {
    assert.deepEqual(read("releases/v1.yaml"), { description: "inside" });
  });

  it("are read through links that stay inside", () => {
    symlinkSync("v1.yaml", join(folder, "project", "releases", "same.yaml"));
    assert.deepEqual(read("releases/same.yaml"), { description: "inside" });
  });

  it("are refused where a link leads out of the project", () => {
    symlinkSync(join(folder, "outside.yaml"), join(folder, "project", "releases", "link.yaml"));
    symlinkSync(folder, join(folder, "project", "up"));
    assert.throws(() => read("releases/link.yaml"), /^Error: releases\/link\.yaml leads out of the project$/);
    assert.throws(() => read("up/outside.yaml"), /leads out of the project$/);
    assert.throws(() => read("../outside.yaml"), /leads out of the project$/);
  });

  it("are refused by a neighbour's name that begins like the project's", () => {
    mkdirSync(join(folder, "project-2"));
    writeFileSync(join(folder, "project-2", "x.yaml"), "{}");
    assert.throws(() => read("../project-2/x.yaml"), /leads out of the project$/);
  });

  it("have errors of one line", () => {
    writeFileSync(join(folder, "project", "bad.yaml"), "a: {\nb: [\n");
    assert.throws(
      () => read("bad.yaml"),
      (error: Error) => /^bad\.yaml:2: ./.test(error.message) && !error.message.includes("\n"),
    );
    assert.throws(() => read("none.yaml"), /^Error: no file none\.yaml$/);
    assert.throws(() => read("releases"), /^Error: releases is no file$/);
  });
});
