import assert from "node:assert/strict";
import { describeError, runProbes, type Measurement, type Probe } from "../../checks/probe";
import { redactor } from "../../release/redact";

const passed: Measurement = { result: "passed", evidence: "there" };
const failed: Measurement = { result: "failed", evidence: "not there" };
const quick = { timeout: "100ms", deadline: "300ms" };

function probe(ask: Probe["ask"], more: Partial<Probe> = {}): Probe {
  return { name: "probe", ask, ...more };
}

const never = () => new Promise<Measurement>(() => undefined);

describe("a probe", () => {
  it("that passes is asked once", async () => {
    const [check] = await runProbes([probe(() => Promise.resolve(passed))], quick);
    assert.ok(check !== undefined);
    const { milliseconds, ...told } = check;
    assert.deepEqual(told, { name: "probe", ...passed, attempts: 1 });
    assert.ok(milliseconds < 1_000);
  });

  it("names its trigger when it does not pass, and only then", async () => {
    const trigger = "token gating bypassed";
    const answers = [passed, failed, { ...passed, result: "inconclusive" as const }];
    const probes = answers.map((answer) => probe(() => Promise.resolve(answer), { trigger, deadline: "1ms" }));
    const checks = await runProbes([...probes, probe(() => Promise.reject(new Error("bang")), { trigger })], quick);
    assert.deepEqual(
      checks.map((check) => check.trigger),
      [undefined, trigger, trigger, trigger],
    );
    assert.ok(!Object.hasOwn(checks[0]!, "trigger"));
    const [check] = await runProbes([probe(() => Promise.resolve(failed), { deadline: "1ms" })], quick);
    assert.ok(!Object.hasOwn(check!, "trigger"));
  });

  it("that comes last is asked when every other has its answer, and its check keeps its place", async () => {
    let answered = 0;
    const slow = probe(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      answered += 1;
      return passed;
    });
    const last = probe(() => Promise.resolve(answered === 2 ? passed : failed), {
      last: true,
      name: "logs",
      factual: true,
    });
    const checks = await runProbes([slow, last, slow], quick);
    assert.deepEqual(
      checks.map(({ name, result }) => [name, result]),
      [
        ["probe", "passed"],
        ["logs", "passed"],
        ["probe", "passed"],
      ],
    );
  });

  it("that fails is asked again until it passes", async () => {
    let asked = 0;
    const ask = () => Promise.resolve((asked += 1) < 3 ? failed : passed);
    const [check] = await runProbes([probe(ask)], { timeout: "1s", deadline: "5s" });
    assert.equal(check?.result, "passed");
    assert.equal(check.attempts, 3);
    assert.equal(asked, 3);
  });

  it("that never passes is asked until its deadline, with pauses that double, and then has failed", async () => {
    let asked = 0;
    const ask = () => Promise.resolve({ ...failed, evidence: `not there, ${(asked += 1)}` });
    const [check] = await runProbes([probe(ask, { deadline: "800ms" })], quick);
    assert.equal(check?.result, "failed");
    assert.equal(check.evidence, `not there, ${check.attempts}`);
    // After 0, 50, 150, 350 and 750 ms; a pause that did not grow would make it sixteen.
    assert.ok(asked >= 2 && asked <= 5, String(asked));
    assert.ok(check.milliseconds <= 2_000);
  });

  it("whose failure is a fact is asked once when it failed, and again when it broke", async () => {
    const [fact] = await runProbes([probe(() => Promise.resolve(failed), { factual: true })], quick);
    assert.equal(fact?.attempts, 1);
    assert.equal(fact.result, "failed");
    let asked = 0;
    const breaking = () => ((asked += 1) < 2 ? Promise.reject(new Error("bang")) : Promise.resolve(failed));
    const [check] = await runProbes([probe(breaking, { factual: true })], { timeout: "1s", deadline: "5s" });
    assert.equal(check?.result, "failed");
    assert.equal(check.attempts, 2);
  });

  it("that throws, or rejects, is an error and not a crash", async () => {
    const throwing = probe(() => {
      throw new Error("bang");
    });
    const rejecting = probe(() => Promise.reject(new Error("bang", { cause: new Error("because") })));
    const checks = await runProbes([throwing, rejecting], { timeout: "100ms", deadline: "10ms" });
    assert.deepEqual(
      checks.map(({ result, evidence }) => [result, evidence]),
      [
        ["error", "bang"],
        ["error", "bang: because"],
      ],
    );
  });

  it("that does not answer ends at its timeout, even when it does not listen to its signal", async () => {
    const [check] = await runProbes([probe(never, { timeout: "50ms", deadline: "60ms" })], quick);
    assert.equal(check?.result, "error");
    assert.match(check.evidence, /^no answer within \d+ ms$/);
    assert.ok(check.milliseconds < 5_000);
  });

  it("is told by its signal when its time is over", async () => {
    let aborted = false;
    const ask = (signal: AbortSignal) => {
      signal.addEventListener("abort", () => (aborted = true));
      return never();
    };
    await runProbes([probe(ask, { timeout: "20ms", deadline: "25ms" })], quick);
    assert.equal(aborted, true);
  });

  it("is not waited for past its deadline, however long its timeout is", async () => {
    const [check] = await runProbes([probe(never, { timeout: "1h", deadline: "50ms" })], quick);
    assert.equal(check?.result, "error");
    assert.ok(check.milliseconds < 5_000);
  });

  it("that is unhurried has its whole timeout once, and its deadline says whether it is asked again", async () => {
    const passed = { result: "passed", evidence: "healthy" } as const;
    const slow = () =>
      new Promise<typeof passed>((resolve) =>
        setTimeout(() => {
          resolve(passed);
        }, 60),
      );
    const [late] = await runProbes([probe(slow, { timeout: "5s", deadline: "1ms", unhurried: true })], quick);
    assert.deepEqual([late?.result, late?.attempts], ["passed", 1]);
    const down = () => Promise.reject(new Error("connect ENOENT"));
    const [gone] = await runProbes([probe(down, { timeout: "5s", deadline: "1ms", unhurried: true })], quick);
    assert.deepEqual([gone?.result, gone?.attempts], ["error", 1]);
    let asked = 0;
    const thenNever = () => ((asked += 1) === 1 ? Promise.resolve({ ...passed, result: "failed" as const }) : never());
    const [cut] = await runProbes([probe(thenNever, { timeout: "1h", deadline: "150ms", unhurried: true })], quick);
    assert.deepEqual([cut?.result, cut?.attempts], ["failed", 2]);
  });

  it("keeps what it saw when the deadline cuts its next attempt short", async () => {
    let asked = 0;
    const ask = () => ((asked += 1) === 1 ? Promise.resolve({ result: "failed", evidence: "seen" } as const) : never());
    const [check] = await runProbes([probe(ask, { timeout: "1h", deadline: "150ms" })], quick);
    assert.deepEqual([check?.result, check?.evidence], ["failed", "seen"]);
    assert.ok(asked > 1);
  });

  it("has the secrets taken out of its evidence, those of an error too", async () => {
    const redact = redactor({ token: "s3cret token" });
    const leaking = [
      probe(() => Promise.resolve({ result: "passed", evidence: "sent s3cret token" })),
      probe(() => Promise.reject(new Error("bad header s3cret\n token")), { factual: true }),
      probe(() => Promise.reject(new Error(`${"x".repeat(493)}s3cret token`)), { factual: true }),
    ];
    const checks = await runProbes(leaking, quick, redact);
    for (const { evidence } of checks) assert.doesNotMatch(evidence, /s3cret/);
    assert.equal(checks[0]?.evidence, "sent [secret]");
  });

  it("does not keep others waiting: a few are asked at once, and answered in their order", async () => {
    const slow = (name: string) =>
      probe(() => new Promise((resolve) => setTimeout(resolve, 250, { result: "passed", evidence: name })), { name });
    const started = performance.now();
    const checks = await runProbes(["a", "b", "c", "d", "e"].map(slow), { timeout: "1s", deadline: "2s" });
    assert.ok(performance.now() - started < 1_000);
    assert.deepEqual(
      checks.map(({ name }) => name),
      ["a", "b", "c", "d", "e"],
    );
  });

  it("is one of a thousand: a few dozen are asked at a time, and all are answered in their order", async () => {
    let [asking, most] = [0, 0];
    const ask = async (): Promise<Measurement> => {
      most = Math.max(most, (asking += 1));
      await new Promise((resolve) => setImmediate(resolve));
      asking -= 1;
      return passed;
    };
    const names = Array.from({ length: 1_000 }, (_, at) => `probe ${at}`);
    const checks = await runProbes(
      names.map((name) => ({ name, ask })),
      quick,
    );
    assert.deepEqual(
      checks.map(({ name, result }) => [name, result]),
      names.map((name) => [name, "passed"]),
    );
    assert.equal(most, 32);
  });

  it("that nobody asks gives no check", async () => {
    assert.deepEqual(await runProbes([]), []);
  });
});

describe("an error in one line", () => {
  it("tells the reason that is hidden in its cause", () => {
    const refused = Object.assign(new Error(""), { code: "ECONNREFUSED" });
    assert.equal(describeError(new TypeError("fetch failed", { cause: refused })), "fetch failed: ECONNREFUSED");
    assert.equal(describeError(new AggregateError([new Error("first"), new Error("second")])), "AggregateError: first");
  });

  it("is one line of at most five hundred characters", () => {
    assert.equal(describeError(new Error("a\n  b\tc")), "a b c");
    assert.equal(describeError(new Error("x".repeat(10_000))).length, 500);
  });
});
