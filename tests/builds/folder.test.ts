import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readFolder, UnfitFolder } from "../../builds/folder";
import { digestOf } from "../../release/canonical";

describe("the folder of a build", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-build-"));
    write("index.html", "<!doctype html>");
    write("assets/app-3F2A5B7C.js", "1");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const refused = async (reason: RegExp): Promise<void> => {
    await assert.rejects(readFolder(folder), (error) => error instanceof UnfitFolder && reason.test(error.message));
  };

  it("W2 · is known by what is in its files, whenever and in whichever order they were written", async () => {
    const { manifest } = await readFolder(folder);
    assert.deepEqual(
      manifest.map(({ path, bytes, contentType }) => [path, bytes, contentType]),
      [
        ["assets/app-3F2A5B7C.js", 1, "text/javascript; charset=utf-8"],
        ["index.html", 15, "text/html; charset=utf-8"],
      ],
    );
    utimesSync(join(folder, "index.html"), 1, 1);
    assert.equal(digestOf((await readFolder(folder)).manifest), digestOf(manifest));
    write("index.html", "<!DOCTYPE html>");
    assert.notEqual(digestOf((await readFolder(folder)).manifest), digestOf(manifest));
  });

  it("W2 · is refused with a link that leads out, nowhere or to a folder, and read with one that stays inside", async () => {
    symlinkSync("index.html", join(folder, "404.html"));
    assert.equal((await readFolder(folder)).manifest.length, 3);
    for (const [target, reason] of [
      ["/etc/passwd", /evil: a link that leads out of the folder/],
      ["../../../../etc/passwd", /evil: a link that leads out of the folder/],
      ["nobody", /evil: a link that leads nowhere/],
      ["assets", /evil: a link to a folder/],
      [".", /evil: a link that leads out of the folder/],
    ] as const) {
      symlinkSync(target, join(folder, "evil"));
      await refused(reason);
      rmSync(join(folder, "evil"));
    }
  });

  it("W2 · is refused with a name that a URL or another file system reads differently", async () => {
    for (const name of ["a b.js", "a\nb.js", "a%2f.js", "a\\b.js", "a?.js", "ä.js", "a\u0001.js", "a:b.js", "#.js"]) {
      write(name, "");
      await refused(/expected a path inside the build/);
      rmSync(join(folder, name));
    }
  });

  it("W2 · is refused when two names differ in nothing but case, folders included", async () => {
    write("Index.html", "");
    await refused(/Index\.html and index\.html differ in nothing but case/);
    rmSync(join(folder, "Index.html"));
    write("Assets/other.js", "");
    await refused(/Assets and assets differ in nothing but case/);
  });

  it("W2 · is refused with a pipe in it, at once", async function () {
    if (process.platform === "win32") this.skip();
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await refused(/pipe: not a regular file/);
  });

  it("W2 · is refused when a file changes between its reading and its sending", async () => {
    const { manifest, read } = await readFolder(folder);
    const document = manifest.find(({ path }) => path === "index.html")!;
    assert.equal((await read(document)).toString(), "<!doctype html>");
    write("index.html", "<!doctype htm1>");
    await assert.rejects(read(document), /index\.html: it changed while it was read/);
  });

  it("is refused when it is empty, a file, or not there", async () => {
    rmSync(join(folder, "index.html"));
    rmSync(join(folder, "assets"), { recursive: true });
    await refused(/there is no file in it/);
    write("file", "");
    await assert.rejects(readFolder(join(folder, "file")), /not a folder/);
    await assert.rejects(readFolder(join(folder, "none")), /no such folder/);
  });
});
