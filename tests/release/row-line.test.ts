import assert from "node:assert/strict";
import fc from "fast-check";
import { columnText } from "../../release/columns";
import { rowOfLine } from "../../release/row-line";
import type { Table } from "../../release/schema/rows";

const table: Table = { key: ["region", "id"], columns: { region: "text", id: "integer", value: "jsonb" } };
const read = (line: string) => rowOfLine(line, table);

describe("a line of a row file", () => {
  it("is a row with its key", () => {
    const line = '{"region":"eu","id":3,"value":{"a":[1,"2"]}}';
    assert.deepEqual(read(line), { row: JSON.parse(line) as unknown, key: '["eu","3"]' });
  });

  it("may be written in other words, as long as it says the same", () => {
    for (const value of ["1.50", "15e-1", "1E2", "-0", "0.0", '"\\u00e9"', ' { "a" : [ 1 , true ] } ']) {
      assert.equal(read(`{ "id":3, "region":"eu","value":${value} }`).key, '["eu","3"]', value);
    }
  });

  it("keeps every digit of a number", () => {
    for (const value of ["12345678901234567890", "0.12345678901234567", '{"a":[1e999]}']) {
      const { row } = read(`{"region":"eu","id":3,"value":${value}}`);
      assert.equal(columnText("jsonb", row.value), value);
    }
    const { key } = rowOfLine('{"id":9007199254740993}', { key: "id", columns: { id: "bigint" } });
    assert.equal(key, "9007199254740993");
  });

  const refused: readonly [name: string, line: string, message: RegExp][] = [
    ["is cut off", '{"region":"eu","id":3,"val', /expected a JSON object, whole and on one line/],
    ["is empty", "", /expected a JSON object/],
    ["is no object", '["eu",3,1]', /expected a JSON object/],
    ["is two objects", '{"region":"eu","id":3,"value":1}{}', /expected a JSON object/],
    ["lacks a column", '{"region":"eu","id":3}', /^MisfitRow: value: expected a value/],
    ["has a column too many", '{"region":"eu","id":3,"value":1,"x":1}', /"x": no such column/],
    ["reaches for a prototype", '{"region":"eu","id":3,"value":1,"__proto__":{}}', /"__proto__": no such column/],
    ["has no key", '{"region":null,"id":3,"value":1}', /region: a key is never null/],
    ["has a value of another type", '{"region":"eu","id":"x","value":1}', /id: expected integer, got "x"/],
    ["has a key twice", '{"region":"eu","id":3,"value":1,"value":2}', /"value": the key stands there twice/],
    [
      "has a key twice, once escaped",
      '{"region":"eu","id":3,"value":{"a":1,"\\u0061":2}}',
      /"a": the key stands there/,
    ],
    ["holds NUL", '{"region":"e\\u0000u","id":3,"value":1}', /region: expected text/],
    ["holds half a character", '{"region":"e\\ud800","id":3,"value":1}', /region: expected text/],
  ];
  for (const [name, line, message] of refused) {
    it(`is refused when it ${name}`, () => {
      assert.throws(() => read(line), message);
    });
  }

  it("is read as it was written, whatever JSON its value is", () => {
    const json = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !/\\u0000|\\ud|[0-9]{15}|e[+-]/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(json, (value) => {
        const line = JSON.stringify({ region: "eu", id: 1, value });
        assert.equal(JSON.stringify(read(line).row), line);
        assert.equal(read(line.replaceAll('":', '" :')).key.length > 0, true);
      }),
    );
  });
});
