import assert from "node:assert/strict";
import { escalationsOf, type EscalationFacts } from "../../release/escalation";
import type { Check } from "../../release/verdict";

const failed = (name: string): Check => ({
  name,
  result: "failed",
  evidence: `${name} was asked`,
  milliseconds: 1,
  attempts: 3,
});
const ask = { to: "services/api", path: "/", expect: { status: 200 } } as const;
const definitions: EscalationFacts["definitions"] = {
  quick: { kind: "http", ...ask, expect: { status: 200, within: "200ms" } },
  session: { kind: "journey", steps: [ask, { ...ask, to: "functions/finalizeAssessment" }] },
  health: { kind: "http", ...ask },
};
const nothing: EscalationFacts = { checks: [], definitions, broken: {}, objectives: undefined, parts: {} };
const fired = (facts: Partial<EscalationFacts>) =>
  escalationsOf({ ...nothing, ...facts }).map(({ trigger }) => trigger);

describe("the triggers of escalation", () => {
  it("S10 · fire when the rollback's SQL failed, by the engine's own word", () => {
    assert.deepEqual(fired({ broken: { config: "scoring_config could not be changed" } }), [
      "the rollback's SQL failed",
    ]);
    assert.deepEqual(fired({ broken: { schema: "migrations could not be changed" } }), ["the rollback's SQL failed"]);
    assert.deepEqual(fired({ broken: { services: "api could not be changed" } }), []);
  });

  it("S10 · fire when functions still fail afterwards, also inside a journey", () => {
    assert.deepEqual(fired({ checks: [failed("running functions/score_prism")] }), ["functions still fail afterwards"]);
    assert.deepEqual(fired({ checks: [failed("session")] }), ["functions still fail afterwards"]);
    assert.deepEqual(fired({ checks: [failed("health")] }), []);
  });

  it("S10 · fire when data is inconsistent, and when performance is still degraded", () => {
    assert.deepEqual(fired({ checks: [failed("rows scoring_config")] }), ["data is inconsistent"]);
    assert.deepEqual(fired({ checks: [failed("quick")] }), ["performance is still degraded"]);
  });

  it("S10 · name the first that failed, its evidence, and how many more", () => {
    const [escalation] = escalationsOf({ ...nothing, checks: [failed("rows a"), failed("rows b")] });
    assert.equal(escalation?.evidence, "rows a: rows a was asked (and 1 more)");
  });

  it("S9 · fire for each part that took longer than its objective, and for none without one", () => {
    const parts = { config: 120_001, functions: 1_000, backup: 9_000_000 };
    assert.deepEqual(fired({ parts }), ["the objective of config was missed"]);
    assert.deepEqual(fired({ parts, objectives: { backup: "1s", config: "1h" } }), [
      "the objective of backup was missed",
    ]);
  });

  it("do not fire for what passed", () => {
    const checks = [{ ...failed("rows scoring_config"), result: "passed" as const }];
    assert.deepEqual(fired({ checks, parts: { config: 1 } }), []);
  });
});
