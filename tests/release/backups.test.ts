import assert from "node:assert/strict";
import fc from "fast-check";
import type { BackupPart, Occasion } from "../../release/backup-manifest";
import {
  ageAt,
  backupObjectives,
  choose,
  isOfTheFuture,
  qualityOf,
  retained,
  type Candidate,
} from "../../release/backups";

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

  const told = (candidate: Candidate, others: readonly Candidate[] = [], expected: readonly BackupPart[] = ["stack"]) =>
    qualityOf(candidate, others, { ...facts, expected }).aspects.map(
      ({ name, points, of: most, evidence }) => `${name} ${points}/${most}: ${evidence}`,
    );

  it("tells of each of the four what it was, and of how many points", () => {
    assert.deepEqual(told(backup("a", 2.26)), [
      "completeness 40/40: 100 %",
      "integrity 30/30: every file is what was written",
      "age 20/20: 2.3 h old, 24 h are allowed",
      "size 10/10: 100 bytes; there is none to compare with",
    ]);
    const spoilt = backup("a", 48, { parts: [], bytes: 30, problems: ["one is missing", "another"] });
    assert.deepEqual(told(spoilt, [backup("b", 1, { parts: [] })], ["stack", "rows", "state"]), [
      "completeness 0/40: 0 %, without stack, rows, state",
      "integrity 0/30: one is missing",
      "age 17/20: 48 h old, 24 h are allowed",
      "size 6/10: 30 bytes, usual are 100",
    ]);
    assert.equal(told(backup("a", -2))[2], "age 0/20: newer than the clock");
    assert.equal(told(backup("a", 0, { bytes: 0 }))[3], "size 0/10: 0 bytes; there is none to compare with");
    assert.equal(told(backup("a", 2), [], [])[0], "completeness 40/40: 100 %");
  });

  it("has full marks for age within the objective, and loses them evenly until seven times that", () => {
    for (const [age, points] of [
      [24, 20],
      [24 * 2.5, 15],
      [24 * 7, 0],
      [24 * 70, 0],
      [-1 / 60, 20],
    ] as const) {
      assert.equal(of(backup("a", age)).points.age, points, `${age} h`);
    }
  });

  it("compares its size with the middle one of other whole backups that have the same parts", () => {
    const others = [
      backup("a", 1, { bytes: 5_000 }),
      backup("b", 1, { bytes: 1_000 }),
      backup("c", 1, { bytes: 80 }),
      backup("d", 1, { bytes: 900 }),
      backup("e", 1, { ...damaged, bytes: 6_000 }),
      backup("f", 1, { parts: ["stack"], bytes: 7_000 }),
    ];
    const sizeOf = (bytes: number): string | undefined => told(backup("a", 1, { bytes }), others)[3];
    assert.equal(sizeOf(450), "size 10/10: 450 bytes, usual are 900");
    assert.equal(sizeOf(225), "size 5/10: 225 bytes, usual are 900");
    assert.equal(sizeOf(1_800), "size 10/10: 1800 bytes, usual are 900");
    assert.equal(sizeOf(3_600), "size 5/10: 3600 bytes, usual are 900");
    const empty = [backup("b", 1, { bytes: 0 })];
    assert.equal(told(backup("a", 1, { bytes: 0 }), empty)[3], "size 0/10: 0 bytes, usual are 0");
  });

  it("asks for one of the last day that is restored in half an hour, unless the settings say otherwise", () => {
    const usual = { age: 24 * hour, restore: hour / 2 };
    assert.deepEqual(backupObjectives(undefined), usual);
    assert.deepEqual(backupObjectives({}), usual);
    assert.deepEqual(backupObjectives({ objectives: { restore: "5m" } }), { ...usual, restore: 300_000 });
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

  it("says of each backup why it was chosen, fits as well or does not", () => {
    const all = [
      backup("a", 1, { occasion: "request" }),
      backup("b", 1, { occasion: "restore" }),
      backup("c", 2, { occasion: "rollback" }),
      backup("d", 3, { occasion: "conversion" }),
      backup("e", 1, { occasion: "conversion", parts: ["records"] }),
      backup("f", -1, { occasion: "conversion" }),
    ];
    assert.deepEqual(choose(all, { wanted: ["stack", "database"], now }), [
      { id: "f", chosen: false, why: "made at 2026-11-21T16:00:00.000Z, which is newer than the clock" },
      { id: "e", chosen: false, why: "without stack, database" },
      { id: "d", chosen: true, why: "kept when the records were converted, of 2026-11-21T12:00:00.000Z" },
      { id: "b", chosen: false, why: "kept before a restore, of 2026-11-21T14:00:00.000Z; fits as well" },
      { id: "c", chosen: false, why: "kept before a rollback, of 2026-11-21T13:00:00.000Z; fits as well" },
      { id: "a", chosen: false, why: "made on request, of 2026-11-21T14:00:00.000Z; fits as well" },
    ]);
    assert.equal(choose(all.slice(0, 1), { wanted: [], now })[0]?.why, "made on request, of 2026-11-21T14:00:00.000Z");
  });

  it("takes of two of one moment the one whose name comes later, in whatever order they are given", () => {
    const two = [backup("a", 1), backup("b", 1)];
    for (const all of [two, two.toReversed()]) {
      assert.deepEqual(
        choose(all, { wanted: [], now }).map(({ id }) => id),
        ["b", "a"],
      );
    }
  });

  it("counts a backup as newer than the clock when it is so by more than a minute", () => {
    const at = (time: number) => new Date(now.getTime() + time).toISOString();
    for (const [time, future] of [
      [60_001, true],
      [60_000, false],
      [0, false],
      [-1, false],
    ] as const) {
      assert.equal(isOfTheFuture(at(time), now), future, `${time} ms`);
      assert.equal(ageAt(at(time), now) + time, 0);
    }
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

  it("is told for every backup, the newest first, with the reason that was found first", () => {
    const pinned = { pinned: { release: "v1", digest: digest("a") } };
    const all = [
      backup("old", 6),
      backup("used", 5),
      backup("needed", 4, pinned),
      backup("good", 3),
      backup("newest", 1, damaged),
      backup("future", -3),
    ];
    const needs = { knownGood: [{ release: "v1", digest: digest("a") }], inUse: ["used", "good", "none"] };
    assert.deepEqual(retained(all, { keep: 1, now, ...needs }), [
      { id: "future", keep: true, why: "made at 2026-11-21T18:00:00.000Z, which is newer than the clock" },
      { id: "newest", keep: true, why: "one of the newest 1" },
      { id: "good", keep: true, why: "the last good one" },
      { id: "needed", keep: true, why: "the last good one of v1, which is known good" },
      { id: "used", keep: true, why: "in use" },
      { id: "old", keep: false, why: "not needed" },
    ]);
    const two = [backup("future", -3), backup("new", 1), backup("old", 2), backup("older", 3)];
    assert.deepEqual(kept(two, { keep: 2 }), ["future", "new", "old"]);
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
