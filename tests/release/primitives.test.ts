import assert from "node:assert/strict";
import type { z } from "zod";
import * as primitives from "../../release/primitives";

const hex = "0123456789abcdef".repeat(4);

interface Samples {
  readonly schema: z.ZodType;
  readonly valid: readonly unknown[];
  readonly invalid: readonly unknown[];
}

const samples: Record<string, Samples> = {
  "a release id": {
    schema: primitives.ReleaseId,
    valid: [
      ...["v1.2.0", "r41", "v1.2.0-rc_1", "a".repeat(63), "1.2.3", "2026-11-30", "4f2c9e1", "v1.2.3+build.5", "4e5"],
      ...["20261130", "release-2026.11", "console", "nullable", "com10", "2026-11-30T1200", "1.2.3-rc.1+4f2c9e1", "V2"],
    ],
    invalid: [
      ...["", "-v1", "+1", ".v1", "_v1", "v1.", "v1 2", "v1/2", "v1\n", "a".repeat(64), 1.2, null, "v1:2", "v1@2"],
      ...["nul", "CON", "Aux.1", "com1", "LPT9.v1", "v1~1", "v1*", "$v1", "v1'", "\u0430"],
    ],
  },
  "a digest": {
    schema: primitives.Digest,
    valid: [`sha256:${hex}`],
    invalid: [hex, `sha256:${hex.toUpperCase()}`, `sha256:${hex}0`, `sha256:${hex.slice(1)}`, `sha512:${hex}`, ""],
  },
  "an image": {
    schema: primitives.ImageReference,
    valid: [`engine@sha256:${hex}`, `team/engine:v1.2.0@sha256:${hex}`, "engine:v1.2.0", "engine", "a-b_c.d/e"],
    invalid: [
      "",
      "Engine",
      `engine@sha256:${hex}0`,
      "engine@latest",
      "a//b",
      "../a",
      "a:",
      "registry:5000/a/b c",
      " a",
    ],
  },
  "a duration": {
    schema: primitives.Duration,
    valid: ["500ms", "30s", "5m", "24h", "9999999ms"],
    invalid: ["", "5", "0s", "1.5s", "-1s", "5 s", "5d", "100h", "100000s", 5],
  },
  "a name": {
    schema: primitives.Name,
    valid: ["api", "score_prism", "finalizeAssessment", "a-1"],
    invalid: ["", "1a", "_a", "a b", "a.b", "$(id)", "a".repeat(64), "\u0430pi"],
  },
  "an SQL identifier": {
    schema: primitives.SqlIdentifier,
    valid: [
      ...["scoring_config", "_private", "t1", "Account", "userId", "scoring-prod", "1t", 'a"b', "a'b", "a;b", "a.b"],
      ...[
        "a/b",
        " ",
        "$$",
        "a\\b",
        "100%",
        "\u00e4rger",
        "\u6ce8\u6587",
        "\ud83d\ude00",
        "a".repeat(63),
        "select",
        "--",
      ],
    ],
    invalid: ["", "a".repeat(64), "\u00e4".repeat(32), "a\0b", "a\nb", "\u001b[2J", "\ud800", "a\u2028", 7],
  },
  "the name of an environment": {
    schema: primitives.EnvironmentName,
    valid: ["staging", "n".repeat(63), "pr-1234-rewrite-the-checkout-of-the-whole-shop"],
    invalid: ["", "Staging", "1a", "a_b", "n".repeat(64), "$(reboot)"],
  },
  "an identifier without quotes": {
    schema: primitives.PlainSqlIdentifier,
    valid: ["is_member_of", "_f", "f1"],
    invalid: ["", "isMember", "1f", "a-b", "a.b", "a(b", "a'b", "a".repeat(64)],
  },
  "the name of a database": {
    schema: primitives.DatabaseName,
    valid: ["scoring", "scoring-prod", "Scoring", "a b", "a.b", "a=b", "host=evil", "postgres://x", "\u00e4"],
    invalid: ["", "a?b", "a#b", "a%41", "a'b", "a\0b", "a".repeat(64)],
  },
  "who asks a database": {
    schema: primitives.DatabaseUser,
    valid: ["postgres", "postgres.abcdef", "admin@server", "Admin User", "a/b", "a%b", "CN=rewind,O=acme"],
    invalid: ["", "a:b", "a\0b", "a\nb", "a".repeat(257)],
  },
  "where a database is": {
    schema: primitives.DatabaseHost,
    valid: ["db.internal", "db_primary", "::1", "2001:db8::1", "127.0.0.1", "db-1.abc.eu-central-1.rds.amazonaws.com"],
    invalid: ["", "/var/run/postgresql", "[::1]", "a,b", "a?b", "a@b", "a b", "-a", "a:5432"],
  },
  "a bucket name": {
    schema: primitives.BucketName,
    valid: ["scoring-documents", "a.b", "abc"],
    invalid: ["ab", "Scoring", "-abc", "abc-", "a_b", "a".repeat(64)],
  },
  "a variable name": {
    schema: primitives.VariableName,
    valid: [
      ...["LOG_LEVEL", "_A", "A1", "ConnectionStrings__Default", "http_proxy", "spring.datasource.url", "1A", "A-B"],
      ...["ProgramFiles(x86)", "npm_config_//registry/:always-auth", "a b", "\u00e4"],
    ],
    invalid: ["", "A=B", "=", "a\0b", "a\nb", "A".repeat(257), 7],
  },
  "the name of a toggle": {
    schema: primitives.ToggleName,
    valid: ["NEW_CHECKOUT", "newCheckout", "new-checkout", "checkout.v2", "_t"],
    invalid: ["", "1t", "a b", "a/b", "a=b", "-a", "a".repeat(128)],
  },
  "the name of a secret": {
    schema: primitives.SecretName,
    valid: ["api-token", "a1"],
    invalid: ["", "API", "a_b", "-a", "hunter2!", 7],
  },
  "a host": {
    schema: primitives.Host,
    valid: ["db.internal", "127.0.0.1", "0::1", "::1", "a", "db_primary"],
    invalid: ["", "-a", "a b", "a/b", "a@b", ".a", "[::1]", ":", "1:2"],
  },
  "a port": { schema: primitives.Port, valid: [1, 5432, 65_535], invalid: [0, 65_536, -1, 1.5, "80", null] },
  "an address": {
    schema: primitives.Origin,
    valid: ["https://app.example.com", "http://127.0.0.1:9000", "http://[::1]:80"],
    invalid: [
      "",
      "app.example.com",
      "ftp://a",
      "https://a/",
      "https://a/b",
      "https://user@a",
      "http://a b",
      "http://a:x",
    ],
  },
  "where a proxy is told": {
    schema: primitives.AdminAddress,
    valid: ["unix:///run/caddy/admin.sock", "http://127.0.0.1:2019", `unix:///${"a".repeat(106)}`],
    invalid: [
      ...["", "unix://run/caddy.sock", "unix:///", `unix:///${"a".repeat(107)}`, "unix:///run/../etc/x", "unix:///a b"],
      ...["http://127.0.0.1:2019/config", "unix:///run/x\n", "/run/caddy/admin.sock"],
    ],
  },
  "a moment": {
    schema: primitives.Moment,
    valid: ["2025-09-17T19:00:00Z", "2024-02-29T23:59+02:00", "2025-09-17T03:30:00.123456-05:30"],
    invalid: ["", "2025-09-17", "2025-09-17T19:00:00", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "yesterday"],
  },
  "a path on a service": {
    schema: primitives.UrlPath,
    valid: ["/", "/health", "/v1/sessions/${session}?a=b"],
    invalid: ["", "health", "/a b", "/\n", "http://a/"],
  },
  "a path in the project": {
    schema: primitives.ProjectPath,
    valid: ["releases/v1.2.0.yaml", ".rewind/records", "a..b/c"],
    invalid: ["", "/etc/passwd", "../a", "a/../b", "a/..", "./a", "a\\b", "C:/a", "a b"],
  },
};

/** What a message says when it shows how it should have been: a placeholder or one of the valid samples. */
const example = /such as \S|sha256:<64 hex>/;

describe("the primitives", () => {
  for (const [name, { schema, valid, invalid }] of Object.entries(samples)) {
    it(`take what is ${name} as it is`, () => {
      for (const value of valid) assert.deepEqual(schema.parse(value), value);
    });

    it(`refuse what is not ${name} with an example`, () => {
      for (const value of invalid) {
        const parsed = schema.safeParse(value);
        assert.ok(!parsed.success, JSON.stringify(value));
        assert.match(parsed.error.issues[0]?.message ?? "", example);
      }
    });
  }

  it("have samples, each of them", () => {
    const schemas = Object.values(primitives).filter((value) => typeof value === "object");
    assert.deepEqual(new Set(Object.values(samples).map(({ schema }) => schema)), new Set<unknown>(schemas));
  });

  it("never quote what stands in the place of a secret's name", () => {
    const { error } = primitives.SecretName.safeParse("Passw0rd!");
    assert.doesNotMatch(error?.message ?? "", /Passw0rd/);
  });
});

describe("a duration", () => {
  it("is counted in milliseconds", () => {
    assert.deepEqual(["500ms", "30s", "5m", "24h"].map(primitives.milliseconds), [500, 30_000, 300_000, 86_400_000]);
  });

  it("never overflows a timer", () => {
    for (const longest of ["9999999ms", "99999s", "9999m", "99h"]) {
      assert.equal(primitives.Duration.safeParse(longest).success, true);
      assert.ok(primitives.milliseconds(longest) < 2 ** 31);
    }
  });
});

describe("a quoted value", () => {
  it("is JSON on one line", () => {
    assert.equal(primitives.quote('a\n"b"'), String.raw`"a\n\"b\""`);
    assert.equal(primitives.quote({ a: [1, null] }), '{"a":[1,null]}');
    assert.equal(primitives.quote(undefined), "nothing");
  });

  it("is at most sixty characters long", () => {
    assert.equal(primitives.quote("x".repeat(1_000_000)).length, 58);
    assert.ok(primitives.quote("\u0007".repeat(80)).length <= 60);
  });

  it("shows look-alikes, and what would move the cursor, as what they are", () => {
    assert.equal(primitives.quote("\u0430pi\u009b2J\u2028"), String.raw`"\u0430pi\u009b2J\u2028"`);
  });

  it("may hold an object that cannot be made a text", () => {
    assert.equal(primitives.quote([{ toString: 1, valueOf: 1 }]), '[{"toString":1,"valueOf":1}]');
  });
});
