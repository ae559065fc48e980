import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson, digestOf } from "../../release/canonical";
import { BuildPath, cacheControlOf, manifestOf, readManifest, type BuildFile } from "../../release/frontend-build";

const file = (path: string): BuildFile => ({ path, sha256: "0".repeat(64), bytes: 1, contentType: "text/html" });

describe("a frontend's build", () => {
  it("has one digest, in whichever order its files are found", () => {
    const path = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,2}$/);
    fc.assert(
      fc.property(fc.uniqueArray(path, { minLength: 1 }), (paths) => {
        const [one, other] = [paths, paths.toReversed()].map((each) => manifestOf(each.map(file)));
        assert.equal(digestOf(one), digestOf(other));
        assert.deepEqual(readManifest(canonicalJson(one), digestOf(one)), one);
      }),
    );
  });

  it("is not read under another digest, cut short, out of order or twice the same", () => {
    const files = manifestOf([file("a.html"), file("b.html")]);
    const [text, build] = [canonicalJson(files), digestOf(files)];
    assert.throws(() => readManifest(text, digestOf([])), /it is not the one that was pinned/);
    assert.throws(() => readManifest(text.slice(0, -5), build), /is not JSON/);
    for (const wrong of [files.toReversed(), [file("a"), file("a")], [], [{ ...file("a"), more: 1 }]]) {
      assert.throws(() => readManifest(JSON.stringify(wrong), digestOf(wrong)), /the manifest of sha256:/);
    }
  });

  it("has no path that leads out of its folder or is read differently elsewhere", () => {
    const good = ["index.html", "a/b/c.js", ".well-known/x", "..a", "a..b/c", "a~@+=,()-_.js"];
    const bad = [
      "",
      "/a",
      "a/",
      "a//b",
      "..",
      ".",
      "a/..",
      "../a",
      "a/../b",
      "./a",
      "a/./b",
      "a b",
      "a%2e",
      "a\\b",
      "ä",
      "a\n",
    ];
    for (const path of good) assert.ok(BuildPath.safeParse(path).success, path);
    for (const path of bad) assert.ok(!BuildPath.safeParse(path).success, JSON.stringify(path));
  });

  it("may be kept for ever where a name holds a hash, and is asked for again everywhere else", () => {
    for (const path of [
      "assets/app-VAXH7LTW.js",
      "app.3f2a5b7c.css",
      "a/chunk-ABCDEFGH.js.map",
      "x-9f8e7d6c5b4a.woff2",
    ]) {
      assert.match(cacheControlOf(path), /immutable/, path);
    }
    for (const path of [
      "index.html",
      "app-VAXH7LTW.html",
      "robots.txt",
      "service-worker.js",
      "assets/my-component.js",
    ]) {
      assert.equal(cacheControlOf(path), "no-cache", path);
    }
  });
});
