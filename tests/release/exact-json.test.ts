import assert from "node:assert/strict";
import fc from "fast-check";
import { columnText, inPlainJson } from "../../release/columns";
import { oneForm, parseExactly, parseStrictly, stringifyExactly, withOneForm } from "../../release/exact-json";
import { normalRow } from "../../release/rows";

/** A number as somebody may write it in JSON. */
const written = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n, max: 10n ** 30n }).map(String)),
    fc.oneof(fc.constant(""), fc.stringMatching(/^\.[0-9]{1,30}$/)),
    fc.constantFrom("", "e0", "E2", "e+7", "e-30", "e400"),
  )
  .map((parts) => parts.join(""));

describe("a number of JSON", () => {
  it("is given to the server, and told, as it is written", () => {
    fc.assert(
      fc.property(written, fc.constantFrom("", " ", "\n"), (number, blank) => {
        for (const text of [number, `{"a":${blank}${number}}`, `[${blank}${number}]`, `[1,${blank}${number}]`]) {
          for (const read of [parseExactly, parseStrictly]) {
            assert.equal(stringifyExactly(read(text)), text.replaceAll(blank, ""), text);
          }
        }
        const { a } = parseExactly(`{"a":${number}}`) as { a: unknown };
        for (const type of ["numeric", "double precision", "jsonb"]) assert.equal(columnText(type, a), number, type);
      }),
    );
    for (const number of [
      "1.0",
      "1.50",
      "-0",
      "-0.0",
      "1e400",
      "9007199254740993",
      "0.00000000000000000001",
      "0.0000001",
      "-0.00000012",
    ]) {
      assert.equal(stringifyExactly(parseExactly(`{"a":${number}}`)), `{"a":${number}}`);
    }
  });

  it("goes into a column of whole numbers where it is whole, however it is written", () => {
    const read = (text: string) => columnText("integer", (parseExactly(`[${text}]`) as unknown[])[0]);
    assert.deepEqual(["1.0", "1e2", "-0", "12.50"].map(read), ["1", "100", "0", undefined]);
  });

  it("has one form for each value", () => {
    assert.deepEqual(["1", "1.0", "+01", "100e-2", " 1 "].map(oneForm), Array(5).fill("1e0"));
    assert.deepEqual(["0", "-0", "0.00", "-0e7"].map(oneForm), Array(4).fill("0"));
    assert.equal(oneForm("-12.50"), "-125e-1");
    const same = (a: string, b: string) =>
      stringifyExactly(withOneForm(parseExactly(a))) === stringifyExactly(withOneForm(parseExactly(b)));
    assert.ok(same('{"a":[1.0,1e400]}', '{"a":[1,10e399]}'));
    assert.ok(!same("[1e400]", "[1e401]"));
    assert.ok(!same("[9007199254740993]", "[9007199254740992]"));
    fc.assert(
      fc.property(written, fc.nat(9), (number, zeros) => {
        const [mantissa = "", exponent = "0"] = number.toLowerCase().split("e");
        const longer = `${mantissa}${mantissa.includes(".") ? "" : "."}${"0".repeat(zeros)}e${exponent}`;
        assert.equal(oneForm(longer), oneForm(number));
      }),
    );
  });

  it("in a row is the same as its text, in a column of numbers and in no other", () => {
    const table = { key: "id", columns: { id: "bigint", n: "numeric(40,20)", j: "jsonb", t: "text" } };
    const row = (text: string) => normalRow(parseExactly(text) as never, table);
    const text = '{"id":"9007199254740993","n":"1.50000000000000000000","j":"1","t":"1.0"}';
    assert.deepEqual(row('{"id":9007199254740993,"n":1.5,"j":"1","t":"1.0"}'), row(text));
    assert.notDeepEqual(row('{"id":9007199254740992,"n":1.5,"j":"1","t":"1.0"}'), row(text));
    assert.notDeepEqual(row('{"id":9007199254740993,"n":1.5,"j":1,"t":"1.0"}'), row(text));
    assert.notDeepEqual(row('{"id":9007199254740993,"n":1.5,"j":"1","t":"1"}'), row(text));
    assert.deepEqual(normalRow({ n: "NaN", id: "0x10" }, table), { n: "NaN", id: "0x10" });
  });

  it("that a stack file does not keep is a text there where the column reads texts, and nothing in JSON", () => {
    const cell = (type: string, text: string) => inPlainJson(type, (parseExactly(`[${text}]`) as unknown[])[0]);
    assert.equal(cell("bigint", "9007199254740993"), "9007199254740993");
    assert.equal(cell("numeric(40,20)", "1.50"), "1.50");
    assert.equal(cell("integer", "1.0"), 1);
    assert.equal(cell("jsonb", "1.0"), 1);
    assert.equal(cell("jsonb", "-0"), 0);
    assert.equal(cell("jsonb", "1e400"), undefined);
    assert.equal(cell("jsonb[]", "1e400"), undefined);
    assert.deepEqual(cell("bigint[]", "[1,9007199254740993]"), [1, "9007199254740993"]);
  });
});
