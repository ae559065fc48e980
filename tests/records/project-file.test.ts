import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { projectFiles, writeProjectFile } from "../../records/project-file";
import type { ProjectFiles } from "../../release/project-files";

describe("the files of a project", () => {
  let folder = "";
  let project = "";
  let files: ProjectFiles;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "rewind-project-")));
    project = join(folder, "project");
    mkdirSync(join(project, "rows"), { recursive: true });
    writeFileSync(join(folder, "outside"), "outside");
    writeFileSync(join(project, "rows", "a.jsonl"), "inside");
    files = projectFiles(project);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("are found, read and listed", () => {
    assert.equal(files.locate("rows/a.jsonl"), join(project, "rows", "a.jsonl"));
    assert.equal(files.read("rows/a.jsonl", 6).toString(), "inside");
    assert.deepEqual(files.list("rows"), ["a.jsonl"]);
    assert.deepEqual(files.list("none"), []);
  });

  it("are refused where a link leads out, as a file, as a folder and through another link", () => {
    symlinkSync(join(folder, "outside"), join(project, "link"));
    symlinkSync(folder, join(project, "up"));
    symlinkSync("link", join(project, "second"));
    symlinkSync("/dev/zero", join(project, "zero"));
    for (const path of ["link", "second", "up/outside", "zero", "../outside", "/etc/hostname"]) {
      assert.throws(() => files.read(path, 100), /leads out of the project$/, path);
      assert.throws(() => files.locate(path), /leads out of the project$/, path);
    }
    assert.throws(() => files.list("up"), /^Error: up leads out of the project$/);
    assert.throws(() => files.locate("."), /leads out of the project$/);
  });

  it("are refused past their limit, and when they are no files, without waiting for anybody", () => {
    truncateSync(join(project, "rows", "a.jsonl"), 101);
    assert.throws(() => files.read("rows/a.jsonl", 100), /^Error: rows\/a\.jsonl has more than 100 bytes$/);
    assert.throws(() => files.read("rows", 100), /^Error: rows is no file$/);
    execFileSync("mkfifo", [join(project, "pipe")]);
    assert.throws(() => files.read("pipe", 100), /^Error: pipe is no file$/);
  });

  it("are followed through links that stay inside, in a project that is itself behind a link", () => {
    symlinkSync("a.jsonl", join(project, "rows", "same.jsonl"));
    symlinkSync(project, join(folder, "linked"));
    assert.equal(projectFiles(join(folder, "linked")).read("rows/same.jsonl", 10).toString(), "inside");
  });

  it("SEC-L6 · are not written through a link that leads out, nor is a folder made there", () => {
    mkdirSync(join(folder, "theirs"));
    writeFileSync(join(folder, "theirs", "a.json"), "theirs");
    symlinkSync(join(folder, "theirs"), join(project, "releases"));
    symlinkSync(join(folder, "outside"), join(project, "rows", "b.jsonl"));
    symlinkSync(join(folder, "not-there"), join(project, "rows", "c.jsonl"));
    symlinkSync(join(folder, "not-there"), join(project, "nowhere"));
    const out = ["releases/a.json", "releases/b.json", "releases/deep/b.json", "rows/b.jsonl", "rows/c.jsonl", "../a"];
    for (const path of [...out, "nowhere/a.json", "nowhere/deep/a.json", "/tmp/rewind-a", "."]) {
      assert.throws(() => {
        writeProjectFile(project, path, "ours");
      }, /leads out of the project; nothing was written$/);
    }
    assert.deepEqual(readdirSync(folder).sort(), ["outside", "project", "theirs"]);
    assert.deepEqual(readdirSync(join(folder, "theirs")), ["a.json"]);
    assert.equal(readFileSync(join(folder, "theirs", "a.json"), "utf8"), "theirs");
    assert.equal(readFileSync(join(folder, "outside"), "utf8"), "outside");
  });

  it("are written with the folders that they need, through links that stay inside, too", () => {
    symlinkSync("rows", join(project, "releases"));
    symlinkSync(project, join(folder, "linked"));
    writeProjectFile(join(folder, "linked"), "releases/deep/b.json", "ours");
    writeProjectFile(project, "new/deep/c.json", "ours");
    assert.equal(readFileSync(join(project, "rows", "deep", "b.json"), "utf8"), "ours");
    assert.equal(readFileSync(join(project, "new", "deep", "c.json"), "utf8"), "ours");
  });

  it("never give away what lies outside, whatever is asked for", () => {
    symlinkSync(folder, join(project, "up"));
    const piece = fc.constantFrom("..", ".", "/", "up", "outside", "rows", "\0", "~", "\\", "\u2215", "project");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        let text = "";
        try {
          text = files.read(pieces.join("/"), 100).toString();
        } catch (error) {
          assert.ok(error instanceof Error && !error.message.includes("\n"));
        }
        assert.notEqual(text, "outside");
      }),
      { numRuns: 500 },
    );
  });
});
