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
});
