import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { withValueAt } from "../../project/stack-edit";

const config = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;
const changedLines = (before: string, after: string): string[] => {
  const old = new Set(before.split("\n"));
  return after.split("\n").filter((line) => !old.has(line));
};

describe("a value in a stack file", () => {
  const block = [
    "# a comment",
    "config:",
    "  rewind:release: v1",
    "  rewind:toggles: # laid over the release",
    "    A: true # since Tuesday",
    "    B: word",
    "  rewind:environment:",
    "    objectStore:",
    "      principals: { app: OLD, other: X }",
    "",
  ].join("\n");

  it("changes one line, and comments stay", () => {
    assert.deepEqual(changedLines(block, withValueAt(block, ["rewind:toggles", "A"], false)), [
      "    A: false # since Tuesday",
    ]);
    assert.deepEqual(changedLines(block, withValueAt(block, ["rewind:toggles", "C"], "x y")), ['    C: "x y"']);
  });

  it("goes with its line, and the last one leaves an empty map", () => {
    const once = withValueAt(block, ["rewind:toggles", "B"], undefined);
    assert.deepEqual(config(once)["rewind:toggles"], { A: true });
    assert.deepEqual(changedLines(block, once), []);
    assert.deepEqual(config(withValueAt(once, ["rewind:toggles", "A"], undefined))["rewind:toggles"], {});
  });

  it("is set inside braces, at any depth", () => {
    const at = ["rewind:environment", "objectStore", "principals", "app"] as const;
    assert.deepEqual(changedLines(block, withValueAt(block, at, ["OLD", "NEW"])), [
      "      principals: { app: [OLD, NEW], other: X }",
    ]);
  });

  it("is set where there was no map yet", () => {
    for (const text of [
      "config:\n  rewind:release: v1\n",
      "config:\n  rewind:toggles: {}\n",
      "config:\n  rewind:toggles:\n  a:b: c\n",
    ]) {
      const after = withValueAt(text, ["rewind:toggles", "A"], true);
      assert.deepEqual(config(after)["rewind:toggles"], { A: true }, text);
    }
  });

  it("that is not there goes without a trace", () => {
    assert.equal(withValueAt(block, ["rewind:toggles", "Z"], undefined), block);
    const none = "config:\n  rewind:release: v1\n";
    assert.equal(withValueAt(none, ["rewind:toggles", "Z"], undefined), none);
  });

  it("is a clear error where the file cannot be edited so", () => {
    assert.throws(
      () => withValueAt("config: { a:b: c }\n", ["rewind:toggles", "A"], true),
      /set rewind:toggles\.A to true by hand/,
    );
  });

  it("keeps line ends, a mark at the head, anchors and merges of a file", () => {
    const text =
      "\ufeff# head\r\nconfig:\r\n  rewind:toggles: &t\r\n    A: true\r\n  rewind:release: v1 # pin\r\n  x:y: {<<: *t}\r\n";
    const after = withValueAt(text, ["rewind:release"], "v2");
    assert.equal(after, text.replace("v1", "v2"));
    const added = withValueAt(text, ["rewind:pins"], { config: "v0" });
    assert.equal(added.replace("  rewind:pins: { config: v0 }\r\n", ""), text);
    // What another place takes from here would change with it.
    assert.throws(() => withValueAt(text, ["rewind:toggles", "A"], false), /set rewind:toggles\.A to false by hand/);
  });

  it("is what was meant, whatever it is, and nothing else moves", () => {
    const value = fc.oneof(
      fc.boolean(),
      fc.string({ maxLength: 20 }),
      fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    );
    const name = fc.constantFrom("A", "B", "C");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.option(value, { nil: undefined })), { maxLength: 6 }), (edits) => {
        const toggles: Record<string, unknown> = { A: true, B: "word" };
        const text = edits.reduce((before, [key, to]) => {
          if (to === undefined) Reflect.deleteProperty(toggles, key);
          else toggles[key] = to;
          return withValueAt(before, ["rewind:toggles", key], to);
        }, block);
        assert.deepEqual(config(text)["rewind:toggles"], toggles);
        assert.deepEqual({ ...config(text), "rewind:toggles": 0 }, { ...config(block), "rewind:toggles": 0 });
        assert.ok(text.startsWith("# a comment\n"));
      }),
    );
  });
});
