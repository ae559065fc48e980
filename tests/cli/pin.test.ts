import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { withPin } from "../../cli/pin";

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

  it("is refused where it cannot be edited, instead of being dropped", () => {
    const flow = "config: { rewind:release: v1, a:b: c }\n";
    assert.throws(() => withPin(flow, "v2", { config: "v1" }), /cannot be edited|no rewind:release/);
    assert.throws(() => withPin("config: {}\n", "v2", {}), /no rewind:release/);
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
