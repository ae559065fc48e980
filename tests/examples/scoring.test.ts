import assert from "node:assert/strict";
import fc from "fast-check";
import { DamagedScores, domains, type Engine, type Response } from "../../examples/scoring/src/engine";
import { engine as v1_2_0 } from "../../examples/scoring/src/engines/v1_2_0";
import { engine as v1_2_1 } from "../../examples/scoring/src/engines/v1_2_1";
import { engine as v1_2_2 } from "../../examples/scoring/src/engines/v1_2_2";
import { scoreForcedChoice } from "../../examples/scoring/src/forced-choice";

const sound: readonly [string, Engine][] = [
  ["v1.2.0", v1_2_0],
  ["v1.2.1", v1_2_1],
];
const domain = fc.constantFrom(...domains);
const number = fc.integer({ min: 1, max: 20 });
const prismAnswer = fc
  .record({ domain, number, value: fc.integer({ min: 1, max: 5 }) })
  .map(({ domain, number, value }) => ({ item: `prism.${domain}.${number}`, value }));
const fcAnswer = fc
  .record({ domain, number, value: fc.integer({ min: 0, max: 1 }) })
  .map(({ domain, number, value }) => ({ item: `fc.${domain}.${number}`, value }));
const unique = { minLength: 1, maxLength: 40, selector: (response: Response) => response.item };
const session = fc.tuple(fc.uniqueArray(prismAnswer, unique), fc.uniqueArray(fcAnswer, unique));
const weights = fc.record(
  Object.fromEntries(domains.map((name) => [name, fc.double({ min: 0.1, max: 100, noNaN: true })])) as Record<
    (typeof domains)[number],
    fc.Arbitrary<number>
  >,
);

/** One answer for each kind: the least that makes a profile. */
const minimal: Response[] = [
  { item: "prism.analysis.1", value: 5 },
  { item: "fc.analysis.1", value: 1 },
];

function profile(engine: Engine, responses: readonly Response[], weighting = engine.weighting) {
  const prism = engine.scorePrism(
    responses.filter(({ item }) => item.startsWith("prism.")),
    engine.parameters,
  );
  const forced = scoreForcedChoice(responses, "v1.2", engine.parameters.precision);
  return engine.compose(prism, forced, weighting, engine.parameters);
}

describe("the scoring engines", () => {
  for (const [version, engine] of sound) {
    it(`${version} scores from 0 to 100, whatever the answers and the weights`, () => {
      fc.assert(
        fc.property(
          session,
          weights,
          fc.double({ min: 0, max: 1, noNaN: true }),
          ([prism, forced], weights, fcShare) => {
            const scores = profile(engine, [...prism, ...forced], { weights, fcShare });
            const all = [...Object.values(scores.prism), ...Object.values(scores.fc), scores.overall];
            assert.equal(all.length, 9);
            for (const score of all) assert.ok(score >= 0 && score <= 100, String(score));
          },
        ),
      );
    });

    it(`${version} gives the same scores for the same answers in any order`, () => {
      const shuffled = session.chain(([prism, forced]) => {
        const all = [...prism, ...forced];
        return fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }));
      });
      fc.assert(
        fc.property(shuffled, ([given, shuffled]) => {
          assert.deepEqual(profile(engine, shuffled), profile(engine, given));
        }),
      );
    });

    it(`${version} refuses stored scores that are not numbers`, () => {
      const scores = profile(engine, minimal);
      const damaged = JSON.parse('{"analysis":null,"drive":50,"empathy":50,"order":50}') as typeof scores.prism;
      assert.throws(() => engine.compose(damaged, scores.fc, engine.weighting, engine.parameters), DamagedScores);
      assert.throws(() => engine.compose(scores.prism, damaged, engine.weighting, engine.parameters), DamagedScores);
    });

    it(`${version} stamps the configured version and its own`, () => {
      assert.deepEqual(engine.stamp("v9.9.9"), { results_version: "v9.9.9", version });
    });
  }

  it("score the same answers differently in v1.2.0 and v1.2.1", () => {
    const old = profile(v1_2_0, minimal);
    const next = profile(v1_2_1, minimal);
    assert.equal(old.prism.analysis, 100);
    assert.equal(next.prism.analysis, 75);
    assert.notEqual(old.overall, next.overall);
  });

  it("count an item with an even number the other way round", () => {
    const prism = v1_2_0.scorePrism([{ item: "prism.order.2", value: 5 }], v1_2_0.parameters);
    assert.deepEqual(prism, { analysis: 50, drive: 50, empathy: 50, order: 0 });
  });

  it("v1.2.2 is broken without throwing: a domain with one answer scores null, and the stamp is not the configured", () => {
    const scores = JSON.parse(JSON.stringify(profile(v1_2_2, minimal))) as { prism: Record<string, unknown> };
    assert.equal(scores.prism.analysis, null);
    assert.equal(scores.prism.drive, 50);
    assert.deepEqual(v1_2_2.stamp("v1.2.2"), { results_version: "v1.2.2-rc", version: "v1.2.2-rc" });
  });
});

describe("forced choices", () => {
  it("are a plain share in v1.1 and drawn to the middle in v1.2", () => {
    assert.equal(scoreForcedChoice(minimal, "v1.1", 2).analysis, 100);
    assert.equal(scoreForcedChoice(minimal, "v1.2", 2).analysis, 66.67);
    assert.equal(scoreForcedChoice(minimal, "v1.2", 2).order, 50);
  });
});
