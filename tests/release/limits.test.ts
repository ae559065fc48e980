import assert from "node:assert/strict";
import { readYaml } from "../../project/yaml";
import { outOfBounds } from "../../release/bounds";
import { limits } from "../../release/limits";
import { pathOf } from "../../release/problems";
import { withEdits } from "../../project/stack-edit";

/** A stack file whose pins lie that many levels deep. */
const deep = (levels: number): string => {
  const inner = `${"{ k: ".repeat(levels)}1${" }".repeat(levels)}`;
  return `config:\n  rewind:pins: ${inner}\n`;
};

/** What the schema's guard says of what stands under `rewind:pins`. */
function guarded(text: string): string[] {
  const { config } = readYaml(text).value as { config: Record<string, unknown> };
  return outOfBounds({ pins: config["rewind:pins"] }).map(({ message }) => message);
}

describe("the limits of a project's files", () => {
  it("are the same for the reader and for the schema: depth", () => {
    assert.deepEqual(readYaml(deep(limits.depth - 1)).problems, []);
    assert.deepEqual(guarded(deep(limits.depth - 1)), []);
    const [problem] = readYaml(deep(limits.depth + 3)).problems;
    assert.match(
      `${pathOf(problem?.keys ?? [])}: ${problem?.message ?? ""}`,
      /^config\.rewind:pins\.(?:k\.)+k: nested deeper than 32 levels$/,
    );
    const raw = JSON.parse(`{"pins":${'{"k":'.repeat(limits.depth)}1${"}".repeat(limits.depth)}}`) as object;
    assert.deepEqual(
      outOfBounds(raw).map(({ message }) => message),
      ["nested deeper than 32 levels"],
    );
  });

  it("are told in the same words where the file is so deep that it cannot be taken apart", () => {
    const [problem] = readYaml(`config: ${"[".repeat(20_000)}${"]".repeat(20_000)}\n`).problems;
    assert.deepEqual([problem?.message, problem?.fatal], ["nested deeper than 32 levels", true]);
  });

  it("bound aliases within aliases and merges within merges", () => {
    const chain = (levels: number): string =>
      `l0: &l0 { a: 1 }\n${Array.from({ length: levels }, (_, n) => `l${n + 1}: &l${n + 1} { <<: *l${n} }\n`).join("")}`;
    assert.deepEqual(readYaml(chain(limits.depth)).problems, []);
    const [problem] = readYaml(chain(5_000)).problems;
    assert.match(problem?.message ?? "", /^aliases nested deeper than 32 levels$/);
  });

  it("bound the values and the bytes of a file, with the limit in the message", () => {
    const [many] = readYaml(`a: [${"1,".repeat(limits.values)}1]\n`).problems;
    assert.equal(many?.message, `more than ${limits.values} values in one file`);
    const [large] = readYaml(`a: ${"x".repeat(limits.fileBytes)}\n`).problems;
    assert.equal(large?.message, `a file of ${limits.fileBytes + 4} bytes; at most ${limits.fileBytes}`);
  });

  it("hold for what is edited, too: nothing is written that no verb would read again", () => {
    const text = "config:\n  rewind:toggles: { A: b }\n";
    const large = "x".repeat(limits.fileBytes);
    assert.throws(
      () => withEdits(text, [{ path: ["rewind:toggles", "A"], value: large }]),
      /cannot be edited line by line/,
    );
  });
}).timeout(20_000);
