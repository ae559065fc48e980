import assert from "node:assert/strict";
import fc from "fast-check";
import { withCatalogue } from "../../cli/catalogue-file";
import { withPin } from "../../project/pin";
import { withEdits, withValueAt } from "../../project/stack-edit";
import { readYaml } from "../../project/yaml";

const uses = 120;
const ids = Array.from({ length: uses }, (_, at) => `v0.${at}`);

/** A stack file in which each of 120 releases takes one anchor and merges two. */
const text = [
  "# Ours.",
  "environment-of-ours: &limits { memory: 256, cpu: 1 } # not read by Rewind",
  "config:",
  "  rewind:release: v0.1 # the pin",
  "  rewind:pins: {}",
  "  rewind:toggles: # laid over the release",
  "    DARK: false # since Tuesday",
  "  other:team: &team {name: ann,   pager: '7'}   # theirs",
  "  rewind:releases:",
  "    base: &base",
  '      description: "the base"',
  "      services:",
  "        api: &api",
  "          image: app",
  "          variables: &variables",
  "            A: x",
  ...ids.flatMap((id) => [
    `    # ${id} of the same services`,
    `    ${id}:`,
    "      <<: [*base, *limits]",
    "      services:",
    "        api: *api",
    "        worker:",
    "          <<: *api",
    '          image: "app:2"',
    "          variables: { <<: *variables, B: y }",
  ]),
  "  other:last: *team",
  "",
].join("\n");

const configOf = (from: string) => (readYaml(from).value as { config: Record<string, Record<string, unknown>> }).config;

/** The lines that went out and those that came in: everything else stands where it stood. */
function changeOf(before: string, after: string): { readonly out: readonly string[]; readonly in: readonly string[] } {
  const [old, now] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < old.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  return { out: old.slice(head, old.length - tail), in: now.slice(head, now.length - tail) };
}

describe("a stack file in which an anchor is used 120 times and merges", () => {
  it("is read whole", () => {
    const { problems } = readYaml(text);
    assert.deepEqual(problems, []);
    assert.equal(text.split("*api").length - 1, 2 * uses);
    assert.deepEqual(configOf(text)["rewind:releases"]?.["v0.7"], {
      services: {
        api: { image: "app", variables: { A: "x" } },
        worker: { image: "app:2", variables: { B: "y", A: "x" } },
      },
      ...{ description: "the base", memory: 256, cpu: 1 },
    });
  });

  it("gets another pin in its own line", () => {
    const line = (release: string) => `  rewind:release: ${release} # the pin`;
    assert.deepEqual(changeOf(text, withPin(text, "v0.2", {})), { out: [line("v0.1")], in: [line("v0.2")] });
    assert.deepEqual(changeOf(text, withPin(text, "v0.2", { "services/api": "v0.3" })), {
      out: [line("v0.1"), "  rewind:pins: {}"],
      in: [line("v0.2"), "  rewind:pins: { services/api: v0.3 }"],
    });
    assert.equal(withPin(withPin(text, "v0.2", { config: "v0.3" }), "v0.1", {}), text);
  });

  it("gets a toggle in a line of its own, and loses it again", () => {
    assert.deepEqual(changeOf(text, withValueAt(text, ["rewind:toggles", "DARK"], true)), {
      out: ["    DARK: false # since Tuesday"],
      in: ["    DARK: true # since Tuesday"],
    });
    const added = withValueAt(text, ["rewind:toggles", "FAST"], true);
    assert.deepEqual(changeOf(text, added), { out: [], in: ["    FAST: true"] });
    assert.equal(withValueAt(added, ["rewind:toggles", "FAST"], undefined), text);
  });

  it("gets several changes at once, each in its line", () => {
    const edited = withEdits(text, [
      { path: ["rewind:release"], value: "v0.3" },
      { path: ["rewind:toggles", "DARK"], value: "later" },
    ]);
    const [from, to] = [text.split("\n"), edited.split("\n")];
    const different = to.filter((line, at) => line !== from[at]);
    assert.equal(from.length, to.length);
    assert.deepEqual(different, ["  rewind:release: v0.3 # the pin", "    DARK: later # since Tuesday"]);
  });

  it("gets a release at the end of its catalogue, and gives up those that nothing else takes from", () => {
    const record = { services: { api: { image: "app:3" } } };
    const added = withCatalogue(text, { add: { id: "v9", record } });
    const { out, in: lines } = changeOf(text, added);
    assert.deepEqual(out, []);
    assert.deepEqual(lines, ["", "    v9:", "      services:", "        api:", '          image: "app:3"']);
    const removed = withCatalogue(text, { remove: ["v0.7", "v0.8"] });
    const gone = changeOf(text, removed);
    assert.deepEqual(gone.in, []);
    assert.equal(gone.out.length, 2 * 9);
    assert.deepEqual(changeOf(text, withCatalogue(added, { remove: ["v9"] })), { out: [], in: [""] });
    // What the others take from the base would go with it.
    assert.throws(() => withCatalogue(text, { remove: ["base"] }), /take rewind:releases\.base out by hand/);
  });

  it("loses any of its releases by their lines alone, and the others keep what they take from anchors", () => {
    fc.assert(
      fc.property(fc.subarray(ids, { minLength: 1 }), (going) => {
        const after = withCatalogue(text, { remove: going });
        const left = new Set(after.split("\n"));
        const [before, now] = [configOf(text), configOf(after)];
        for (const id of going) assert.ok(!left.has(`    ${id}:`) && !left.has(`    # ${id} of the same services`), id);
        assert.equal(text.split("\n").length - after.split("\n").length, going.length * 9);
        const kept = Object.entries(before["rewind:releases"] ?? {}).filter(([id]) => !going.includes(id));
        assert.deepEqual(now["rewind:releases"], Object.fromEntries(kept));
        assert.deepEqual(now["other:last"], before["other:last"]);
      }),
      { numRuns: 10 },
    );
  });
});
