import assert from "node:assert/strict";
import fc from "fast-check";
import { isSamePerson } from "../../cli/second-person";
import { inOneLine } from "../../cli/rollback-run";
import { redactor } from "../../release/redact";

describe("the second person of an approval", () => {
  it("is another account, wherever it works, or another operator of the same account", () => {
    assert.equal(isSamePerson("ann@laptop", "ben@laptop"), false);
    assert.equal(isSamePerson("ann@laptop", "ann@bastion"), true);
    assert.equal(isSamePerson("ann via deploy@ci", "ben via deploy@ci"), false);
    assert.equal(isSamePerson("ann via deploy@ci", "ann via other@laptop"), true);
  });

  it("is nobody who may be the first: an account that named its operator once, and an operator's own account", () => {
    assert.equal(isSamePerson("ann via deploy@ci", "deploy@ci"), true);
    assert.equal(isSamePerson("ann via deploy@ci", "ann@laptop"), true);
    assert.equal(isSamePerson("ann via deploy@ci", "ben@laptop"), false);
  });

  it("is the same for both of them, and nobody is one to himself", () => {
    const name = fc.stringMatching(/^[a-z.+-]{1,8}$/);
    const by = fc.oneof(
      fc.tuple(name, name).map(([user, host]) => `${user}@${host}`),
      fc.tuple(name, name, name).map(([operator, user, host]) => `${operator} via ${user}@${host}`),
    );
    fc.assert(
      fc.property(by, by, (one, other) => {
        assert.equal(isSamePerson(one, other), isSamePerson(other, one));
        assert.equal(isSamePerson(one, one), true);
      }),
    );
  });
});

describe("the first error of a rollback, in one line", () => {
  it("has no piece of a secret, wherever it is cut", () => {
    const secret = "correct-horse-battery-staple";
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 520 }), fc.integer({ min: 0, max: 3 }), (before, lines) => {
        const reason = `${"line\n".repeat(lines)}${"x".repeat(before)}${secret}${"y".repeat(40)}`;
        const line = inOneLine(reason, redactor({ password: secret }));
        assert.ok(line.length <= 500);
        for (let length = 4; length <= secret.length; length += 1) {
          assert.ok(!line.includes(secret.slice(0, length)), line);
        }
      }),
    );
  });
});
