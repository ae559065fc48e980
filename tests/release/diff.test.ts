import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "../../release/canonical";
import { describeChange, diffPinned } from "../../release/diff";
import { selectPinned } from "../../release/pinned";
import { facets, type Release } from "../../release/schema/release";
import { release, reordered } from "./arbitraries";
import { loadReal } from "./stack-files";

const pin = (release: Release) => selectPinned("a", {}, new Map([["a", release]]));
const changes = (before: Release, after: Release) => diffPinned(pin(before), pin(after));
const lines = (before: Release, after: Release) => changes(before, after).flatMap(describeChange);

describe("the difference between two pins", () => {
  it("is empty between equal pins, whatever the order of their keys", () => {
    fc.assert(
      fc.property(release, (a) => {
        assert.deepEqual(changes(a, reordered(a) as Release), []);
      }),
    );
  });

  it("names every entry that changed, came or went, and no other", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const sorted = (entry: unknown) => {
          const { rows } = (entry ?? {}) as { rows?: unknown[] };
          return canonicalJson(Array.isArray(rows) ? rows.map(canonicalJson).sort() : entry);
        };
        const expected = facets.flatMap((facet) => {
          const names = [...new Set([...Object.keys(a[facet] ?? {}), ...Object.keys(b[facet] ?? {})])].sort();
          const from: Record<string, unknown> = a[facet] ?? {};
          const to: Record<string, unknown> = b[facet] ?? {};
          return names
            .filter((name) => !(name in from && name in to) || sorted(from[name]) !== sorted(to[name]))
            .map((name) => `${facet}/${name}`);
        });
        const found = changes(a, b);
        assert.deepEqual(
          found.map(({ facet, entry }) => `${facet}/${entry}`),
          expected,
        );
        for (const change of found) assert.ok(describeChange(change).length > 0, "a change without a line");
      }),
    );
  });

  it("turns round when the two change places", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const turned = { added: "removed", removed: "added", changed: "changed" };
        const there = changes(a, b).map(({ facet, entry, action }) => [facet, entry, turned[action]]);
        assert.deepEqual(
          there,
          changes(b, a).map(({ facet, entry, action }) => [facet, entry, action]),
        );
      }),
    );
  });

  it("comes in the order of the facets, then of the names", () => {
    const image = `engine@sha256:${"a".repeat(64)}`;
    const after: Release = { toggles: { B: true, A: true }, services: { z: { image }, b: { image } } };
    assert.deepEqual(lines({}, after), ["services/b added", "services/z added", "toggles/A added", "toggles/B added"]);
  });

  const rows = (...rows: Record<string, string | number>[]): Release => ({ config: { t: { rows } } });

  it("does not see a row that moved in its list", () => {
    const [one, two] = [
      { key: "one", value: 1 },
      { key: "two", value: 2 },
    ];
    assert.deepEqual(changes(rows(one, two), rows(two, one)), []);
  });

  it("shows changed, added and removed rows, each by its key", () => {
    const before = rows({ key: "kept", value: 0 }, { key: "changed", value: 1 }, { key: "removed", value: 2 });
    const after = rows({ key: "changed", value: 9 }, { key: "added", value: 3 }, { key: "kept", value: 0 });
    assert.deepEqual(
      new Set(lines(before, after)),
      new Set([
        "config/t changed.value: 1 → 9",
        'config/t added: nothing → {"key":"added","value":3}',
        'config/t removed: {"key":"removed","value":2} → nothing',
      ]),
    );
  });

  it("loses no row where the first column is not the key and repeats", () => {
    const before = rows({ value: 1, key: "a" }, { value: 1, key: "b" });
    assert.deepEqual(lines(before, rows({ value: 1, key: "a" }, { value: 2, key: "b" })), ["config/t b.value: 1 → 2"]);
  });

  it("loses no row where no column tells them apart", () => {
    const before = rows({ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 1 });
    assert.equal(lines(before, rows({ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 })).length, 2);
  });

  it("shows the flip of the real stack in lines that a person can read", () => {
    const at = (pin: string) => loadReal("prod", (config) => (config["rewind:release"] = pin)).settings.pinned;
    const found = diffPinned(at("v1.2.1"), at("v1.2.0"));
    const told = found.flatMap(describeChange);
    assert.ok(told.includes('config/scoring_config results_version.value: "v1.2.1" → "v1.2.0"'));
    assert.ok(told.includes('functions/score_fc_session variables.FC_VERSION: "v1.2" → "v1.1"'));
    assert.ok(told.includes("toggles/CORRELATION_ID_ENABLED: true → false"));
    assert.ok(told.some((line) => line.startsWith('services/api image: "engine:v1.2.1@sha256:cd363fde3ff8…" → ')));
    for (const line of told) assert.ok(line.length < 300, line);
  });

  it("carries a risk for each change, and low it is for what can be put back", () => {
    const at = (pin: string) => loadReal("staging", (config) => (config["rewind:release"] = pin)).settings.pinned;
    const risks = diffPinned(at("v1.2.1"), at("v1.2.0")).map(({ risk }) => risk);
    assert.ok(risks.length >= 7);
    assert.deepEqual(new Set(risks), new Set(["low"]));
  });
});
