import assert from "node:assert/strict";
import fc from "fast-check";
import { areaOf } from "../../release/areas";
import { criteriaOf } from "../../release/criteria";
import { areas } from "../../release/schema/common";
import type { CheckDefinition } from "../../release/schema/verification";
import { results, type Check, type Result } from "../../release/verdict";

const check = (name: string, result: Result = "passed"): Check => ({
  name,
  result,
  evidence: `${name} was asked`,
  milliseconds: 1,
  attempts: 1,
});
const ask = { to: "services/api", path: "/", expect: { status: 200 } } as const;
const definitions: Record<string, CheckDefinition> = {
  session: { kind: "journey", steps: [ask] },
  logs: { kind: "logs", of: "functions/score", without: "error" },
  version: { kind: "row", table: "scoring_config", key: "results_version" },
  health: { kind: "http", ...ask },
  quick: { kind: "http", ...ask, expect: { status: 200, within: "200ms" } },
  gate: { kind: "http", ...ask, trigger: "token gating bypassed" },
  "sign-in": { kind: "http", ...ask, area: "authentication" },
};
const well = ["rows scoring_config", "running functions/score", "session", "logs", "version"].map((name) =>
  check(name),
);
const met = (checks: readonly Check[], before: readonly Check[] | undefined = well) =>
  criteriaOf({ checks, definitions, before }).map((criterion) => criterion.met);

describe("the criteria of success", () => {
  it("S12 · are the row, the functions, the logs, a session, and everything that worked before", () => {
    assert.deepEqual(met(well), [true, true, true, true, true]);
    const broken = (name: string) => well.map((each) => (each.name === name ? check(name, "failed") : each));
    assert.deepEqual(met(broken("version")), [false, true, true, true, false]);
    assert.deepEqual(met(broken("running functions/score")), [true, false, true, true, false]);
    assert.deepEqual(met(broken("logs")), [true, true, false, true, false]);
    assert.deepEqual(met(broken("session")), [true, true, true, false, false]);
  });

  it("S12 · stay open where nothing measures them, and say what to declare", () => {
    const criteria = criteriaOf({ checks: [check("health")], definitions, before: undefined });
    assert.deepEqual(
      criteria.map((criterion) => criterion.met),
      [null, null, null, null, null],
    );
    assert.match(criteria[2]?.evidence ?? "", /kind logs/);
  });

  it("S12 · do not hold it against a release that a check failed before, too, or is not asked any more", () => {
    const before = [check("health"), check("gone"), check("session", "failed")];
    const [, , , , again] = criteriaOf({
      checks: [check("health"), check("session", "failed")],
      definitions,
      before,
    });
    assert.equal(again?.met, true);
    assert.match(again.evidence, /1 of before are not asked any more/);
  });

  it("S12 · are met only by checks that passed", () => {
    const some = fc.array(
      fc.record({ name: fc.constantFrom(...well.map(({ name }) => name)), result: fc.constantFrom(...results) }),
    );
    fc.assert(
      fc.property(some, (all) => {
        const checks = all.map(({ name, result }) => check(name, result));
        const criteria = criteriaOf({ checks, definitions, before: checks });
        if (criteria.every((criterion) => criterion.met === true)) {
          assert.ok(checks.every(({ result }) => result === "passed"));
        }
        const [row] = criteria;
        const ofRow = checks.filter(({ name }) => name === "version" || name.startsWith("rows "));
        assert.equal(row?.met, ofRow.length === 0 ? null : ofRow.every(({ result }) => result === "passed"));
      }),
    );
  });
});

describe("the checklist of a check", () => {
  it("G7 · is by what it asks: health, authentication, core features, data, performance", () => {
    const of = (name: string) => areaOf(check(name), definitions[name]);
    assert.equal(of("running services/api"), "health");
    assert.equal(of("health"), "health");
    assert.equal(of("policy documents"), "authentication");
    assert.equal(of("session"), "features");
    assert.equal(of("served frontend/web"), "features");
    assert.equal(of("rows scoring_config"), "data");
    assert.equal(of("migrations"), "data");
    assert.equal(of("version"), "data");
    assert.equal(of("quick"), "performance");
    assert.equal(of("logs"), "health");
  });

  it("G7 · is the one that the stack says, and a trigger of security is one of authentication", () => {
    assert.equal(areaOf(check("sign-in"), definitions["sign-in"]), "authentication");
    assert.equal(areaOf({ name: "gate", trigger: "token gating bypassed" }, definitions.gate), "authentication");
    for (const area of areas) {
      assert.equal(areaOf(check("any"), { kind: "http", ...ask, area }), area);
    }
  });
});
