import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { canonicalJson, digestOf } from "../../release/canonical";
import { reordered } from "./arbitraries";

describe("canonical JSON", () => {
  it("is that of RFC 8785, section 3.2.2 and 3.2.3", () => {
    const given = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],` +
        String.raw`"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as unknown;
    assert.equal(
      canonicalJson(given),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("sorts keys by UTF-16 code units, as RFC 8785 does", () => {
    const keys = ["\u20ac", "\r", "\ufb33", "1", "\ud83d\ude00", "\u0080", "\u00f6"];
    const sorted = Object.keys(
      JSON.parse(canonicalJson(Object.fromEntries(keys.map((key) => [`_${key}`, 0])))) as object,
    );
    assert.deepEqual(
      sorted,
      ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\ud83d\ude00", "\ufb33"].map((key) => `_${key}`),
    );
  });

  it("writes numbers as ECMAScript does", () => {
    assert.equal(
      canonicalJson([-0, 5e-324, 1e21, 9007199254740994, 295147905179352830000]),
      "[0,5e-324,1e+21,9007199254740994,295147905179352830000]",
    );
  });

  it("never depends on the order of keys", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(canonicalJson(reordered(value)), canonicalJson(value));
      }),
    );
  });

  it("survives a round trip through JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const canonical = canonicalJson(value);
        assert.equal(canonicalJson(JSON.parse(canonical)), canonical);
        assert.equal(canonicalJson(JSON.parse(JSON.stringify(value))), canonical);
      }),
    );
  });

  it("tells different values apart", () => {
    const texts = [null, 0, "", "0", [], {}, [0], { a: 0 }, { a: null }, [[]]].map(canonicalJson);
    assert.equal(new Set(texts).size, texts.length);
  });

  it("refuses what has no JSON form", () => {
    assert.throws(() => canonicalJson(undefined), TypeError);
    assert.throws(() => canonicalJson(Number.NaN));
    assert.throws(() => canonicalJson({ a: Infinity }));
  });
});

describe("a digest", () => {
  it("is the SHA-256 of the canonical JSON", () => {
    const hash = createHash("sha256").update('{"a":[1,"€"],"b":null}', "utf8").digest("hex");
    assert.equal(digestOf({ b: null, a: [1, "€"] }), `sha256:${hash}`);
  });

  it("moves with every value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        assert.equal(digestOf(a) === digestOf(b), canonicalJson(a) === canonicalJson(b));
      }),
    );
  });
});
