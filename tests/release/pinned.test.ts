import assert from "node:assert/strict";
import fc from "fast-check";
import { selectPinned } from "../../release/pinned";
import { facets, type Release } from "../../release/schema/release";
import { alike, release } from "./arbitraries";

const both = ([a, b]: readonly [Release, Release]) =>
  new Map([
    ["a", a],
    ["b", b],
  ]);

describe("what a pin selects", () => {
  it("is the release, when nothing is pinned apart", () => {
    fc.assert(
      fc.property(release, (a) => {
        const pinned = selectPinned("a", {}, new Map([["a", a]]));
        assert.deepEqual(pinned.facets, { ...Object.fromEntries(facets.map((facet) => [facet, {}])), ...a });
        assert.ok(Object.values(pinned.sources).every((source) => source === "a"));
      }),
    );
  });

  it("is the other release, when every entry is pinned apart to it", () => {
    fc.assert(
      fc.property(alike, (pair) => {
        const [, b] = pair;
        const entries = facets.flatMap((facet) => Object.keys(b[facet] ?? {}).map((name) => [`${facet}/${name}`, "b"]));
        const apart = selectPinned("a", Object.fromEntries(entries) as Record<string, string>, both(pair));
        const whole = selectPinned("b", {}, both(pair));
        assert.equal(apart.digest, whole.digest);
        assert.deepEqual(apart.facets, whole.facets);
        assert.deepEqual(apart.sources, whole.sources);
      }),
    );
  });

  it("is the other release, when every facet is pinned apart to it, whatever entries the two have", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const pins = Object.fromEntries(facets.map((facet) => [facet, "b"]));
        assert.equal(selectPinned("a", pins, both([a, b])).digest, selectPinned("b", {}, both([a, b])).digest);
      }),
    );
  });

  it("has the first digest again after going from A to B and back to A", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const digests = ["a", "b", "a"].map((pin) => selectPinned(pin, {}, both([a, b])).digest);
        assert.equal(digests[2], digests[0]);
      }),
    );
  });

  it("takes one entry from elsewhere and leaves every other where it is", () => {
    fc.assert(
      fc.property(alike, fc.nat(), (pair, at) => {
        const [a, b] = pair;
        const names = Object.keys(a.functions ?? {});
        fc.pre(names.length > 0);
        const name = names[at % names.length]!;
        const { facets: selected, sources } = selectPinned("a", { [`functions/${name}`]: "b" }, both(pair));
        assert.deepEqual(selected, { ...a, functions: { ...a.functions, [name]: b.functions?.[name] } });
        const elsewhere = Object.entries(sources).filter(([, source]) => source !== "a");
        assert.deepEqual(elsewhere, [[`functions/${name}`, "b"]]);
      }),
    );
  });

  it("lets the pin of an entry win over the pin of its facet, in either order", () => {
    const image = (letter: string) => ({ image: `engine@sha256:${letter.repeat(64)}` });
    const releases = new Map<string, Release>(
      ["a", "b", "c"].map((id) => [id, { functions: { one: image(id), two: image(id) } }]),
    );
    const expected = { one: image("c"), two: image("b") };
    const facetFirst = selectPinned("a", { functions: "b", "functions/one": "c" }, releases);
    const entryFirst = selectPinned("a", { "functions/one": "c", functions: "b" }, releases);
    assert.deepEqual(facetFirst.facets.functions, expected);
    assert.deepEqual(entryFirst, facetFirst);
  });

  it("leaves out a pinned entry that the other release lacks, even one that every object has", () => {
    const releases = new Map<string, Release>([["a", { toggles: { ON: true } }]]);
    const plain = selectPinned("a", {}, releases);
    const pins = { "toggles/OFF": "a", "functions/toString": "a", "functions/__proto__": "a", "services/x": "z" };
    assert.deepEqual(selectPinned("a", pins, releases), plain);
  });
});
