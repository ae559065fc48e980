import assert from "node:assert/strict";
import fc from "fast-check";
import {
  firedOf,
  standingOf,
  planThresholds,
  triggers,
  triggersOf,
  type Measured,
  type Sample,
  type Sustained,
} from "../../release/triggers";

const nothing: Measured = {
  ...{ corrupt: undefined, changed: undefined, mismatched: undefined },
  ...{ operations: [], reads: [], writes: [], memory: [] },
};
const { window, gap } = planThresholds;
const now = Date.parse("2025-08-13T12:00:00Z");
/** A measurement every half minute, the newest last, through the whole window and a little more. */
const steadily = (value: number): Sample[] =>
  Array.from({ length: 12 }, (_, index) => ({ at: now - (11 - index) * 30_000, value }));
const evaluate = (measured: Partial<Measured>, before: Parameters<typeof triggersOf>[2] = []) =>
  triggersOf({ ...nothing, ...measured }, planThresholds, before, now);
const named = (name: string, all: ReturnType<typeof evaluate>) => all.find((trigger) => trigger.name === name)!;

/** What the words say, moment by moment: nothing of how it is computed. */
function byMoment(series: readonly Sample[], { over, window, gap }: Sustained, until: number) {
  let standing = "over";
  for (let moment = until - window; moment <= until; moment += 1) {
    const past = series.filter(({ at }) => at <= moment);
    const newest = Math.max(...past.map(({ at }) => at));
    // At the moment of the next measurement the one before must still have held.
    const next = series.filter(({ at }) => at > newest && at <= until).map(({ at }) => at);
    if (past.length === 0 || moment - newest > gap || Math.min(until, ...next) - newest > gap) return "unknown";
    if (past.some(({ at, value }) => at === newest && value <= over)) standing = "under";
  }
  return standing;
}

const sample = fc.record({ at: fc.integer({ min: 0, max: 60 }), value: fc.constantFrom(1, 2, 3) });
const sustained = fc.record({
  over: fc.constantFrom(0, 1, 2),
  window: fc.integer({ min: 1, max: 30 }),
  gap: fc.integer({ min: 1, max: 12 }),
});

describe("a sustained window", () => {
  it("L1 · is over a threshold if and only if every moment of it is, and measured", () => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 40 }),
        sustained,
        fc.integer({ min: 0, max: 70 }),
        (series, rule, at) => {
          assert.equal(standingOf(series, rule, at), byMoment(series, rule, at));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("L1 · says the same in whatever order the measurements come, and whatever is measured later", () => {
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 30 }),
        sustained,
        fc.integer({ min: 0, max: 60 }),
        (series, rule, at) => {
          const later = { at: at + 1, value: 0 };
          assert.equal(standingOf([later, ...series].reverse(), rule, at), standingOf(series, rule, at));
        },
      ),
    );
  });

  it("L1 · is unknown for ever once nothing is measured any more", () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 30 }), sustained, (series, rule) => {
        assert.equal(standingOf(series, rule, 61 + rule.window + rule.gap), "unknown");
      }),
    );
  });
});

describe("the triggers of the records' plan", () => {
  it("L1 · are inconclusive where nothing was measured, each of them", () => {
    const all = evaluate({});
    assert.deepEqual(
      all.map(({ name }) => name),
      [...triggers],
    );
    assert.ok(all.every(({ result }) => result === "inconclusive"));
    assert.deepEqual(firedOf(all), []);
  });

  it("L1 · fire for reads over 100 ms, writes over 300 ms, memory over 1 GB and operations that all fail", () => {
    const fired = (measured: Partial<Measured>) => firedOf(evaluate(measured)).map(({ name }) => name);
    assert.deepEqual(fired({ reads: steadily(101) }), ["slow reads"]);
    assert.deepEqual(fired({ writes: steadily(301) }), ["slow writes"]);
    assert.deepEqual(fired({ memory: steadily(2 ** 30 + 1) }), ["memory"]);
    assert.deepEqual(fired({ memory: steadily(2 ** 30) }), []);
    assert.deepEqual(fired({ operations: steadily(1) }), ["failing operations"]);
    assert.deepEqual(fired({ operations: [...steadily(1), { at: now - 10, value: 0 }] }), []);
  });

  it("L1 · do not fire for one quick read among slow ones, nor for slow ones with a gap between them", () => {
    const [first, ...others] = steadily(500);
    const result = (reads: Sample[]) => named("slow reads", evaluate({ reads })).result;
    assert.equal(result([...steadily(500), { at: now - 1_000, value: 3 }]), "passed");
    assert.equal(result([first!, ...others.slice(4)]), "inconclusive");
    assert.equal(result(others.filter(({ at }) => at > now - window + gap)), "inconclusive");
  });

  it("L1 · name what is corrupt, changed or mismatched, and how many more", () => {
    const all = evaluate({ corrupt: ["a", "b", "c", "d"], changed: ["file"], mismatched: [] });
    assert.equal(named("corrupt data", all).evidence, "a; b; c, and 1 more");
    assert.equal(named("unexpected file changes", all).evidence, "file");
    assert.equal(named("count or hash mismatches", all).result, "passed");
  });

  it("L2 · are as bad, and lead to a rollback as soon, as the plan's matrix says", () => {
    const all = evaluate({
      ...{ corrupt: ["x"], changed: ["x"], mismatched: ["x"], operations: steadily(1) },
      ...{ reads: steadily(500), writes: steadily(60), memory: steadily(2 ** 31) },
    });
    assert.deepEqual(
      firedOf(all).map(({ name, severity, rollback }) => [name, severity.name, severity.minutes, rollback]),
      [
        ["corrupt data", "critical", 2, "at once"],
        ["unexpected file changes", "critical", 2, "at once"],
        ["failing operations", "high", 5, "within 10 minutes"],
        ["count or hash mismatches", "high", 5, "within 10 minutes"],
        ["slow reads", "medium", 15, "a person decides"],
        ["memory", "medium", 15, "a person decides"],
        ["slow writes", "low", 30, "no: investigate first"],
      ],
    );
  });

  it("L1 · say what each measurement was, and what it is held against", () => {
    const evidence = (measured: Partial<Measured>): string[] =>
      evaluate(measured)
        .filter(({ name, result }) => result !== "inconclusive" || name === "memory")
        .map((each) => each.evidence);
    const found = { corrupt: [], changed: ["a", "b", "c"], mismatched: ["d"] };
    assert.deepEqual(evidence({ ...found, operations: steadily(1), reads: steadily(30), writes: steadily(12) }), [
      "none",
      "a; b; c",
      "11 measurements in 300 s, none below 1 failed; the limit is 0",
      "d",
      "11 measurements in 300 s, none below 30 ms; up to 20 is expected",
      "11 measurements in 300 s, none below 12 ms",
      "not measured during 300 s",
    ]);
    const uneven = [...steadily(130), { at: now - 10, value: 120 }];
    assert.deepEqual(evidence({ reads: uneven, memory: steadily(2 ** 31) }), [
      "12 measurements in 300 s, none below 120 ms; the limit is 100",
      "11 measurements in 300 s, none below 2147483648 bytes; the limit is 1073741824",
    ]);
  });

  it("L1 · of a list are inconclusive where nobody looked, and say so", () => {
    for (const name of ["corrupt data", "unexpected file changes", "count or hash mismatches"]) {
      assert.equal(named(name, evaluate({})).evidence, "not looked at");
    }
    assert.equal(named("slow reads", evaluate({})).evidence, "not measured during 300 s");
  });

  it("L1 · tell of a value between what is expected and the limit as worth a look, where there are two", () => {
    const of = (measured: Partial<Measured>, name: string) => {
      const { result, severity, rollback } = named(name, evaluate(measured));
      return [result, severity.name, rollback];
    };
    assert.deepEqual(of({ reads: steadily(21) }, "slow reads"), ["failed", "low", "no: investigate first"]);
    assert.deepEqual(of({ reads: steadily(20) }, "slow reads"), ["passed", "medium", "a person decides"]);
    assert.deepEqual(of({ writes: steadily(41) }, "slow writes"), ["failed", "low", "no: investigate first"]);
    assert.deepEqual(of({ writes: steadily(40) }, "slow writes"), ["passed", "medium", "a person decides"]);
    assert.deepEqual(of({ memory: steadily(2 ** 30) }, "memory"), ["passed", "medium", "a person decides"]);
    assert.deepEqual(of({ operations: steadily(0) }, "failing operations"), ["passed", "high", "within 10 minutes"]);
  });

  it("L1 · that have fired and still do are told as they are now", () => {
    const [before] = firedOf(evaluate({ reads: steadily(500) }));
    const still = named("slow reads", evaluate({ reads: steadily(30) }, [before!]));
    assert.deepEqual([still.result, still.severity.name], ["failed", "low"]);
    assert.equal(still.evidence, "11 measurements in 300 s, none below 30 ms; up to 20 is expected");
    const silent = named("slow reads", evaluate({}, [before!]));
    assert.equal(silent.evidence, "had fired, and was not measured during 300 s since");
    assert.equal(silent.rollback, "a person decides");
    const over = named("slow reads", evaluate({ reads: steadily(5) }, [before!]));
    assert.equal(over.evidence, "cleared: 11 measurements in 300 s, none below 5 ms");
    assert.equal(named("memory", evaluate({ memory: steadily(1) }, [before!])).evidence.startsWith("cleared"), false);
  });

  it("L1 · that have fired neither clear because nobody measures any more, nor without a word", () => {
    const before = firedOf(evaluate({ reads: steadily(500), corrupt: ["x"] }));
    assert.equal(before.length, 2);
    const unmeasured = named("slow reads", evaluate({}, before));
    assert.equal(unmeasured.result, "failed");
    assert.match(unmeasured.evidence, /^had fired, and was not measured/);
    assert.equal(unmeasured.severity.name, "medium");
    const cleared = named("slow reads", evaluate({ reads: steadily(5) }, before));
    assert.equal(cleared.result, "passed");
    assert.match(cleared.evidence, /^cleared: /);
  });
});
