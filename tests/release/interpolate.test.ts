import assert from "node:assert/strict";
import fc from "fast-check";
import { interpolate, interpolateJson, textsIn, variablesIn } from "../../release/interpolate";

describe("interpolation", () => {
  it("replaces every variable by its value", () => {
    const values: Record<string, string> = { a: "1", "b.c": "two" };
    assert.equal(
      interpolate("${a}/${b.c}/${a}", (name) => values[name] ?? "?"),
      "1/two/1",
    );
  });

  it("replaces once: a value that looks like a variable stays as it is", () => {
    assert.equal(
      interpolate("${a}", () => "${a}"),
      "${a}",
    );
    assert.equal(
      interpolate("$${a}", () => "{b}"),
      "${b}",
    );
  });

  it("takes a value as text and not as a pattern of replacement", () => {
    assert.equal(
      interpolate("<${a}>", () => "$& $1 $$"),
      "<$& $1 $$>",
    );
  });

  it("leaves alone what is no variable", () => {
    for (const text of ["$a", "{a}", "${}", "${a b}", "${a", "\\${", `\${${"x".repeat(201)}}`]) {
      assert.equal(
        interpolate(text, () => "!"),
        text,
      );
      assert.deepEqual(variablesIn(text), []);
    }
  });

  it("reaches every text of a JSON value, and no key", () => {
    const value = { "${a}": ["${a}", { b: "x${a}" }, 1, null, true] };
    assert.deepEqual(
      interpolateJson(value, () => "!"),
      { "${a}": ["!", { b: "x!" }, 1, null, true] },
    );
  });

  it("changes nothing in a JSON value when every variable stands for itself", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.deepEqual(
          interpolateJson(value, (name) => `\${${name}}`),
          value,
        );
      }),
    );
  });

  it("finds the variables of a text in their order", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,20}$/);
    fc.assert(
      fc.property(fc.array(name), (names) => {
        assert.deepEqual(variablesIn(names.map((each) => `$ {x} \${${each}}`).join("")), names);
      }),
    );
  });

  it("lists the texts of a JSON value at any depth", () => {
    assert.deepEqual(textsIn({ a: "1", b: ["2", { c: "3" }, 4, null] }), ["1", "2", "3"]);
  });
});
