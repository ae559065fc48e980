import assert from "node:assert/strict";
import fc from "fast-check";
import { failures, judge, results, type Check } from "../../release/verdict";

const check: fc.Arbitrary<Check> = fc.record({
  name: fc.string(),
  result: fc.constantFrom(...results),
  evidence: fc.string(),
  milliseconds: fc.nat(),
  attempts: fc.nat(),
});

describe("a verdict", () => {
  it("is inconclusive when nothing was measured", () => {
    assert.deepEqual(judge([]), { result: "inconclusive", checks: [] });
  });

  it("is passed only when every check passed", () => {
    fc.assert(
      fc.property(fc.array(check, { minLength: 1 }), (checks) => {
        assert.equal(
          judge(checks).result === "passed",
          checks.every(({ result }) => result === "passed"),
        );
      }),
    );
  });

  it("is the worst of its checks, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(check, { minLength: 1 }), (checks) => {
        const { result } = judge(checks);
        assert.ok(checks.some((each) => each.result === result));
        for (const each of checks) assert.ok(results.indexOf(each.result) <= results.indexOf(result));
        assert.equal(judge([...checks].reverse()).result, result);
      }),
    );
  });

  it("never gets better by another check", () => {
    fc.assert(
      fc.property(fc.array(check, { minLength: 1 }), check, (checks, another) => {
        const [before, after] = [judge(checks), judge([...checks, another])];
        assert.ok(results.indexOf(after.result) >= results.indexOf(before.result));
      }),
    );
  });

  it("lists what did not pass, worst first, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(check), (checks) => {
        const listed = failures(judge(checks));
        assert.equal(listed.length, checks.filter(({ result }) => result !== "passed").length);
        const badness = listed.map(({ result }) => results.indexOf(result));
        assert.deepEqual(
          badness,
          [...badness].sort((a, b) => b - a),
        );
      }),
    );
  });
});
