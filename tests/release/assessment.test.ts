import assert from "node:assert/strict";
import fc from "fast-check";
import { adviceFor, fourQuestions, scopeOf, scopes } from "../../release/assessment";
import type { CheckDefinition } from "../../release/schema/verification";
import { results, type Check, type Result } from "../../release/verdict";

const check = (name: string, result: Result, trigger?: string): Check => ({
  name,
  result,
  evidence: "seen",
  milliseconds: 1,
  attempts: 3,
  ...(trigger === undefined ? {} : { trigger }),
});
const health: CheckDefinition = { kind: "http", to: "services/api", path: "/health", expect: { status: 200 } };
const tasks: CheckDefinition = { ...health, path: "/v1/tasks" };
const sql: CheckDefinition = { kind: "sql", query: "select 1", expect: { rows: [[1]] } };
const score: CheckDefinition = { ...health, to: "functions/score" };
const definitions = { health, tasks, configured: sql, score };
const scope = (...checks: Check[]) => scopeOf({ checks }, definitions);

describe("the scope of what broke", () => {
  it("G1 · is down where no service answers, and partial where one check of several fails", () => {
    assert.equal(scope(check("health", "failed"), check("tasks", "failed")), "down");
    assert.equal(scope(check("health", "passed"), check("tasks", "failed")), "partial");
    assert.equal(scope(check("running services/api", "failed"), check("health", "passed")), "down");
  });

  it("G1 · is the database where rows, migrations or a query are not as they should be", () => {
    for (const name of ["rows scoring_config", "migrations", "configured"]) {
      assert.equal(scope(check("health", "passed"), check(name, "failed")), "database", name);
    }
  });

  it("G1 · is security before all else: a policy, what viewers see, or a trigger that says so", () => {
    const all = [check("health", "failed"), check("tasks", "failed"), check("configured", "failed")];
    assert.equal(scope(...all, check("policy documents", "failed")), "security");
    assert.equal(scope(...all, check("score", "failed", "token gating bypassed")), "security");
    assert.equal(scope(...all, check("score", "failed", "any security control failing")), "security");
  });

  it("P2 · is nothing where nothing failed, also when a check broke or measured nothing", () => {
    assert.equal(scope(), "none");
    assert.equal(scope(check("score", "error"), check("configured", "inconclusive")), "none");
  });

  it("is never nothing where a check failed, and never something where all passed", () => {
    const any = fc.constantFrom(...Object.keys(definitions), "rows t", "policy b", "running services/api", "served x");
    const checks = fc.array(fc.tuple(any, fc.constantFrom(...results)).map(([name, result]) => check(name, result)));
    fc.assert(
      fc.property(checks, (all) => {
        assert.equal(scope(...all) === "none", !all.some(({ result }) => result === "failed"));
      }),
    );
  });
});

describe("the advice", () => {
  it("L2 · is more urgent the worse it is", () => {
    const minutes = scopes.map((each) => adviceFor(each).severity.minutes);
    assert.deepEqual(
      minutes,
      minutes.toSorted((a, b) => a - b),
    );
    assert.deepEqual([minutes[0], minutes.at(-1)], [2, 30]);
  });

  it("G1 · is fast for a service that is down, full for the database, a hotfix first for a part", () => {
    assert.deepEqual(
      scopes.map((each) => adviceFor(each).level),
      ["full", "fast", "full", undefined, undefined],
    );
  });
});

describe("the four questions", () => {
  const asked = (checks: Check[], minutes: number | undefined, hotfix?: boolean) =>
    fourQuestions({
      checks,
      production: true,
      last: minutes === undefined ? undefined : { release: "v2", milliseconds: minutes * 60_000 },
      hotfix,
    });

  it("G1 · are answered from what was measured, and what only a person knows stays open", () => {
    const answers = asked([check("health", "failed")], 12);
    assert.deepEqual(
      answers.map(({ answer }) => answer),
      [true, true, true, undefined],
    );
    assert.match(answers[1]?.because ?? "", /still so after 3 attempts/);
    assert.match(answers[2]?.because ?? "", /v2 was applied 12 min ago/);
    assert.equal(asked([], 12, true)[3]?.answer, false);
  });

  it("G1 · know that a deployment of days ago may have nothing to do with it", () => {
    assert.equal(asked([check("health", "failed")], 60 * 72)[2]?.answer, undefined);
    assert.equal(asked([], undefined)[2]?.answer, false);
  });
});
