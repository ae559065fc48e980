import assert from "node:assert/strict";
import fc from "fast-check";
import type { BackupPart, Occasion } from "../../release/backup-manifest";
import { backupObjectives, choose, qualityOf, retained, type Candidate } from "../../release/backups";

const now = new Date("2026-11-21T15:00:00Z");
const hour = 3_600_000;
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const backup = (id: string, age: number, more: Partial<Candidate> = {}): Candidate => ({
  id,
  at: new Date(now.getTime() - age * hour).toISOString(),
  occasion: "request",
  parts: ["stack", "database"],
  bytes: 100,
  problems: [],
  ...more,
});
const damaged = { problems: ["state/state.json is missing"] };

describe("L8 · the quality of a backup", () => {
  const objectives = backupObjectives(undefined);
  const facts = { expected: ["stack", "database"] as const, objectives, now };
  const of = (candidate: Candidate, others: readonly Candidate[] = []) => {
    const { score, aspects } = qualityOf(candidate, others, facts);
    return { score, points: Object.fromEntries(aspects.map(({ name, points }) => [name, points])) };
  };

  it("is 100 for one that is complete, whole, fresh and of the usual size", () => {
    assert.deepEqual(of(backup("a", 2), [backup("b", 30, { bytes: 110 })]), {
      score: 100,
      points: { completeness: 40, integrity: 30, age: 20, size: 10 },
    });
  });

  it("is less by each thing that is wrong, and each is told", () => {
    assert.equal(of(backup("a", 2, { parts: ["stack"] })).points.completeness, 20);
    assert.equal(of(backup("a", 2, damaged)).points.integrity, 0);
    assert.equal(of(backup("a", 24 * 4)).points.age, 10);
    assert.equal(of(backup("a", 24 * 8)).points.age, 0);
    assert.equal(of(backup("a", 2, { bytes: 10 }), [backup("b", 3)]).points.size, 2);
    const [first] = qualityOf(backup("a", 2, { parts: ["stack"] }), [], facts).aspects;
    assert.equal(first?.evidence, "50 %, without database");
  });

  it("gives nothing for age to one that is newer than the clock", () => {
    assert.equal(of(backup("a", -1)).points.age, 0);
    assert.equal(of(backup("a", -0.01)).points.age, 20);
  });

  it("goes by the objectives of the settings", () => {
    assert.deepEqual(backupObjectives({ objectives: { age: "1h" } }), { age: hour, restore: 30 * 60_000 });
  });
});

describe("L8 · the choice of a backup", () => {
  const chosen = (backups: readonly Candidate[], wanted: readonly BackupPart[] = []): string | undefined =>
    choose(backups, { wanted, now }).find((each) => each.chosen)?.id;

  it("prefers what was kept at a conversion, then before a change, then on request, and of each the newest", () => {
    const all = (["request", "restore", "rollback", "conversion"] as const).flatMap((occasion: Occasion, at) => [
      backup(`${occasion}-old`, 20 + at, { occasion }),
      backup(`${occasion}-new`, 10 + at, { occasion }),
    ]);
    const left = [...all];
    const order: string[] = [];
    while (left.length > 0) {
      const id = chosen(left) ?? "";
      order.push(id);
      left.splice(
        left.findIndex((each) => each.id === id),
        1,
      );
    }
    assert.deepEqual(order, [
      ...["conversion-new", "conversion-old", "restore-new", "rollback-new", "restore-old", "rollback-old"],
      ...["request-new", "request-old"],
    ]);
  });

  it("passes over what is damaged, newer than the clock, or without a wanted part, and says why", () => {
    const all = [
      backup("damaged", 1, { occasion: "conversion", ...damaged }),
      backup("future", -5, { occasion: "conversion" }),
      backup("lacking", 1, { occasion: "rollback", parts: ["stack"] }),
      backup("good", 9),
    ];
    const weighed = choose(all, { wanted: ["database"], now });
    assert.deepEqual(
      weighed.map(({ id, why }) => [id, why.split(",")[0]]),
      [
        ["future", "made at 2026-11-21T20:00:00.000Z"],
        ["damaged", "not what was written: state/state.json is missing"],
        ["lacking", "without database"],
        ["good", "made on request"],
      ],
    );
    assert.equal(chosen(all, ["database"]), "good");
    assert.equal(chosen(all.slice(0, 2)), undefined);
  });
});

describe("L8 · what may be removed of the backups", () => {
  const kept = (backups: readonly Candidate[], needs: Partial<Parameters<typeof retained>[1]> = {}): string[] =>
    retained(backups, { keep: 1, knownGood: [], inUse: [], now, ...needs })
      .filter(({ keep }) => keep)
      .map(({ id }) => id);

  it("is never the last good one, even when newer ones are damaged", () => {
    assert.deepEqual(kept([backup("new", 1, damaged), backup("good", 2), backup("old", 3)]), ["new", "good"]);
  });

  it("is never the last good one of a known-good release, nor one in use, nor one newer than the clock", () => {
    const pinned = { pinned: { release: "v1", digest: digest("a") } };
    const all = [
      backup("future", -3),
      backup("new", 1),
      backup("spoilt", 2, { ...pinned, ...damaged }),
      backup("needed", 3, pinned),
      backup("older", 4, pinned),
      backup("used", 5),
      backup("old", 6),
    ];
    const needs = { knownGood: [{ release: "v1", digest: digest("a") }], inUse: ["used"] };
    assert.deepEqual(kept(all, needs), ["future", "new", "needed", "used"]);
  });

  it("leaves a good one wherever there was one, and for each known-good release that had one", () => {
    const candidate = fc.record({
      age: fc.integer({ min: -5, max: 500 }),
      letter: fc.constantFrom("a", "b", "c"),
      whole: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (all, keep) => {
        const backups = all.map(({ age, letter, whole }, at) =>
          backup(`b${at}`, age, {
            pinned: { release: letter, digest: digest(letter) },
            ...(whole ? {} : damaged),
          }),
        );
        const knownGood = ["a", "b"].map((letter) => ({ release: letter, digest: digest(letter) }));
        const ids = new Set(kept(backups, { keep, knownGood }));
        const good = backups.filter(({ problems, at }) => problems.length === 0 && Date.parse(at) <= now.getTime());
        const left = good.filter(({ id }) => ids.has(id));
        assert.equal(left.length > 0, good.length > 0);
        for (const { digest } of knownGood) {
          const own = (each: Candidate): boolean => each.pinned?.digest === digest;
          assert.equal(left.some(own), good.some(own));
        }
        assert.ok(ids.size >= Math.min(keep, backups.length));
      }),
    );
  });
});
