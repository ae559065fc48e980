import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { runProbes } from "../../checks/probe";
import { startNothing } from "../../local/machine";
import { lastWords } from "../../recovery/programs";
import { redactor } from "../../release/redact";
import { cleaned, cleanedJson, shortened } from "../../release/text";

const secret = "Tr0ub4dor&3/<horse>+'staple'";
const redact = redactor({ password: secret });

describe("a secret in what others say", () => {
  const forms: Readonly<Record<string, string>> = {
    "in lower case": secret.toLowerCase(),
    "in upper case": secret.toUpperCase(),
    "in a URL": encodeURIComponent(secret),
    "in a URL, with small digits": encodeURIComponent(secret).replace(/%[0-9A-F]{2}/g, (each) => each.toLowerCase()),
    "in a form": new URLSearchParams({ password: secret }).toString().slice("password=".length).replaceAll("%27", "'"),
    "in JSON": JSON.stringify(secret),
    "in HTML": secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    "in HTML, with its apostrophes": secret
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll("'", "&#39;"),
    "in base64": Buffer.from(secret).toString("base64"),
    "in base64 of a URL": Buffer.from(secret).toString("base64url"),
    "in Basic credentials": Buffer.from(`ann:${secret}`).toString("base64"),
    "in Basic credentials of another name": Buffer.from(`anna:${secret}`).toString("base64"),
  };
  for (const [where, form] of Object.entries(forms)) {
    it(`SEC-L1 · is taken out ${where}`, () => {
      const told = redact(`<<${form}>>`);
      assert.ok(told.includes("[secret]"), told);
      assert.ok(!told.includes(form.slice(4, 16)), told);
    });
  }

  it("SEC-L1 · is taken out where it is the password of a secret URL, and stands alone", () => {
    const ofUrl = redactor({ url: "postgres://app:s3cret%2Fpassword@db:5432/app" });
    assert.equal(ofUrl("password s3cret/password, s3cret%2fpassword"), "password [secret], [secret]");
  });

  it("SEC-L1 · is taken out in base64 wherever it begins and ends in it", () => {
    const bytes = fc.string({ minLength: 12, maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.string({ maxLength: 7 }), fc.string({ maxLength: 7 }), (value, before, after) => {
        const encoded = Buffer.from(`${before}${value}${after}`).toString("base64");
        const told = redactor({ value })(encoded);
        assert.ok(told.includes("[secret]") || value.trim().length < 12, `${encoded} → ${told}`);
      }),
    );
  });

  it("SEC-L1 · leaves no piece where a text is cut before it or behind it", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (before, most) => {
        const text = `${"x".repeat(before)}${secret}${"y".repeat(40)}`;
        const told = redact(shortened(text, before + most + 4));
        for (let length = 5; length < secret.length; length += 1) {
          assert.ok(!told.includes(secret.slice(0, length)), told);
        }
      }),
    );
    const words = redact(lastWords(`password ${secret} ${"z".repeat(599 - 10)}`));
    assert.ok(!words.includes(secret.slice(-8)), words);
    assert.match(words, /^…\[secret\]/);
  });
});

describe("a text of others", () => {
  const hostile = "\u001b[2J\u001b]0;title\u0007\u009b31m\u202egnp.exe\u2066\u2028ok\u0085\r\b";

  it("SEC-L4 · moves nothing on a terminal and hides nothing, in a check's evidence and so in gates, logs and reports", async () => {
    const ask = () => Promise.resolve({ result: "failed" as const, evidence: `says ${hostile}` });
    const [check] = await runProbes([{ name: "http", ask, factual: true }]);
    assert.doesNotMatch(check?.evidence ?? "", /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u202e\u2066]/);
    assert.match(check?.evidence ?? "", /says .*title.*gnp\.exe.*ok/);
  });

  it("SEC-L4 · is the same value in JSON, and shown as what it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const json = cleanedJson(JSON.stringify({ text }));
        assert.deepEqual(JSON.parse(json), { text });
        assert.doesNotMatch(json, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it("keeps what people write in any language, the ends of lines and our own colours", () => {
    const fine = "Größe 尺寸 حجم गुरु 👩‍👩‍👧\n\tnext \u001b[31mred\u001b[0m";
    assert.equal(cleaned(fine), fine);
  });
});

describe("programs that are installed for the embedded environment", () => {
  let folder: string;
  let policy: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-policy-"));
    policy = join(folder, "policy-rc.d");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("SEC-L12 · start no service of theirs, and what says so is gone afterwards", () => {
    const startAgain = startNothing(policy);
    assert.match(readFileSync(policy, "utf8"), /exit 101/);
    startAgain();
    assert.equal(existsSync(policy), false);
  });

  it("SEC-L12 · leave a policy of the machine's own as it is, and clear one that they left behind", () => {
    writeFileSync(policy, "#!/bin/sh\nexit 0\n");
    startNothing(policy)();
    assert.equal(readFileSync(policy, "utf8"), "#!/bin/sh\nexit 0\n");
    rmSync(policy);
    startNothing(policy);
    startNothing(policy)();
    assert.equal(existsSync(policy), false);
  });
});
