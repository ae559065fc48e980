import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "../../release/canonical";
import { diffPinned } from "../../release/diff";
import { objectiveOf } from "../../release/objectives";
import { advisedLevel, databasePins, estimateFrom, planFrom, remainsAfter, touchesDatabase } from "../../release/plan";
import { selectPinned } from "../../release/pinned";
import type { Release } from "../../release/schema/release";
import { release } from "./arbitraries";

const facts = { stack: "prod", undoes: undefined, estimate: undefined, warnings: [] };
const environment = {} as Parameters<typeof planFrom>[1]["environment"];
const catalogue = fc.array(release, { minLength: 2, maxLength: 5 });
const known = (all: readonly Release[]) => new Map(all.map((each, at) => [`v${at}`, each]));

describe("a plan", () => {
  it("S8 · has the worst risk of its changes, and what they were told to be", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const releases = known([a, b]);
        const [from, to] = [selectPinned("v0", {}, releases), selectPinned("v1", {}, releases)];
        const plan = planFrom({ pinned: from, pins: {} }, { pinned: to, pins: {}, environment }, "full", facts);
        assert.deepEqual(plan.changes, diffPinned(from, to));
        assert.equal(plan.changes.length === 0, plan.risk === undefined);
        if (plan.changes.some(({ facet }) => facet === "schema")) assert.equal(plan.risk, "high");
      }),
    );
  });

  it("G3 · advises fast exactly where nothing of the database changes", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const releases = known([a, b]);
        const changes = diffPinned(selectPinned("v0", {}, releases), selectPinned("v1", {}, releases));
        assert.equal(advisedLevel(changes).level, changes.some(touchesDatabase) ? "full" : "fast");
      }),
    );
  });

  it("G3 · pinned fast, leaves every table and the schema where they are", () => {
    fc.assert(
      fc.property(release, release, (a, b) => {
        const releases = known([a, b]);
        const from = selectPinned("v0", {}, releases);
        const to = selectPinned("v1", databasePins(from, selectPinned("v1", {}, releases)), releases);
        for (const [name, rows] of Object.entries(from.facets.config)) {
          assert.equal(canonicalJson(to.facets.config[name]), canonicalJson(rows));
        }
        assert.deepEqual({ ...to.facets.schema, ...from.facets.schema }, to.facets.schema);
      }),
    );
  });

  it("pins nothing of the database apart that both releases have alike", () => {
    const table = { t: { rows: [{ key: "a", value: 1 }] } };
    const releases = known([{ config: table }, { config: structuredClone(table) }] as Release[]);
    assert.deepEqual(databasePins(selectPinned("v0", {}, releases), selectPinned("v1", {}, releases)), {});
  });

  it("says of a schema that what it drops is gone, and of no other", () => {
    assert.ok(remainsAfter([]).every((line) => !line.includes("migration")));
    const releases = known([{ schema: { migration: "0001_a" } }, { schema: { migration: "0002_b" } }] as Release[]);
    const changes = diffPinned(selectPinned("v0", {}, releases), selectPinned("v1", {}, releases));
    assert.ok(remainsAfter(changes).some((line) => line.includes("rewind database recover")));
  });
});

describe("the estimate", () => {
  it("S9 · is the median of what was measured, and none where nothing was", () => {
    assert.equal(estimateFrom([]), undefined);
    assert.deepEqual(estimateFrom([30, 10, 500]), { milliseconds: 30, runs: 3 });
    assert.deepEqual(estimateFrom([10, 20]), { milliseconds: 15, runs: 2 });
  });

  it("lies between the fastest and the slowest run, whatever their order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1 }), (runs) => {
        const { milliseconds } = estimateFrom(runs) ?? assert.fail();
        assert.ok(milliseconds >= Math.min(...runs) && milliseconds <= Math.max(...runs));
        assert.deepEqual(estimateFrom(runs.toReversed()), estimateFrom(runs));
      }),
    );
  });
});

describe("objectives", () => {
  it("S9 · are what the plans ask for, unless the stack says otherwise", () => {
    assert.deepEqual([objectiveOf(undefined, "config"), objectiveOf(undefined, "functions")], [120_000, 300_000]);
    assert.deepEqual([objectiveOf(undefined, "verification"), objectiveOf(undefined, "total")], [900_000, 1_800_000]);
    assert.equal(objectiveOf({ total: "10m" }, "total"), 600_000);
    assert.equal(objectiveOf({ total: "10m" }, "storage"), undefined);
  });
});

describe("a history of releases", () => {
  it("A to B and back to A gives A's digests, and applying again changes nothing, over 5,000 of them", () => {
    const history = catalogue.chain((all) =>
      fc.tuple(fc.constant(all), fc.array(fc.nat({ max: all.length - 1 }), { minLength: 2, maxLength: 8 })),
    );
    fc.assert(
      fc.property(history, ([all, walk]) => {
        const releases = known(all);
        const pinned = (at: number) => selectPinned(`v${at}`, {}, releases);
        const first = walk.map((at) => pinned(at).digest);
        const back = walk.toReversed().map((at) => pinned(at).digest);
        assert.deepEqual(back, first.toReversed());
        for (const at of walk) assert.deepEqual(diffPinned(pinned(at), pinned(at)), []);
        const [a = 0, b = 0] = walk;
        const [there, home] = [diffPinned(pinned(a), pinned(b)), diffPinned(pinned(b), pinned(a))];
        assert.deepEqual(
          home.map(({ facet, entry }) => `${facet}/${entry}`),
          there.map(({ facet, entry }) => `${facet}/${entry}`),
        );
      }),
      { numRuns: 5_000 },
    );
  }).timeout(300_000);
});
