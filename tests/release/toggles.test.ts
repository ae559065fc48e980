import assert from "node:assert/strict";
import { areDisabled, jobsDigest } from "../../release/jobs";
import { parseSettings } from "../../release/parse";
import { selectPinned } from "../../release/pinned";
import type { Release } from "../../release/schema/release";
import { toggleText, typedToggle } from "../../release/schema/toggles";

const image = `engine@sha256:${"a".repeat(64)}`;
const v1: Release = { services: { api: { image } }, toggles: { ON: true, WORD: "a" } };
const releases = new Map([["v1", v1]]);

describe("the toggles of a stack", () => {
  it("lie over those of the release, and make another digest", () => {
    const plain = selectPinned("v1", {}, releases);
    const over = selectPinned("v1", {}, releases, { ON: false, NEW: "x" });
    assert.deepEqual(over.facets.toggles, { ON: false, WORD: "a", NEW: "x" });
    assert.notEqual(over.digest, plain.digest);
    assert.deepEqual(over.sources, plain.sources, "no release says what the stack says");
    assert.deepEqual(v1.toggles, { ON: true, WORD: "a" }, "the release itself stays as it is");
  });

  it("that say what the release says make no difference", () => {
    assert.equal(selectPinned("v1", {}, releases, { ON: true }).digest, selectPinned("v1", {}, releases).digest);
  });

  it("cancel no background job, as a release does", () => {
    const plain = jobsDigest(selectPinned("v1", {}, releases));
    assert.equal(jobsDigest(selectPinned("v1", {}, releases, { ON: false })), plain);
    const other: Release = { ...v1, services: { api: { image: image.replaceAll("a", "b").replace("engine", "e") } } };
    assert.notEqual(jobsDigest(selectPinned("v2", {}, new Map([["v2", other]]))), plain);
  });

  it("disable workers by the one that says so, however it is written", () => {
    const jobs = { url: "redis", queues: ["q"], disabledBy: "ON" };
    const disabled = (toggles: Record<string, string | boolean>) =>
      areDisabled(jobs, selectPinned("v1", {}, releases, toggles));
    assert.deepEqual(
      [disabled({}), disabled({ ON: false }), disabled({ ON: "true" }), disabled({ ON: "off" })],
      [true, false, true, false],
    );
    assert.equal(areDisabled({ url: "redis", queues: ["q"] }, selectPinned("v1", {}, releases)), false);
  });

  it("are refused where nobody knows them, or as another type, at their path", () => {
    const stack = (toggles: unknown) => ({
      release: "v1",
      releases: { v1: { toggles: { ON: true } } },
      toggles,
      environment: { name: "s", kind: "staging", registry: "r", docker: { host: "unix:///d" }, toggles: ["ON"] },
    });
    const problems = (toggles: unknown): string[] => {
      const parsed = parseSettings(stack(toggles), () => undefined);
      return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
    };
    assert.deepEqual(problems({ ON: false }), []);
    assert.deepEqual(problems({ ON: "off" }), ['toggles.ON: expected true or false, as releases have it, got "off"']);
    assert.deepEqual(problems({ OFF: true }), ["toggles.OFF: the environment has no such toggle; it has ON"]);
    assert.deepEqual(problems({ ON: 1 }), ["toggles.ON: expected true or false, as releases have it, got 1"]);
    assert.deepEqual(problems({ ON: { a: 1 } }), [
      "toggles.ON: expected true, false, a number, a text or a list of at most 1000 of them",
    ]);
  });
});

describe("a toggle's value", () => {
  it("is typed as releases have it, and told in one form", () => {
    const cases: [Parameters<typeof typedToggle>[0], string, unknown, string | undefined][] = [
      ["boolean", "true", true, "true"],
      ["boolean", "on", undefined, undefined],
      ["boolean", "1", undefined, undefined],
      ["number", "0.25", 0.25, "0.25"],
      ["number", "1e3", 1000, "1000"],
      ["number", "ten", undefined, undefined],
      ["text", "true", "true", "true"],
      ["text", "5", "5", "5"],
      ["list", '["a", 1]', ["a", 1], '["a",1]'],
      ["list", "a,b", undefined, undefined],
      [undefined, "false", false, "false"],
      [undefined, "5", 5, "5"],
      [undefined, "1.0", "1.0", "1.0"],
      [undefined, "0755", "0755", "0755"],
      [undefined, "red", "red", "red"],
    ];
    for (const [type, text, value, told] of cases) {
      const read = typedToggle(type, text);
      assert.deepEqual(read, value, `${type} ${text}`);
      assert.equal(read === undefined ? undefined : toggleText(read), told);
    }
  });
});
