import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { defaultTarget, obstaclesTo, planRollback, running, warningsOf, type Planning } from "../../cli/planning";
import { Refusal } from "../../cli/result";
import { planningOfFile } from "../../cli/rollback-plan";
import { readStack } from "../../cli/stack-file";
import type { Draft } from "../../records/log";
import type { Check } from "../../release/verdict";
import { deploy, intend, rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

const failed: Check = { name: "health", result: "failed", evidence: "503", milliseconds: 1, attempts: 1 };
const nobody = { host: hostname(), pid: 1, began: "1" };

describe("the plan of a rollback", () => {
  const copy = freshCopies();
  const append = (draft: Draft) => readStack(copy().where).log.append(draft);
  const planning = (): Planning => planningOfFile(readStack(copy().where));
  const deployAll = (...releases: readonly string[]): void => {
    for (const release of releases) deploy(copy(), release);
  };
  /** Takes a release out of the catalogue. */
  const withoutRelease = (release: string): Planning => {
    const { settings, ...rest } = planning();
    return { ...rest, settings: { ...settings, catalogue: settings.catalogue.filter((each) => each !== release) } };
  };
  const refused = (plan: () => unknown): readonly [string, string, string] => {
    try {
      plan();
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      return [error.message, error.next, error.kind];
    }
    return assert.fail("it was planned");
  };
  const reasons = (...args: Parameters<typeof obstaclesTo>) => obstaclesTo(...args).map(({ reason }) => reason);

  it("S8 · is from what runs to the known-good release that passed last, and undoes what was applied last", () => {
    deployAll("v1.1.0", "v1.2.0", "v1.2.1");
    const now = planning();
    const { plan, text, last } = planRollback(now, undefined, "full");
    assert.deepEqual(
      [plan.stack, plan.from.release, plan.to.release, plan.level],
      ["staging", "v1.2.1", "v1.2.0", "full"],
    );
    const intents = now.entries.filter(({ kind }) => kind === "intent");
    assert.deepEqual([plan.undoes, last], [intents.at(-1)?.id, now.entries.at(-1)?.id]);
    assert.deepEqual([text, plan.warnings, plan.estimate], [copy().text(), [], { milliseconds: 60_000, runs: 3 }]);
    assert.equal(planRollback(now, "v1.1.0", "full").plan.to.release, "v1.1.0");
  });

  it("keeps the database where it is when it is fast", () => {
    deployAll("v1.2.0", "v1.2.1");
    const { plan } = planRollback(planning(), undefined, "fast");
    assert.ok(plan.changes.length > 0 && plan.changes.every(({ facet }) => facet !== "config" && facet !== "schema"));
    assert.ok(Object.values(plan.to.pins).every((release) => release === "v1.2.1"));
    const whole = planRollback(planning(), undefined, "full").plan;
    assert.ok(whole.changes.some(({ facet }) => facet === "config"));
    assert.deepEqual(whole.to.pins, {});
  });

  it("leaves where it is what somebody skips", () => {
    deployAll("v1.2.0", "v1.2.1");
    const skipped = { functions: "v1.2.1" };
    for (const level of ["fast", "full"] as const) {
      const { plan } = planRollback(planning(), "v1.2.0", level, { skipped });
      assert.equal(plan.to.pins.functions, "v1.2.1");
      assert.ok(plan.changes.every(({ facet }) => facet !== "functions"));
    }
  });

  it("S9 · takes as long as such runs took here", () => {
    deployAll("v1.2.0", "v1.2.1");
    const { id } = append(rollbackBegun("v1.2.0", nobody));
    append({ kind: "rollback-end", of: id, result: "passed", milliseconds: 7_000, parts: {} });
    assert.deepEqual(planRollback(planning(), "v1.2.0", "full").plan.estimate, { milliseconds: 7_000, runs: 1 });
    const fast = planRollback(planning(), "v1.2.0", "fast").plan.estimate;
    assert.deepEqual(fast, { milliseconds: 60_000, runs: 2 }, "as the updates did, for none was fast");
  });

  it("G2 · is from the stack file where nothing was applied yet, and then has no target of its own", () => {
    const now = planning();
    assert.equal(running(now), now.settings);
    assert.deepEqual(
      refused(() => planRollback(now, undefined, "full")),
      [
        "no other release is known to be good on this stack",
        "rewind rollback <release>, one of rewind release list",
        "refused",
      ],
    );
    const { plan } = planRollback(now, "v1.2.0", "full");
    assert.deepEqual([plan.from.release, plan.undoes], ["v1.2.1", undefined]);
    assert.deepEqual(plan.warnings, [
      "v1.2.0 never passed verification on this stack; a release that did is the safer way: rewind known-good",
    ]);
  });

  it("G2 · has no target where the only good release is what runs, or is not in the catalogue any more", () => {
    deployAll("v1.2.0");
    assert.match(refused(() => defaultTarget(planning()))[0], /; v1\.2\.0 was applied last$/);
    deployAll("v1.2.1");
    assert.equal(defaultTarget(planning()), "v1.2.0");
    assert.match(refused(() => defaultTarget(withoutRelease("v1.2.0")))[0], /; v1\.2\.1 was applied last$/);
  });

  it("is refused for a release that the catalogue has not, which it names up to twenty", () => {
    const { settings, ...rest } = planning();
    assert.deepEqual(obstaclesTo({ ...rest, settings }, "v9"), [
      {
        reason: `no release v9; the catalogue has ${settings.catalogue.join(", ")}`,
        next: "rewind rollback <release>",
      },
    ]);
    const catalogue = Array.from({ length: 21 }, (_, at) => `r${at}`);
    const of = (all: readonly string[]) => reasons({ ...rest, settings: { ...settings, catalogue: [...all] } }, "v9");
    assert.deepEqual(of(catalogue), ["no release v9; the catalogue has 21 others"]);
    assert.match(of(catalogue.slice(1))[0] ?? "", /has r1, r2, .*, r20$/);
  });

  it("waits for another rollback that has not come to its end, and not for its own", () => {
    deployAll("v1.2.0", "v1.2.1");
    const { id, by, at } = append(rollbackBegun("v1.1.0", nobody));
    assert.deepEqual(
      refused(() => planRollback(planning(), "v1.2.0", "full")),
      [
        `a rollback to v1.1.0 by ${by} of ${at} has not come to its end`,
        "rewind resume, or rewind abort; while it still works, wait",
        "locked",
      ],
    );
    assert.deepEqual(obstaclesTo(planning(), "v1.2.0", "full", { own: id }), []);
  });

  it("is refused for what is on hold, itself or what is pinned apart from it, and says how many more obstacles there are", () => {
    deployAll("v1.2.0", "v1.2.1");
    append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    assert.deepEqual(obstaclesTo(planning(), "v1.2.0"), [
      { reason: "v1.2.0 is on hold: leaks", next: 'rewind unhold v1.2.0 --reason "…"' },
    ]);
    append({ kind: "hold", release: "v1.2.1", reason: "slow" });
    assert.deepEqual(obstaclesTo(planning(), "v1.2.0", "fast"), [
      { reason: "v1.2.0 is on hold: leaks", next: 'rewind unhold v1.2.0 --reason "…"' },
      { reason: "v1.2.1 is on hold: slow", next: "rewind rollback v1.2.0" },
    ]);
    const [reason] = refused(() => planRollback(planning(), "v1.2.0", "fast"));
    assert.equal(reason, "v1.2.0 is on hold: leaks (and 1 more: rewind why-not v1.2.0)");
  });

  it("is refused for a release whose record is not what was applied", () => {
    deployAll("v1.2.0", "v1.2.1");
    writeFileSync(copy().file, copy().text().replace("value: v1.2.0 }", "value: v1.2.9 }"));
    const [found] = obstaclesTo(planning(), "v1.2.0");
    assert.deepEqual([found?.kind, found?.next], ["tampered", "rewind release show v1.2.0"]);
  });

  it("is not required where the release is what runs and passed, and is where it failed or was interrupted", () => {
    deployAll("v1.2.1");
    assert.deepEqual(obstaclesTo(planning(), "v1.2.1"), [
      { reason: "rollback not required: v1.2.1 is what runs", next: "rewind verify" },
    ]);
    assert.deepEqual(obstaclesTo(planning(), "v1.2.0"), []);
    deploy(copy(), "v1.2.1", { result: "failed", checks: [failed] });
    assert.deepEqual(obstaclesTo(planning(), "v1.2.1"), []);
    intend(copy(), "v1.2.1");
    assert.deepEqual(obstaclesTo(planning(), "v1.2.1"), []);
  });

  it("is told against the pin where what runs has left the catalogue, and then is not fast", () => {
    deployAll("v1.1.0", "v1.2.0");
    deployAll("v1.2.1");
    const gone = withoutRelease("v1.2.1");
    const pinned = gone.repinned("v1.1.0", {});
    const now = { ...gone, settings: { ...pinned, catalogue: gone.settings.catalogue } };
    assert.equal(running(now), now.settings);
    const { plan } = planRollback(now, "v1.2.0", "full");
    assert.equal(plan.from.release, "v1.1.0");
    assert.deepEqual(plan.warnings, [
      "v1.2.1, which runs, is not in the catalogue any more: changes are told against the pin",
    ]);
    assert.deepEqual(obstaclesTo(now, "v1.2.0", "fast")[0], {
      reason: "what runs (v1.2.1) is not in the catalogue any more, so its database cannot be kept",
      next: "rewind rollback v1.2.0",
    });
  });

  it("is refused where the stack cannot be pinned so, with the words of the rules, and breaks where that breaks", () => {
    deployAll("v1.2.0", "v1.2.1");
    const now = planning();
    const [found, ...others] = obstaclesTo(now, "v1.2.0", "full", { skipped: { "functions/none": "v1.2.1" } });
    assert.match(found?.reason ?? "", /functions\/none/);
    assert.deepEqual([found?.next, others], ["rewind release show v1.2.0", []]);
    assert.throws(() => planRollback(now, "v1.2.0", "full", { skipped: { "functions/none": "v1.2.1" } }), Refusal);
    const broken = new Error("the disk is gone");
    const breaking: Planning = {
      ...now,
      repinned: (release, pins) => {
        if (release === "v1.2.0") throw broken;
        return now.repinned(release, pins);
      },
    };
    assert.throws(() => obstaclesTo(breaking, "v1.2.0"), broken);
  });

  it("is refused as fast where the release has of the database what does not run", () => {
    deployAll("v1.2.0", "v1.2.1");
    const now = planning();
    const whole: Planning = { ...now, repinned: (release) => now.repinned(release, {}) };
    const found = obstaclesTo(whole, "v1.2.0", "fast");
    assert.match(found[0]?.reason ?? "", /^fast leaves the database alone, but v1\.2\.0 has config\//);
    assert.equal(found[0]?.next, "rewind rollback v1.2.0");
  });

  it("warns of what was edited since the last update and goes along", () => {
    deployAll("v1.2.0", "v1.2.1");
    const now = planning();
    const { settings } = now;
    const edited: Planning = {
      ...now,
      settings: { ...settings, toggles: { dark: true }, letGo: ["x"] as unknown as NonNullable<typeof settings.letGo> },
    };
    assert.deepEqual(planRollback(edited, "v1.2.0", "full").plan.warnings, [
      "the environment, the checks or letGo were edited since the last update, and go along",
      "toggles were laid over or given back since the last update, and go along",
    ]);
  });

  it("warns of a release that was broken when it ran here last, with what broke it", () => {
    deployAll("v1.2.0");
    deploy(copy(), "v1.2.0", { result: "failed", checks: [failed] });
    const { entries } = planning();
    const at = entries.filter(({ kind }) => kind === "intent").at(-1)?.at ?? "";
    assert.deepEqual(warningsOf(entries, "v1.2.0"), [
      `v1.2.0 itself was broken when it ran here last (${at}: health: 503); fix forward first, rather than go back to it`,
    ]);
    deploy(copy(), "v1.2.0", { result: "failed", checks: [] });
    assert.match(warningsOf(planning().entries, "v1.2.0")[0] ?? "", /: verification failed\); fix forward first/);
    deploy(copy(), "v1.2.0", { result: "failed", checks: [{ ...failed, evidence: "x".repeat(300) }] });
    assert.match(warningsOf(planning().entries, "v1.2.0")[0] ?? "", /: health: x{192}\); fix forward first/);
    deployAll("v1.2.0");
    assert.deepEqual(warningsOf(planning().entries, "v1.2.0"), []);
  });

  it("warns of a release that a rollback left before, with the reason where there was one", () => {
    deployAll("v1.2.0", "v1.2.1");
    const back = (reason?: string) => {
      const begun = append({ ...rollbackBegun("v1.2.0", nobody), ...(reason === undefined ? {} : { reason }) });
      append({ kind: "rollback-end", of: begun.id, result: "passed", milliseconds: 1, parts: {} });
      return begun.at;
    };
    const first = back();
    const left = `v1.2.1 was rolled back from at ${first}`;
    assert.deepEqual(warningsOf(planning().entries, "v1.2.1"), [`${left}; to go further back, name an older release`]);
    const second = back("slow");
    assert.deepEqual(warningsOf(planning().entries, "v1.2.1"), [
      `v1.2.1 was rolled back from at ${second} (slow); to go further back, name an older release`,
    ]);
    const { id } = append(rollbackBegun("v1.2.0", nobody));
    append({ kind: "rollback-end", of: id, result: "failed", milliseconds: 1, parts: {} });
    assert.match(warningsOf(planning().entries, "v1.2.1")[0] ?? "", /\(slow\)/);
    assert.deepEqual(warningsOf(planning().entries, "v1.2.0"), []);
  });

  it("is refused where what holds customer data would go", () => {
    deployAll("v1.2.0", "v1.2.1");
    const now = planning();
    const intent = now.entries.filter(({ kind }) => kind === "intent").at(-1);
    assert.ok(intent?.kind === "intent");
    const holds = [{ path: "storage/gone", name: "scoring-gone" }];
    const lost = { ...intent, snapshot: { ...intent.snapshot, holds } };
    const entries = now.entries.map((entry) => (entry === intent ? lost : entry));
    const found = obstaclesTo({ ...now, entries }, "v1.2.0");
    assert.match(found[0]?.reason ?? "", /^storage\/gone holds data \(scoring-gone\) and is gone from the environment/);
    assert.equal(found[0]?.next, "put it back in the stack file");
  });
});
