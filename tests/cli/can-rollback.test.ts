import assert from "node:assert/strict";
import { assessAll, resultOf } from "../../cli/can-rollback";
import type { CanRollback } from "../../cli/json/assessment";
import type { Advised } from "../../cli/look";
import type { Planning } from "../../cli/planning";
import { Refusal } from "../../cli/result";
import { planningOfFile } from "../../cli/rollback-plan";
import { readStack } from "../../cli/stack-file";
import type { Settings } from "../../release/parse";
import { redactor } from "../../release/redact";
import type { Check, Result } from "../../release/verdict";
import { deploy } from "./deployed";
import { freshCopies } from "./project";

const check = (name: string, result: Result, evidence = "as it is"): Check => ({
  name,
  result,
  evidence,
  milliseconds: 1,
  attempts: 1,
});
const sound: readonly Advised[] = [check("backup", "passed"), check("engine", "passed")];

describe("whether a stack can be rolled back", () => {
  const copy = freshCopies();
  const deployed = (release: string, result: "passed" | "failed" = "passed"): void => {
    deploy(copy(), release, { result, checks: [check("health", result)] });
  };
  const hold = (release: string): void => {
    readStack(copy().where).log.append({ kind: "hold", release, reason: "leaks" });
  };
  const planning = (): Planning => planningOfFile(readStack(copy().where));
  interface Given {
    readonly release?: string;
    readonly limit?: number;
    readonly common?: readonly Advised[];
    readonly checks?: (target: Settings) => Check[];
    readonly redact?: (text: string) => string;
  }
  const assessed = async (given: Given = {}) => {
    const { release, limit = 5, common = sound, redact = (text: string) => text } = given;
    const { checks = () => [check("image x", "passed")] } = given;
    const ask = (target: Settings) => Promise.resolve(target).then(checks);
    const asking = { planning: planning(), common, ask, redact, tell: () => undefined };
    const found = await assessAll(asking, { release, limit });
    const { code, text, json } = resultOf(found);
    assert.equal(json, found);
    return { code, text, found };
  };
  const saidOf = ({ releases }: CanRollback) => releases.map(({ release, can }) => [release, can]);

  it("G2 · asks about every known-good release but the one that was applied last, the newest first", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const pins: string[] = [];
    const { code, text, found } = await assessed({
      checks: ({ pinned }) => {
        pins.push(pinned.release);
        return [check("image x", "passed")];
      },
    });
    assert.equal(code, 0, text);
    assert.deepEqual(saidOf(found), [
      ["v1.2.0", true],
      ["v1.1.0", true],
    ]);
    assert.deepEqual(pins, ["v1.2.0", "v1.1.0"], "each is asked of the stack as it would be pinned");
    assert.deepEqual([found.next, found.applied, found.asked], ["rewind rollback v1.2.0", "v1.2.1", null]);
    assert.match(text, /v1\.2\.0 {2}yes {2}3 checks passed {2}→ rewind rollback v1\.2\.0/);
    assert.match(text, /2 of 2 known-good releases can be rolled back to/);
  });

  it("offers a release whose image only the Docker host has, and says so", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const evidence = "the registry does not answer; the Docker host has the image (connection refused)";
    const { code, text, found } = await assessed({
      checks: () => [{ ...check("image x", "passed", evidence), warning: true }, check("hold v1.2.0", "passed")],
    });
    assert.equal(code, 0, text);
    assert.deepEqual(saidOf(found), [["v1.2.0", true]]);
    assert.deepEqual(found.releases[0]?.warnings, [`image x: ${evidence}`]);
    assert.ok(text.includes(`Warning: image x: ${evidence}`), text);
  });

  it("asks about no more than the limit, and says how many were left out", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { found, text } = await assessed({ limit: 1 });
    assert.deepEqual([saidOf(found), found.older], [[["v1.2.0", true]], 1]);
    assert.match(text, /1 older not asked about: --limit 2/);
    await assert.rejects(assessed({ limit: 0 }), Refusal);
  });

  it("G2 · one release that can be rolled back to is enough, and it is the next command", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, text, found } = await assessed({
      checks: ({ pinned }) => [check("image x", pinned.release === "v1.2.0" ? "failed" : "passed", "not there")],
    });
    assert.equal(code, 0);
    assert.equal(found.next, "rewind rollback v1.1.0");
    assert.match(text, /v1\.2\.0 {2}no {3}image x: not there {2}→ rewind can-rollback v1\.2\.0, when image x is well/);
    assert.equal((await assessed({ release: "v1.2.0", checks: () => [check("image x", "failed")] })).code, 11);
  });

  for (const [result, code] of [
    ["failed", 11],
    ["inconclusive", 12],
    ["error", 13],
  ] as const) {
    it(`exits ${code} when a check of the only release is ${result}, with the check as the reason`, async () => {
      deployed("v1.2.0");
      deployed("v1.2.1");
      const said = await assessed({ checks: () => [check("rows limits", result, "changed by hand")] });
      assert.equal(said.code, code);
      assert.equal(said.found.releases[0]?.reason, "rows limits: changed by hand");
      assert.match(said.found.next, /^rewind diff --live/);
    });
  }

  it("L8 · where nothing could be asked, the answer is inconclusive, however well the engine is", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, found } = await assessed({ checks: () => [] });
    assert.deepEqual([code, found.releases[0]?.reason], [12, "nothing was measured"]);
  });

  it("G2 · what refuses a rollback exits 10 with its own next command, and is told beside the checks", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    hold("v1.2.0");
    const { code, text, found } = await assessed({ release: "v1.2.0" });
    assert.equal(code, 10);
    assert.match(found.next, /^rewind unhold v1\.2\.0/);
    assert.equal(found.releases[0]?.reason, "v1.2.0 is on hold: leaks");
    assert.match(text, /v1\.2\.0 cannot be rolled back to/);
    assert.equal((await assessed({ release: "v7.0.0" })).code, 10);
    assert.equal((await assessed({ release: "v1.2.1" })).code, 10, "it is what runs");
  });

  it("a held release is not known to be good, and without another one nothing is promised", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    hold("v1.2.0");
    const { code, text, found } = await assessed();
    assert.deepEqual([code, found.can, found.releases], [12, false, []]);
    assert.match(text, /No other release is known to be good on this stack/);
    assert.match(text, /Next: rewind can-rollback <release>/);
  });

  it("a named release that never passed here can be rolled back to, with that warning", async () => {
    deployed("v1.2.1");
    const { code, text, found } = await assessed({ release: "v1.2.0" });
    assert.deepEqual([code, found.releases[0]?.knownGood], [0, null]);
    assert.match(text, /Warning: v1\.2\.0 never passed verification on this stack/);
  });

  it("a missing backup speaks against nothing, and a corrupt one against every release", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const missing = await assessed({ common: [check("backup", "inconclusive", "none yet")] });
    assert.equal(missing.code, 0, missing.text);
    assert.match(missing.text, /\? inconclusive backup/);
    const corrupt = await assessed({ common: [{ ...check("backup", "failed", "is corrupt"), next: "mv it" }] });
    assert.deepEqual([corrupt.code, corrupt.found.next], [17, "mv it"]);
    assert.match(corrupt.text, /Whatever the release:\n.*backup.*is corrupt\n.*backup: mv it/);
  });

  it("what cannot even be asked is a check that broke, and no value of a secret is in it", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, text, found } = await assessed({
      redact: redactor({ token: "hunter2-hunter2" }),
      checks: () => {
        throw new Error("the rehearsal's log at hunter2-hunter2 is none");
      },
    });
    assert.equal(code, 13);
    assert.match(
      found.releases[0]?.reason ?? "",
      /^what the first gate asks: the rehearsal's log at \[secret\] is none/,
    );
    assert.ok(!`${text}${JSON.stringify(found)}`.includes("hunter2"));
  });
});
