import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson } from "../../release/canonical";
import { diffPinned } from "../../release/diff";
import { objectiveOf } from "../../release/objectives";
import {
  advisedLevel,
  databasePins,
  digestOfPlan,
  estimateFrom,
  planFrom,
  remainsAfter,
  touchesDatabase,
} from "../../release/plan";
import { selectPinned } from "../../release/pinned";
import type { Release } from "../../release/schema/release";
import { release } from "./arbitraries";

const facts = { stack: "prod", undoes: undefined, estimate: undefined, warnings: [], texts: {} };
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

  const image = `engine@sha256:${"a".repeat(64)}`;
  const between = (a: object, b: object) => {
    const releases = known([a, b] as Release[]);
    return diffPinned(selectPinned("v0", {}, releases), selectPinned("v1", {}, releases));
  };

  it("G3 · says why a level would do: what of the database changes, or that nothing does", () => {
    const rows = [{ key: "a", value: 1 }];
    const [one, other] = [
      { t: { rows }, u: { rows } },
      { t: { rows: [] }, u: { rows: [] } },
    ];
    assert.deepEqual(advisedLevel(between({ services: { api: { image } } }, {})), {
      level: "fast",
      why: "nothing of it is in the database",
    });
    const both = between({ services: { api: { image } }, config: one }, { config: other });
    assert.deepEqual(advisedLevel(both), { level: "full", why: "the database changes: config/t, config/u" });
    const schema = between({ schema: { migration: "0001_a" } }, { schema: { migration: "0002_b" } });
    assert.equal(advisedLevel(schema).why, "the database changes: schema/migration");
  });

  it("says of each facet what of it does not come back, and of no other", () => {
    const always = [
      "rows that the application wrote itself stay as they are (rewind data list <name>, for those that carry a version)",
      "messages that it sent, and calls that it made, are out in the world",
    ];
    assert.deepEqual(remainsAfter([]), always);
    const jobs = "jobs that are cancelled do not come back by themselves";
    for (const [facet, line] of [
      [
        "schema",
        "what a migration down drops is gone with its columns (rewind database recover --before <entry> --into <folder>)",
      ],
      ["frontend", "a page that is open in a browser stays as it is until it is loaded again"],
      ["storage", "objects that were written while the other policy held stay where they are"],
      ["services", jobs],
      ["functions", jobs],
    ] as const) {
      const change = { facet } as Parameters<typeof remainsAfter>[0][number];
      assert.deepEqual(remainsAfter([change]), [...always, line], facet);
    }
    assert.deepEqual(remainsAfter([{ facet: "config" } as Parameters<typeof remainsAfter>[0][number]]), always);
  });

  it("pins apart whatever of the database would change, be it that the other release lacks it, or has it besides", () => {
    const rows = [{ key: "a", value: 1 }];
    const releases = known([
      { config: { t: { rows }, same: { rows } }, schema: { migration: "0001_a" }, services: { api: { image } } },
      { config: { same: { rows }, u: { rows } }, services: {} },
    ] as Release[]);
    const [from, to] = [selectPinned("v0", {}, releases), selectPinned("v1", {}, releases)];
    assert.deepEqual(databasePins(from, to), { "config/t": "v0", "schema/migration": "v0" });
    assert.deepEqual(databasePins(to, from), { "config/u": "v1" });
  });

  it("keeps what is known of the stack, both pins, and what surrounds them; its digest is of all of it", () => {
    const releases = known([{ services: { api: { image } } }, {}] as Release[]);
    const [from, to] = [selectPinned("v0", {}, releases), selectPinned("v1", {}, releases)];
    const estimate = { milliseconds: 7, runs: 2 };
    const about = { stack: "prod", undoes: "d1", estimate, warnings: ["beware"], texts: { "0002_b": from.digest } };
    const plan = planFrom(
      { pinned: from, pins: { services: "v0" } },
      { pinned: to, pins: {}, environment },
      "fast",
      about,
    );
    assert.deepEqual(plan.from, { release: "v0", digest: from.digest, pins: { services: "v0" } });
    assert.deepEqual(plan.to, { release: "v1", digest: to.digest, pins: {} });
    const { stack, undoes, warnings, level, remains, texts } = plan;
    assert.deepEqual({ stack, undoes, estimate: plan.estimate, warnings, texts }, about);
    assert.deepEqual([level, remains], ["fast", remainsAfter(plan.changes)]);
    assert.deepEqual(plan.advised, advisedLevel(plan.changes));
    assert.match(digestOfPlan(plan), /^sha256:[0-9a-f]{64}$/);
    assert.equal(digestOfPlan(plan), digestOfPlan(JSON.parse(JSON.stringify(plan)) as typeof plan));
    assert.notEqual(digestOfPlan(plan), digestOfPlan({ ...plan, level: "full" }));
    assert.notEqual(digestOfPlan(plan), digestOfPlan({ ...plan, texts: {} }));
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
