import assert from "node:assert/strict";
import fc from "fast-check";
import { redactor } from "../../release/redact";

const secrets = { password: 'p4ss "word"/ü', token: "line one\nline two", short: "abc" };

describe("redaction", () => {
  it("takes the value of a secret out of a text, wherever it stands", () => {
    const redact = redactor(secrets);
    const value = secrets.password;
    const forms = [
      value,
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      String.raw`p4ss \"word\"/\u00fc`,
    ];
    for (const form of forms) assert.equal(redact(`<${form}> and <${form}>`), "<[secret]> and <[secret]>");
  });

  it("knows a value whose lines were joined to one", () => {
    assert.equal(redactor(secrets)("sent line one line two"), "sent [secret]");
  });

  it("takes out the beginning of a value that was cut off", () => {
    assert.equal(
      redactor({ token: "abcdefghijkl" })("Bearer abcdefgh…; expected 200"),
      "Bearer [secret]…; expected 200",
    );
  });

  it("takes out the longer of two values where one begins like the other", () => {
    assert.equal(redactor({ a: "secret", b: "secret-and-more" })("secret-and-more"), "[secret]");
  });

  it("leaves values of fewer than four characters, for they would be found everywhere", () => {
    assert.equal(redactor(secrets)("abc"), "abc");
  });

  it("leaves no secret in any text, and never throws", () => {
    const anything = fc.string({ unit: "binary", minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(anything, fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!"[secret]".includes(secret));
        const redact = redactor({ secret });
        assert.ok(!redact(`${before}${secret}${after}`).includes(secret));
        assert.ok(!redact(JSON.stringify({ [before]: secret })).includes(JSON.stringify(secret).slice(1, -1)));
      }),
    );
  });
});
