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

  it("that has anything else than what it may have is refused by its place, with what was expected", () => {
    const [file] = manifest.files;
    const withFile = (more: object) => ({ files: [{ ...file, ...more }] });
    const path = "files.0.path: a path that leads out of the backup, or is none";
    const sum = "files.0.sha256: expected 64 hexadecimal digits";
    for (const [change, reason] of [
      [withFile({ path: "../x" }), path],
      [withFile({ sha256: sha256.slice(1) }), sum],
      [withFile({ sha256: `${sha256}a` }), sum],
      [withFile({ sha256: `a${sha256}` }), sum],
      [withFile({ sha256: sha256.replace("a", "g") }), sum],
      [{ at: "yesterday" }, "at: expected a time such as 2026-11-21T15:00:00.000Z"],
      [{ files: [] }, "files: it names no file"],
      [{ files: [file, file] }, "files: it names a file twice"],
    ] as const) {
      const said = reasonOf(JSON.stringify({ ...manifest, ...change }));
      assert.equal(said, `BACKUP_MANIFEST.json is damaged: ${reason}`);
    }
    for (const [change, place] of [
      [withFile({ mode: -1 }), "files.0.mode"],
      [withFile({ mode: 0o1000 }), "files.0.mode"],
      [withFile({ mode: 1.5 }), "files.0.mode"],
      [withFile({ bytes: -1 }), "files.0.bytes"],
      [withFile({ extra: 1 }), "files.0"],
      [{ stack: "" }, "stack"],
      [{ stack: "x".repeat(101) }, "stack"],
      [{ name: "x".repeat(101) }, "name"],
      [{ occasion: "boredom" }, "occasion"],
      [{ parts: ["everything"] }, "parts.0"],
      [{ pinned: { release: "v1", digest: "sha256:1" } }, "pinned.digest"],
      [{ pinned: { release: "v1" } }, "pinned.digest"],
      [{ pinned: { digest: `sha256:${sha256}` } }, "pinned.release"],
      [{ pinned: { ...manifest.pinned, by: "x" } }, "pinned"],
      [{ database: { name: "", rows: {} } }, "database.name"],
      [{ database: { name: "x".repeat(64), rows: {} } }, "database.name"],
      [{ database: { name: "x", rows: { t: -1 } } }, "database.rows.t"],
      [{ database: { name: "x" } }, "database.rows"],
      [{ sealed: {} }, "sealed.bytes"],
      [{ sealed: { bytes: -1 } }, "sealed.bytes"],
    ] as const) {
      const said = reasonOf(JSON.stringify({ ...manifest, ...change }));
      assert.ok(said.startsWith(`BACKUP_MANIFEST.json is damaged: ${place}: `), said);
    }
  });

  it("may say as much as it may, and no less than it must", () => {
    for (const change of [
      { stack: "s", name: "", files: [{ path: "backup.tar.age", bytes: 0, sha256, mode: 0 }], sealed: { bytes: 0 } },
      { stack: "s".repeat(100), name: "n".repeat(100), database: { name: "d".repeat(63), rows: { t: 0, "": 7 } } },
      {
        files: [{ path: `stack/${"x".repeat(1_018)}`, bytes: 1, sha256, mode: 0o777 }],
        database: { name: "d", rows: {} },
      },
      { pinned: undefined, parts: [] },
      {
        files: ["stack", "state", "rows", "policies", "database", "records", "extra"].map((part) => ({
          path: `${part}/x`,
          bytes: 1,
          sha256,
        })),
      },
    ] as const) {
      const whole = { ...manifest, ...change };
      const parsed = parseManifest(JSON.stringify(whole));
      assert.ok(parsed.ok, JSON.stringify(change));
      assert.deepEqual(parsed.manifest, JSON.parse(JSON.stringify(whole)));
    }
    for (const occasion of ["request", "rollback", "restore", "conversion"] as const) {
      assert.equal(parseManifest(JSON.stringify({ ...manifest, occasion })).ok, true, occasion);
    }
  });

  it("is none of Rewind's where it has another format or says none, whatever else it has", () => {
    for (const text of ["{}", "1", "null", "[]", '{"format":"rewind-backup"}', '{"format":"x","version":1}']) {
      assert.equal(reasonOf(text), "BACKUP_MANIFEST.json is none of Rewind's", text);
    }
    assert.match(reasonOf('{"format":"rewind-backup","version":0}'), /^BACKUP_MANIFEST\.json is damaged: version: /);
    assert.equal(
      reasonOf('{"format":"rewind-backup","version":3}'),
      "BACKUP_MANIFEST.json has version 3; this Rewind reads version 1",
    );
    assert.equal(reasonOf("{"), "BACKUP_MANIFEST.json is damaged: no JSON, or not all of it");
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
    const two = `${sha256}  a b\n${sha256} *c\n`;
    assert.deepEqual(
      [...(parseSums(two) ?? [])],
      [
        ["a b", sha256],
        ["c", sha256],
      ],
    );
    assert.deepEqual([...(parseSums("\n") ?? [])], []);
    for (const line of [`x${sha256}  x`, `${sha256}a  x`, `${sha256}  `, `${sha256}  x\r\u2028y`, ` ${sha256}  x`]) {
      assert.equal(parseSums(`${line}\n`), undefined, line);
    }
    assert.equal(parseSums(`${sha256} x\n`), undefined);
    assert.equal(parseSums(`${sha256}  x\n${sha256}  x\n`), undefined);
    assert.equal(parseSums("nonsense\n"), undefined);
  });
});
