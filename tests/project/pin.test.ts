import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { withPin } from "../../project/pin";

const config = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;
const changedLines = (before: string, after: string): string[] => {
  const old = new Set(before.split("\n"));
  return after.split("\n").filter((line) => !old.has(line));
};

describe("the pin in a stack file", () => {
  const plain = [
    "# a comment",
    "config:",
    "  # The pin.",
    "  rewind:release: v1.2.1 # tonight's",
    "  rewind:pins: {}",
    "  other:key: 'kept'",
    "",
  ].join("\n");

  it("changes one line, and comments stay", () => {
    const after = withPin(plain, "v1.2.0", {});
    assert.deepEqual(changedLines(plain, after), ["  rewind:release: v1.2.0 # tonight's"]);
  });

  const written: Record<string, string> = {
    "without pins": "config:\n  rewind:release: v1\n  a:b: c\n",
    "with quoted keys": 'config:\n  "rewind:release": "v1"\n  a:b: c\n',
    "with empty pins": "config:\n  rewind:release: v1\n  rewind:pins:\n  a:b: c\n",
    "with null pins and a comment": "config:\n  rewind:release: v1\n  rewind:pins: null # none\n  a:b: c\n",
    "with block pins": "config:\n  rewind:release: v1\n  rewind:pins:\n    config: v0\n    functions/f: v0\n  a:b: c\n",
    "with Windows line ends": "config:\r\n  rewind:release: v1\r\n  rewind:pins: {}\r\n  a:b: c\r\n",
    "with pins before the pin": "config:\n  rewind:pins: { config: v0 }\n  a:b: c\n  rewind:release: v1\n",
  };
  for (const [how, text] of Object.entries(written)) {
    it(`is set in a file ${how}`, () => {
      for (const pins of [{}, { config: "v9", "functions/g": "v8" }]) {
        const after = config(withPin(text, "v2", pins));
        assert.equal(after["rewind:release"], "v2");
        assert.deepEqual(after["rewind:pins"] ?? {}, pins);
        assert.equal(after["a:b"], "c");
      }
    });
  }

  const unpinned: Record<string, string> = {
    "without a configuration": "encryptionsalt: v1:x\n",
    "with an empty configuration": "config:\n",
    "with an empty configuration in braces": "# ours\nconfig: {} # none yet\nencryptionsalt: v1:x\n",
    "with other values": "config:\n  # theirs\n  a:b: c\n",
    "without anything": "",
    "without a last line end": "# ours",
    "with Windows line ends": "encryptionsalt: v1:x\r\nconfig:\r\n",
  };
  for (const [how, text] of Object.entries(unpinned)) {
    it(`is added to a file ${how}, where the project's file has it for every stack`, () => {
      for (const pins of [{}, { config: "v9" }]) {
        const after = withPin(text, "v2", pins);
        const { "rewind:release": release, "rewind:pins": own = {}, ...others } = config(after);
        assert.deepEqual([release, own], ["v2", pins], after);
        assert.deepEqual(others, text.includes("a:b") ? { "a:b": "c" } : {});
        for (const line of text.split("\n")) assert.ok(after.includes(line.replace(" {}", "").trimEnd()), after);
        assert.equal(after.includes("\r\n"), text.includes("\r\n"));
        assert.equal(config(withPin(after, "v3", {}))["rewind:release"], "v3");
      }
    });
  }

  it("is refused where it cannot be edited, instead of being dropped", () => {
    const flow = "config: { rewind:release: v1, a:b: c }\n";
    assert.throws(() => withPin(flow, "v2", { config: "v1" }), /cannot be edited/);
  });

  it("comes back to the same text when it is set back", () => {
    const id = fc.stringMatching(/^[a-z][a-z0-9.]{0,8}$/);
    fc.assert(
      fc.property(id, (release) => {
        assert.equal(withPin(withPin(plain, release, { config: release }), "v1.2.1", {}), plain);
      }),
    );
  });
});
