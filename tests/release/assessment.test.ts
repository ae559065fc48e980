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

  it("G1 · goes by the services alone to say that it is down, and by those that answered nothing, too", () => {
    assert.equal(scope(check("health", "failed"), check("configured", "passed")), "down");
    assert.equal(scope(check("running services/api", "error"), check("served x", "failed")), "down");
    assert.equal(scope(check("health", "error"), check("tasks", "inconclusive")), "none");
    for (const name of ["served x", "score", "running functions/score"]) {
      assert.equal(scope(check(name, "failed")), "partial", name);
    }
  });

  it("G1 · is told by the kind of a check that the stack declares, and by the name of Rewind's own alone", () => {
    const declared = (kind: string, name = "x") =>
      scopeOf({ checks: [check(name, "failed")] }, { [name]: { kind, to: "functions/score" } as CheckDefinition });
    for (const kind of ["policy", "visibility", "signed-url"]) assert.equal(declared(kind), "security", kind);
    for (const kind of ["sql", "row", "stamps"]) assert.equal(declared(kind), "database", kind);
    for (const name of ["policy x", "rows x"]) assert.equal(declared("http", name), "partial", name);
    const own = (name: string) => scope(check("health", "passed"), check(name, "failed"));
    for (const name of ["policy x", "access x", "cors x", "signed URL x", "public access x"]) {
      assert.equal(own(name), "security", name);
    }
    for (const name of ["rows x", "row x", "migrations", "database x"]) assert.equal(own(name), "database", name);
    for (const name of ["a policy x", "policy", "the rows x", "migrations x", "toString"]) {
      assert.equal(own(name), "partial", name);
    }
  });

  it("G1 · is security by each word of a trigger that says so, and by no part of another word", () => {
    const saying = (trigger?: string) => scope(check("health", "passed"), check("score", "failed", trigger));
    for (const word of ["Security", "gating", "bypass", "bypassed", "leak", "leaked"]) {
      assert.equal(saying(`a ${word}!`), "security", word);
    }
    for (const trigger of [undefined, "", "insecurity", "leaking", "slow"]) assert.equal(saying(trigger), "partial");
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

  it("L2 · says how bad each scope is, by when somebody should have responded, and what is to be done", () => {
    assert.deepEqual(
      scopes.map((each) => [each, adviceFor(each)]),
      [
        [
          "security",
          {
            severity: { name: "critical", minutes: 2 },
            level: "full",
            what: "roll back at once: a security control fails",
          },
        ],
        [
          "down",
          {
            severity: { name: "high", minutes: 5 },
            level: "fast",
            what: "roll back fast: the service does not answer",
          },
        ],
        [
          "database",
          {
            severity: { name: "high", minutes: 5 },
            level: "full",
            what: "roll back fully: what is in the database is not what is pinned",
          },
        ],
        [
          "partial",
          {
            severity: { name: "medium", minutes: 15 },
            level: undefined,
            what: "consider a hotfix first: a part is broken, the rest works",
          },
        ],
        [
          "none",
          {
            severity: { name: "low", minutes: 30 },
            level: undefined,
            what: "do not roll back for what was measured: every check passes",
          },
        ],
      ],
    );
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

  const facts = { checks: [], production: true, last: undefined, hotfix: undefined };
  const saying = (given: Partial<Parameters<typeof fourQuestions>[0]>) =>
    fourQuestions({ ...facts, ...given }).map(({ answer, because }) => [answer, because]);

  it("G1 · are these, in this order", () => {
    assert.deepEqual(
      fourQuestions(facts).map(({ question }) => question),
      [
        "Does it hurt the users of production?",
        "Is it more than a disturbance of the network that passes?",
        "Did it begin after a deployment?",
        "Is a hotfix out of reach within 15 minutes?",
      ],
    );
  });

  it("G1 · say of each answer what it rests on", () => {
    assert.deepEqual(saying({ checks: [check("health", "passed")] }), [
      [false, "no check fails"],
      [false, "no check fails"],
      [false, "nothing was deployed yet"],
      [undefined, "only a person knows: --hotfix yes or --hotfix no"],
    ]);
    const checks = [check("health", "failed"), check("tasks", "passed"), { ...check("rows", "failed"), attempts: 1 }];
    const last = { release: "v2", milliseconds: 60_000 };
    assert.deepEqual(saying({ checks, last, hotfix: false, production: false }), [
      [false, "health, rows; the stack is not production"],
      [true, "still so after 3 attempts"],
      [true, "v2 was applied 1 min ago"],
      [true, "said by the person who asks"],
    ]);
    const [once] = checks.slice(2);
    assert.deepEqual(saying({ checks: [once!], hotfix: true }), [
      [true, "rows"],
      [true, "still so after 1 attempt"],
      [false, "nothing was deployed yet"],
      [false, "said by the person who asks"],
    ]);
  });

  it("G1 · name at most five checks", () => {
    const checks = Array.from({ length: 7 }, (_, at) => check(`c${at}`, "failed"));
    assert.deepEqual(saying({ checks })[0], [true, "c0, c1, c2, c3, c4"]);
  });

  it("G1 · tell how long ago a deployment was in minutes, hours or days, and count one of a day ago no more", () => {
    const minute = 60_000;
    for (const [minutes, answer, ago] of [
      [119, true, "119 min"],
      [120, true, "2 h"],
      [24 * 60 - 1, true, "24 h"],
      [24 * 60, undefined, "24 h"],
      [47 * 60, undefined, "47 h"],
      [48 * 60, undefined, "2 days"],
      [24 * 60 * 9, undefined, "9 days"],
    ] as const) {
      const last = { release: "v2", milliseconds: minutes * minute };
      assert.deepEqual(saying({ last })[2], [answer, `v2 was applied ${ago} ago`]);
    }
  });

  it("G1 · know that a deployment of days ago may have nothing to do with it", () => {
    assert.equal(asked([check("health", "failed")], 60 * 72)[2]?.answer, undefined);
    assert.equal(asked([], undefined)[2]?.answer, false);
  });
});
