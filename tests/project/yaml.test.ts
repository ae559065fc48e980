import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { stringify } from "yaml";
import { parseYaml, readYaml } from "../../project/yaml";
import { resolveAsCore, resolveAsEngine } from "../../project/scalar";

/** What the engine said of each text behind a key; tests/end-to-end/one-reading.test.ts records it with REWIND_RECORD=1. */
interface Recorded {
  readonly text: string;
  readonly value: string;
}
const recorded = JSON.parse(
  readFileSync(join(__dirname, "..", "fixtures", "engine-yaml.json"), "utf8"),
) as readonly Recorded[];

const problemsOf = (text: string) => readYaml(text).problems.map(({ line, message }) => `${line}: ${message}`);

describe("the YAML of a project's files", () => {
  it("is read as the engine reads it, or refused, for every recorded text", () => {
    let read = 0;
    for (const { text, value: engine } of recorded) {
      const { value, problems } = readYaml(`k:${text}\nend: 1\n`);
      if (problems.length > 0) continue;
      const ours = (value as { k: unknown }).k;
      const said: unknown = typeof ours === "string" || ours === null ? engine : JSON.parse(engine);
      assert.deepEqual(said, ours ?? "", text);
      read += 1;
    }
    assert.ok(read > recorded.length * 0.8, `only ${read} of ${recorded.length} are read at all`);
  });

  it("has no dates, octals, binaries or underscores without quotes: each is named with its line and the remedy", () => {
    for (const [source, engine, others] of [
      ["2025-09-17", "a date", "a text"],
      ["2012-10-17", "a date", "a text"],
      ["2025-09-17T10:00:00Z", "a date", "a text"],
      ["01067", "the number 567", "the number 1067"],
      ["0755", "the number 493", "the number 755"],
      ["1_000", "the number 1000", "a text"],
      ["0b101", "the number 5", "a text"],
      ["-0x1f", "the number -31", "a text"],
      ["1e400", "a text", "the number Infinity"],
    ] as const) {
      const [problem, ...more] = problemsOf(`a:\n  - b: ${source}\n`);
      assert.deepEqual(more, []);
      if (source !== "1e400") {
        assert.equal(problem, `2: ${source} is ${engine} to Pulumi and ${others} to others; quote it: "${source}"`);
      } else assert.match(problem ?? "", /number that JSON does not have; quote it: "1e400"$/);
      assert.deepEqual(readYaml(`a: "${source}"\n`).value, { a: source });
    }
  });

  it("has no number whose digits no reader keeps", () => {
    for (const [source, becomes] of [
      ["9007199254740993", "9007199254740992"],
      ["-9007199254740993", "-9007199254740992"],
      ["0x20000000000001", "9007199254740992"],
      ["0.1000000000000000055", "0.1"],
      [".12345678901234567890", "0.12345678901234568"],
      ["1.12345678901234567890e3", "1123.4567890123458"],
    ]) {
      const expected = `2: ${source} would become ${becomes}; write that, or quote it: "${source}"`;
      assert.deepEqual(problemsOf(`a:\n  - b: ${source}\n`), [expected]);
    }
    for (const source of ["1.0", "+1.50", "-0", "08", ".5", "5.", "1e300", "0.30000000000000004", "9007199254740991"]) {
      assert.deepEqual(problemsOf(`a: ${source}\n`), [], source);
    }
  });

  it("has numbers and words where every reader sees the same", () => {
    const text = "[9999, 16.8, -1, 1e3, .5, 0x1f, 0o17, true, ~, yes, 1:30, 2025-02-30, v1.2.0, 1.2.3, '', 08]";
    assert.deepEqual(parseYaml(text, "x.yaml"), [
      ...[9999, 16.8, -1, 1000, 0.5, 31, 15, true, null, "yes", "1:30", "2025-02-30", "v1.2.0", "1.2.3", "", 8],
    ]);
  });

  it("has no number that JSON does not have", () => {
    for (const source of [".inf", "-.INF", ".nan"]) {
      assert.match(problemsOf(`a: ${source}\n`).join(), /^1: \S+ is a number that JSON does not have; quote it/);
    }
  });

  it("merges what << names: a key's own value wins, then the first map that has one", () => {
    const text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  b: 3\n  <<: [*x, *y]\n  d: 3\n";
    assert.deepEqual((readYaml(text).value as { z: unknown }).z, { b: 3, d: 3, a: 1, c: 2 });
    assert.deepEqual(readYaml('z: {"<<": 1}\n').value, { z: { "<<": 1 } }, "in quotes it is a key");
    assert.match(problemsOf("z: {<<: 1}\n").join(), /^1: << merges a map or a list of maps$/);
  });

  it("uses an anchor as often as it likes", () => {
    const uses = Array.from({ length: 500 }, (_, at) => `  k${at}: *base`).join("\n");
    const { value, problems } = readYaml(`base: &base { image: x, variables: { A: b } }\nall:\n${uses}\n`);
    assert.deepEqual(problems, []);
    assert.equal(Object.keys((value as { all: object }).all).length, 500);
  });

  it("is refused when aliases make it grow without end, or an anchor holds itself", () => {
    const levels = Array.from({ length: 9 }, (_, at) => `l${at + 1}: &l${at + 1} [${`*l${at}, `.repeat(9)}x]`);
    assert.match(problemsOf(`l0: &l0 x\n${levels.join("\n")}\n`).join(), /too many values come of aliases/);
    assert.match(problemsOf("a: &a [*a]\n").join(), /^1: \*a is inside its own anchor$/);
    assert.match(problemsOf("a: *b\n").join(), /comes before its anchor, or there is none$/);
  });

  it("has each key once, whatever it looks like, and texts for keys", () => {
    assert.match(problemsOf('a: 1\n"a": 2\n').join(), /^2: the key a a second time$/);
    assert.match(problemsOf('1: x\n"1": y\n').join(), /the key 1 a second time/);
    for (const key of ["1.10", "2025-09-17", "0755", "True", "null", "~"]) {
      assert.match(problemsOf(`a: {${key}: x}\n`).join(), /^1: the key \S+ is .*quote it/, key);
    }
    assert.deepEqual(readYaml("2025: x\n").value, { 2025: "x" });
  });

  it("has no tag but that of a text, a list or a map: any other is named with its line and the remedy", () => {
    for (const tag of ["!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!x", "!"]) {
      for (const value of ["5", "true", '"5"', "aGk="]) {
        const [problem, ...others] = problemsOf(`a:\n  - b: ${tag} ${value}\n`);
        assert.equal(problem, `2: the tag ${tag}; leave it out, and put a text in quotes`, value);
        assert.deepEqual(others, []);
      }
    }
    const texts = "[!!str 01067, !!str true, !!str 1.10, !!str 2025-09-17, !!str ~, !!str '', !!seq [1], !!map {a: 1}]";
    assert.deepEqual(parseYaml(texts, "x.yaml"), ["01067", "true", "1.10", "2025-09-17", "~", "", [1], { a: 1 }]);
  });

  it("has keys with a tag of a text, with points, colons and question marks, as the engine has them", () => {
    const text = '{!!str 1.10: 1, !!str true: 2, "a:b": 3, a:b: 4x, "1.20": 5, "": 6}';
    assert.deepEqual(problemsOf(text).join(), "1: the key a:b a second time");
    assert.deepEqual(readYaml(text.replace("a:b: 4x", "? b : 4")).value, {
      ...{ "1.10": 1, true: 2, "a:b": 3, b: 4, "1.20": 5, "": 6 },
    });
    assert.deepEqual(readYaml("? a\n: 1\n? !!str 1.10\n: 2\n").value, { a: 1, "1.10": 2 });
    assert.match(problemsOf("? 1.10\n: 2\n").join(), /^1: the key 1\.10 is the number 1\.1; quote it: "1\.10"$/);
    assert.match(problemsOf("? [a]\n: 2\n").join(), /^1: a key that is not a text; put it in quotes$/);
  });

  it("is told with its line where it is no YAML", () => {
    assert.throws(() => parseYaml("a: 1\nb: {\n", "Pulumi.x.yaml"), /^Error: Pulumi\.x\.yaml:\d: ./);
    assert.match(problemsOf("a: 1\n---\nb: 2\n").join(), /^2: a second YAML document begins; a file has one$/);
    assert.match(problemsOf("%YAML 1.1\n---\na: 1\n").join(), /%YAML directive/);
    assert.match(problemsOf("a: !!binary aGk=\n").join(), /^1: the tag !!binary; leave it out/);
    assert.match(problemsOf("a: x\u2028y\n").join(), /^1: the character U\+2028; in double quotes write \\u2028$/);
    assert.match(problemsOf("a: 1\n\tb: 2\n").join(), /tab/i);
  });

  it("keeps what the engine would change of a text out of reach", () => {
    assert.match(problemsOf('a: "\\nfirst\\n"\n').join(), /begins with a blank or a line break, which Pulumi changes/);
    assert.deepEqual(readYaml("a: |\n  text").value, { a: "text" }, "the last line has no end");
  });

  it("comes back as it was from any writer that puts texts in quotes", () => {
    const unit = fc.constantFrom(..."ab \t'\":#-?,[]{}&*!|>%@`~0159._+eß日😀\\".split(/(?:)/u));
    const text = fc.string({ unit, maxLength: 12 });
    const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.dictionary(text, value, { maxKeys: 4, noNullPrototype: true }), (map) => {
        for (const style of ["QUOTE_DOUBLE", "QUOTE_SINGLE"] as const) {
          const written = stringify({ map }, { defaultStringType: style, lineWidth: 0 });
          assert.deepEqual(readYaml(written).value, { map }, written);
        }
      }),
    );
  });

  it("reads a scalar alike by both schemas, or tells them apart", () => {
    const unit = fc.constantFrom(..."0123456789abeExXoO_+-.:TZ ".split(""));
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 8 }), (source) => {
        const engine = resolveAsEngine(source);
        const same = engine.kind === "value" && engine.value === resolveAsCore(source);
        if (!/^\S(?:.*\S)?$/.test(source) || /^[-?:](?: |$)|: |:$|^---|^\.\.\.$/.test(source)) return;
        assert.equal(readYaml(`a: ${source}\n`).problems.length, same ? 0 : 1, source);
      }),
    );
  });
});
