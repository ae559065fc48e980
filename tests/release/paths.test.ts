import assert from "node:assert/strict";
import { posix, win32 } from "node:path";
import fc from "fast-check";
import * as primitives from "../../release/primitives";

/** Pieces of which a path, a name or a command is made that means something else than it says. */
const hostile = [
  ...["../", "..\\", "..", ".", "/", "//", "\\", "\\\\server\\share\\", "C:", "C:\\", "c:/", "~", "~root/"],
  ...["\0", "\n", "\r", "\t", "\x1b[2J", "\u2025", "\u2024\u2024/", "\u2215", "\uff0e\uff0e\uff0f", "\u202e", "\u200b"],
  ...["\u0430", "\u0000", "\ud800", "\ufeff", "e\u0301", "%2e%2e%2f", "%00", "..%2f", "..;/"],
  ...["CON", "nul", "NUL.yaml", "com1", "LPT9.txt", "aux/", "prn.", "file.", "file ", "file:stream", "::$DATA"],
  ...["'", '"', "`", "$(id)", "${x}", ";", "|", "&", "<", ">", "*", "?", "-rf", "--help", "--", " "],
  ...["a", "releases", "v1.2.0", ".yaml", "_x", "0", "api"],
];
const text = fc.array(fc.constantFrom(...hostile), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(""));
const anything = fc.oneof(text, fc.string({ unit: "binary", maxLength: 40 }), fc.string({ maxLength: 40 }));

const device = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Whatever a primitive lets through must hold; what it refuses needs no look. */
function holds(schema: { safeParse(value: unknown): { success: boolean } }, assertion: (value: string) => void): void {
  fc.assert(
    fc.property(anything, (value) => {
      if (schema.safeParse(value).success) assertion(value);
    }),
    { numRuns: 5_000 },
  );
}

describe("what may become a path, a name in SQL or a word of a command", () => {
  it("is inside the project on every system, when it is a path of the project", () => {
    let accepted = 0;
    holds(primitives.ProjectPath, (value) => {
      accepted += 1;
      assert.match(value, /^[A-Za-z0-9._+][A-Za-z0-9._+/-]*$/);
      assert.equal(posix.relative("/project", posix.resolve("/project", value)).split("/")[0] === "..", false);
      const windows = win32.resolve("C:\\project", value);
      assert.ok(windows.startsWith("C:\\project\\"), windows);
      for (const segment of value.split("/")) {
        assert.ok(segment !== "." && segment !== ".." && !segment.endsWith("."), value);
        assert.ok(!device.test(segment), value);
      }
    });
    assert.ok(accepted > 0, "the property must meet paths that are let through");
  });

  it("is one segment without a separator, when it names a release, an entry, a bucket, a toggle or a secret", () => {
    for (const name of ["ReleaseId", "Name", "BucketName", "SecretName", "ToggleName", "PlainSqlIdentifier"] as const) {
      holds(primitives[name], (value) => {
        assert.match(value, /^[A-Za-z0-9._+-]+$/, name);
        assert.match(value, /^[A-Za-z0-9_]/, "nothing that a command would take for an option");
        assert.equal(posix.normalize(`x/${value}`), `x/${value}`, name);
        assert.equal(win32.parse(value).root, "", name);
      });
    }
  });

  it("is a file on every system, when it is the id of a release", () => {
    holds(primitives.ReleaseId, (value) => {
      assert.ok(!device.test(value) && !value.endsWith(".") && !value.startsWith("."), value);
    });
  });

  it("is one identifier of PostgreSQL on one line, when it is quoted", () => {
    holds(primitives.SqlIdentifier, (value) => {
      assert.equal(Buffer.from(value, "utf8").toString("utf8"), value);
      assert.doesNotMatch(value, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      assert.ok(Buffer.byteLength(value) <= 63, "PostgreSQL cuts longer ones off, and two become one");
    });
  });

  it("is one database of one server in the URL that the postgresql plugin makes", () => {
    const accepted = fc.record({
      user: anything.filter((text) => primitives.DatabaseUser.safeParse(text).success && !/\p{Cs}/u.test(text)),
      host: fc.constantFrom("::1", "db_primary", "db.internal", "10.0.0.1", "2001:db8::1"),
      name: anything.filter((text) => primitives.DatabaseName.safeParse(text).success),
    });
    fc.assert(
      fc.property(accepted, ({ user, host, name }) => {
        // As the plugin puts it together: user and password escaped for a path, host and database as they are.
        const escaped = encodeURIComponent(user).replaceAll("%40", "@");
        const url = new URL(`http://${escaped}:secret@${primitives.hostInUrl(host)}:5432/${name}?sslmode=disable`);
        assert.equal(url.password, "secret");
        assert.equal(decodeURIComponent(url.username), user);
        assert.equal(url.port, "5432");
        assert.equal(url.search, "?sslmode=disable");
        assert.equal(url.hash, "");
      }),
      { numRuns: 500 },
    );
  });

  it("names one host, image or path and nothing beside it", () => {
    holds(primitives.Host, (value) => {
      assert.match(value, /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+)$/);
    });
    holds(primitives.ImageReference, (value) => {
      assert.match(value, /^[a-z0-9][A-Za-z0-9._/:@-]*$/);
      assert.ok(!value.split(/[/:@]/).includes(".."), value);
    });
    holds(primitives.UrlPath, (value) => {
      assert.match(value, /^\/[\x21-\x7e]*$/);
    });
    holds(primitives.Digest, (value) => {
      assert.match(value, /^sha256:[0-9a-f]{64}$/);
    });
  });

  for (const path of [
    ...["", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "./a", "a/.", "a//b", "..\\x", "a\\b", "C:\\x", "C:x"],
    ...[
      "\\\\server\\share",
      "a\0.yaml",
      "a\n",
      "a\u2215b",
      "\uff0e\uff0e/a",
      "\u0430.yaml",
      "a%2fb",
      "a b",
      "-a",
      "~/a",
    ],
    ...["con", "NUL", "releases/nul.yaml", "com1", "a/LPT1.txt", "aux/a", "a.", "a./b", "a:b", "a".repeat(201)],
  ]) {
    it(`refuses the path ${JSON.stringify(path).slice(0, 40)}`, () => {
      const parsed = primitives.ProjectPath.safeParse(path);
      assert.equal(parsed.success, false);
      assert.match(parsed.error.issues[0]?.message ?? "", /^expected a path inside the project .*got [\x20-\x7e…]+$/);
    });
  }

  for (const path of ["releases/v1.2.0.yaml", ".rewind/records", "a-b_c.d/e", "console/x", "nullable.yaml", "com10"]) {
    it(`accepts the path ${path}`, () => {
      assert.equal(primitives.ProjectPath.safeParse(path).success, true);
    });
  }
});
