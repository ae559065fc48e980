import assert from "node:assert/strict";
import fc from "fast-check";
import { selectPinned } from "../../release/pinned";
import { facets, type Release } from "../../release/schema/release";
import { pinsThatHold, tornGroups } from "../../release/together";
import { releaseOf } from "./arbitraries";

const ids = ["a", "b", "c"] as const;
const names = ["api", "score"] as const;
const paths = facets.flatMap((facet) =>
  facet === "schema" ? ["schema"] : [facet, ...names.map((name) => `${facet}/${name}`)],
);
const group = fc.subarray(paths, { minLength: 2, maxLength: 4 });
const declaring = fc
  .tuple(releaseOf(names), fc.array(group, { maxLength: 2 }))
  .map(([release, together]): Release => ({ ...release, together }));
const catalogue = fc
  .tuple(declaring, declaring, declaring)
  .map((releases) => new Map(ids.map((id, at) => [id as string, releases[at]!])));
const pins = fc.dictionary(fc.constantFrom(...paths), fc.constantFrom(...ids), { maxKeys: 4 });
const pin = fc.constantFrom(...ids);

describe("what belongs together", () => {
  it("is never torn apart by a pin of one release as a whole", () => {
    fc.assert(
      fc.property(catalogue, pin, (releases, release) => {
        assert.deepEqual(tornGroups(selectPinned(release, {}, releases), releases), []);
      }),
    );
  });

  it("is torn exactly where a declaring release gives some of a group, and not all of it", () => {
    fc.assert(
      fc.property(catalogue, pin, pins, (releases, release, apart) => {
        const pinned = selectPinned(release, apart, releases);
        const sourceOf = (path: string) =>
          Object.entries(pinned.sources)
            .filter(([entry]) => entry === path || entry.startsWith(`${path}/`))
            .map(([, source]) => source);
        const expected = ids.flatMap((by) =>
          releases
            .get(by)!
            .together!.filter((members) => {
              const sources = members.flatMap(sourceOf);
              return sources.includes(by) && sources.some((source) => source !== by);
            })
            .map((members) => [by, members]),
        );
        const found = tornGroups(pinned, releases).map(({ by, group: members }) => [by, members]);
        const sorted = (list: unknown[]) => list.map((each) => JSON.stringify(each)).sort();
        assert.deepEqual(sorted(found), sorted(expected));
      }),
    );
  });

  it("is whole again with every pin that is proposed instead, and one is proposed for a torn pin", () => {
    fc.assert(
      fc.property(catalogue, pin, pins, (releases, release, apart) => {
        for (const torn of tornGroups(selectPinned(release, apart, releases), releases)) {
          const proposed = pinsThatHold(torn, release, apart, releases);
          assert.ok(proposed.length > 0, JSON.stringify(torn));
          for (const whole of proposed) {
            assert.deepEqual(tornGroups(selectPinned(release, whole, releases), releases), []);
          }
        }
      }),
    );
  });

  it("counts an entry that the other release lacks as torn off", () => {
    const image = `engine@sha256:${"a".repeat(64)}`;
    const releases = new Map<string, Release>([
      ["v1", { services: { api: { image } }, functions: { score: { image } }, together: [["services", "functions"]] }],
      ["v0", { services: { api: { image } } }],
    ]);
    const [torn] = tornGroups(selectPinned("v1", { functions: "v0" }, releases), releases);
    assert.equal(torn?.by, "v1");
    assert.deepEqual(pinsThatHold(torn, "v1", { functions: "v0" }, releases), [{}]);
  });

  const image = `engine@sha256:${"a".repeat(64)}`;
  const both = { services: { api: { image }, worker: { image } }, functions: { score: { image }, rank: { image } } };
  const torn = (releases: ReadonlyMap<string, Release>, apart: Readonly<Record<string, string>>) =>
    tornGroups(selectPinned("v1", apart, releases), releases);

  it("names where each member of a torn group comes from, and a missing entry as from nowhere", () => {
    const group = ["services", "functions/score"];
    const releases = new Map<string, Release>([
      ["v1", { ...both, together: [group] }],
      ["v0", { services: { api: { image } } }],
    ]);
    assert.deepEqual(torn(releases, { services: "v0" }), [
      { by: "v1", group, sources: { services: ["v0", ""], "functions/score": ["v1"] } },
    ]);
    assert.deepEqual(torn(releases, { functions: "v0" }), [
      { by: "v1", group, sources: { services: ["v1"], "functions/score": [] } },
    ]);
    assert.deepEqual(torn(releases, { "services/api": "v0" }), [
      { by: "v1", group, sources: { services: ["v0", "v1"], "functions/score": ["v1"] } },
    ]);
    assert.deepEqual(torn(releases, {}), []);
  });

  it("is what every release says that something comes from, and no other", () => {
    const releases = new Map<string, Release>([
      ["v2", { together: [["services", "functions"]] }],
      ["v1", both],
      ["v0", { ...both, together: [["services", "functions"]] }],
    ]);
    assert.deepEqual(torn(releases, {}), []);
    assert.deepEqual(
      torn(releases, { services: "v0" }).map(({ by }) => by),
      ["v0"],
    );
    assert.deepEqual(torn(releases, { services: "v0", functions: "v0" }), []);
  });

  it("is proposed from each release that it may come from, with the fewest pins", () => {
    const group = ["services/api", "functions/score"];
    const releases = new Map<string, Release>([
      ["v1", { ...both, together: [group] }],
      ["v0", both],
    ]);
    const proposed = (apart: Readonly<Record<string, string>>) => {
      const [first] = torn(releases, apart);
      return pinsThatHold(first!, "v1", apart, releases);
    };
    assert.deepEqual(proposed({ "services/api": "v0" }), [{}, { "services/api": "v0", "functions/score": "v0" }]);
    assert.deepEqual(proposed({ services: "v0" }), [
      { services: "v0", "services/api": "v1" },
      { services: "v0", "functions/score": "v0" },
    ]);
    assert.deepEqual(proposed({ functions: "v0", "services/worker": "v0" }), [
      { functions: "v0", "services/worker": "v0", "functions/score": "v1" },
      { functions: "v0", "services/worker": "v0", "services/api": "v0" },
    ]);
  });

  it("is proposed as a whole where a facet belongs to it, with what of it is pinned apart", () => {
    const releases = new Map<string, Release>([
      ["v1", { ...both, together: [["services", "functions"]] }],
      ["v0", both],
    ]);
    const apart = { "services/api": "v0", frontend: "v0" };
    const [first] = torn(releases, apart);
    assert.deepEqual(pinsThatHold(first!, "v1", apart, releases), [
      { frontend: "v0" },
      { frontend: "v0", services: "v0", functions: "v0" },
    ]);
  });

  it("is not proposed from a release that lacks an entry of it, nor beside a pin that nothing can be selected by", () => {
    const group = ["services/api", "functions/score"];
    const releases = new Map<string, Release>([
      ["v1", { ...both, together: [group] }],
      ["v0", { services: { api: { image } } }],
    ]);
    const [first] = torn(releases, { "services/api": "v0" });
    assert.deepEqual(pinsThatHold(first!, "v1", { "services/api": "v0" }, releases), [{}]);
    for (const pin of [{ nonsense: "v0" }, { "services/none": "v1" }, { "services/worker": "v9" }]) {
      assert.deepEqual(pinsThatHold(first!, "v1", pin, releases), [], JSON.stringify(pin));
    }
  });

  it("takes along what other groups then need", () => {
    const releases = new Map<string, Release>([
      [
        "v1",
        {
          ...both,
          together: [
            ["services/api", "functions/score"],
            ["functions/score", "services/worker"],
          ],
        },
      ],
      ["v0", both],
    ]);
    const apart = { "services/api": "v0" };
    const [first] = torn(releases, apart);
    assert.deepEqual(pinsThatHold(first!, "v1", apart, releases), [
      {},
      { "services/api": "v0", "functions/score": "v0", "services/worker": "v0" },
    ]);
  });

  it("is never whole where a release counts among it what it has not, and then nothing is proposed", () => {
    const releases = new Map<string, Release>([
      ["v1", { services: { api: { image } }, together: [["services", "functions"]] }],
      ["v0", both],
    ]);
    const [first] = torn(releases, { functions: "v0" });
    assert.deepEqual(pinsThatHold(first!, "v1", { functions: "v0" }, releases), [{ functions: "v0", services: "v0" }]);
    assert.deepEqual(pinsThatHold({ ...first!, sources: {} }, "v1", { functions: "v0" }, releases), []);
  });
});
