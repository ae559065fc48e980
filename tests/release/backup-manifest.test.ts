import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isBackupPath,
  manifestText,
  parseManifest,
  parseSums,
  sumsText,
  type Manifest,
} from "../../release/backup-manifest";

const sha256 = "a".repeat(64);
const manifest: Manifest = {
  format: "rewind-backup",
  version: 1,
  stack: "staging",
  at: "2026-11-21T15:00:00.000Z",
  occasion: "request",
  pinned: { release: "v1.2.0", digest: `sha256:${sha256}` },
  parts: ["stack", "rows"],
  files: [
    { path: "stack/Pulumi.staging.yaml", bytes: 3, sha256 },
    { path: "rows/limits.jsonl", bytes: 0, sha256 },
  ],
};

describe("the manifest of a backup", () => {
  const reasonOf = (text: string): string => {
    const parsed = parseManifest(text);
    assert.ok(!parsed.ok, text);
    return parsed.reason;
  };
  const withPath = (path: string): string => JSON.stringify({ ...manifest, files: [{ path, bytes: 1, sha256 }] });

  it("is read back as it was written", () => {
    assert.deepEqual(parseManifest(manifestText(manifest)), { ok: true, manifest });
  });

  it("L8 · that names a path which leads out of the backup, or is none, is refused", () => {
    const paths = [
      ...["../x", "stack/../../x", "/etc/passwd", "stack//x", "stack/", "stack/./x", "stack\\..\\x", "C:/x"],
      ...["stack", "", ".", "elsewhere/x", "stack/a\nb", "stack/a\u0000b", "checksums/SHA256SUMS", "\\\\host\\x"],
      `stack/${"x".repeat(1_024)}`,
    ];
    for (const path of paths) assert.match(reasonOf(withPath(path)), /leads out of the backup, or is none/, path);
  });

  it("that names a file twice, names none, has another key or another form, is refused with what is wrong", () => {
    const [first] = manifest.files;
    assert.match(reasonOf(JSON.stringify({ ...manifest, files: [first, first] })), /twice/);
    assert.match(reasonOf(JSON.stringify({ ...manifest, files: [] })), /no file/);
    assert.match(reasonOf(JSON.stringify({ ...manifest, extra: 1 })), /damaged/);
    assert.match(reasonOf(JSON.stringify({ ...manifest, at: "yesterday" })), /at: expected a time/);
    assert.match(reasonOf(JSON.stringify({ ...manifest, version: 2 })), /has version 2; this Rewind reads version 1/);
    assert.match(reasonOf(manifestText(manifest).slice(0, -10)), /no JSON, or not all of it/);
    assert.match(reasonOf('{"format":"other"}'), /none of Rewind's/);
  });

  it("never makes the parser throw, whatever somebody put there", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          assert.equal(parseManifest(text).ok, false);
        },
      ),
    );
    const changed = fc.record({
      key: fc.constantFrom(...Object.keys(manifest).filter((key) => key !== "pinned")),
      value: fc.oneof(
        fc.constant(undefined),
        fc.anything({ withNullPrototype: false }).filter((each) => typeof each !== "bigint"),
      ),
    });
    fc.assert(
      fc.property(changed, ({ key, value }) => {
        let text: string;
        try {
          text = JSON.stringify({ ...manifest, [key]: value });
        } catch {
          return;
        }
        const parsed = parseManifest(text);
        assert.ok(parsed.ok || parsed.reason !== "");
      }),
    );
  });

  it("takes no path that could leave a folder, whatever it is made of", () => {
    const steps = fc.array(fc.constantFrom("..", ".", "", "stack", "rows", "a b", "\\", "é", "-"), { maxLength: 5 });
    fc.assert(
      fc.property(steps, (each) => {
        const path = each.join("/");
        if (!isBackupPath(path)) return;
        assert.ok(!path.startsWith("/") && !path.includes("\\") && !path.split("/").includes(".."));
      }),
    );
  });

  it("has sums that are read as they were written, and none where a line is none", () => {
    const sums = parseSums(sumsText(manifest.files));
    assert.deepEqual(
      [...(sums ?? [])],
      manifest.files.map(({ path }) => [path, sha256]),
    );
    assert.equal(parseSums(`${sha256} x\n`), undefined);
    assert.equal(parseSums(`${sha256}  x\n${sha256}  x\n`), undefined);
    assert.equal(parseSums("nonsense\n"), undefined);
  });
});
