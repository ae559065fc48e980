import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { HistoryLine, Status } from "../../cli/json/history";
import { reportFile, type RollbackReport } from "../../cli/rollback-report";
import type { Plan } from "../../release/plan";
import type { Check } from "../../release/verdict";
import { deployments, escalationsIn, holds, lastVerified, openRollback, rollbacks } from "../../records/state";
import { fixtureFor, stack as name, type Fixture, type Ran } from "./fixture";
import { killTree, treeOf } from "./process-tree";
import { configOf, edit, keepTheDatabase } from "./stack-edits";

describe("the operator's way back, on the real engine", function () {
  let stack: Fixture;
  let original = "";
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    // v1.2.2 is the one that fails, and nothing here needs what only a newer schema has.
    const query = `select count(*) from app.scoring_config where key = 'results_version' and value = '"v1.2.2"'`;
    edit(
      stack,
      ["rewind:verification/checks/not-the-broken-one", { kind: "sql", query, expect: { rows: [[0]] } }],
      ["rewind:releases/v1.2.0/schema", { migration: "0002_add_locale" }],
      ["rewind:verification/checks/listens", { kind: "logs", of: "functions/score_prism", without: "not_listening" }],
      ["rewind:verification/questions", { "sign-in": { area: "authentication", ask: "Can a person sign in?" } }],
    );
    stack.pin("v1.2.0");
    await stack.up();
    stack.pin("v1.2.1");
    await stack.up();
  });
  after(async () => {
    writeFileSync(stack.stackFile, original);
    await stack.empty();
  });

  const json = ({ stdout }: Ran): unknown => JSON.parse(stdout);
  const status = async (): Promise<Status> => json(await stack.rewind("status", "--json")) as Status;
  const row = async (): Promise<unknown> =>
    (await stack.query<{ value: unknown }>("select value from app.scoring_config where key = 'results_version'"))[0]
      ?.value;
  const lastRollback = () => rollbacks(stack.log()).at(-1)!;
  const pinned = (): unknown => configOf(stack)["rewind:release"];
  /** A rollback that loses its process, and all that it started, as soon as it says something. */
  const killedAt = async (said: string, ...args: string[]): Promise<Ran> => {
    const ran = await stack.rewindHeard(
      (text, pid) => {
        if (text.includes(said)) killTree(pid);
      },
      ...args,
    );
    assert.ok(ran.output.includes(said), ran.output);
    assert.notEqual(ran.code, 0, "it was killed");
    return ran;
  };

  it("G2 · without a target the rollback goes to the last known good, by the engine's plan and no other, and says how to undo it", async () => {
    const undone = deployments(stack.log()).at(-1)?.intent.id;
    const ran = await stack.rewind("rollback", "--yes", "--reason", "wrong stamps", "--json");
    assert.equal(ran.code, 0, ran.output);
    const said = json(ran) as { outcome: string; to: string; parts: Record<string, number>; plan: { undoes: string } };
    assert.deepEqual([said.outcome, said.to, said.plan.undoes], ["passed", "v1.2.0", undone]);
    assert.equal(await row(), "v1.2.0");
    const { begun, ended } = lastRollback();
    assert.deepEqual([begun.reason, begun.undoes, ended?.result], ["wrong stamps", undone, "passed"]);
    assert.equal(ended?.deployment, deployments(stack.log()).at(-1)?.intent.id);
    for (const part of ["backup", "config", "verification"]) assert.ok((said.parts[part] ?? -1) >= 0, part);
    const { deployments: lines } = json(await stack.rewind("history", "--json")) as { deployments: HistoryLine[] };
    assert.deepEqual([lines[0]?.undoes, lines[0]?.reason, lines[0]?.result], [undone, "wrong stamps", "passed"]);
    assert.equal((await status()).next, "rewind verify, which asks what runs");
  });

  it("S12 · its report says which criteria of success are met, for people, machines and as a document", async () => {
    const ran = await stack.rewind("report", "--json");
    assert.equal(ran.code, 0, ran.output);
    const report = json(ran) as RollbackReport;
    assert.equal(report.run, lastRollback().begun.id);
    assert.deepEqual(
      report.criteria.map(({ name, met }) => [name, met]),
      [
        ["The configuration rows are the pinned ones", true],
        ["Services and functions run the pinned images", true],
        ["No errors in the logs", true],
        ["A test session completes", null],
        ["Everything that worked before works again", true],
      ],
    );
    assert.deepEqual(report.escalations, []);
    const document = await stack.rewind("report", "--markdown");
    assert.match(document.stdout, /^# ROLLBACK SUCCESS: /);
    assert.match(document.stdout, /^\| Why \| wrong stamps \|$/m);
    assert.match(document.stdout, /^\| No errors in the logs \| yes \| listens passed \|$/m);
    const kept = readFileSync(reportFile(dirname(stack.logFile), name, report.run).replace(/json$/, "md"), "utf8");
    assert.equal(kept.trimEnd(), document.stdout.trimEnd());
    const none = await stack.rewind("report", "20200101T000000Z-00000000");
    assert.equal(none.code, 10, none.output);
  });

  it("G7 · the checklists hold every check and the questions that a person answers, and the answers are recorded", async () => {
    const open = await stack.rewind("checklist", "--json");
    assert.equal(open.code, 12, open.output);
    const { lists } = json(open) as { lists: { area: string; result: string; checks: Check[] }[] };
    const found = Object.fromEntries(lists.map(({ area, result }) => [area, result]));
    assert.deepEqual([found.health, found.data, found.authentication], ["passed", "passed", "inconclusive"]);
    const no = await stack.rewind("checklist", "--answer", "sign-in=no", "--note", "the page is empty");
    assert.equal(no.code, 11, no.output);
    assert.match(no.output, /✗ failed +sign-in .* Can a person sign in\? no, says /);
    const last = stack.log().at(-1);
    assert.ok(last?.kind === "answer");
    assert.deepEqual([last.question, last.yes, last.note], ["sign-in", false, "the page is empty"]);
    const yes = await stack.typed(["yes"], "checklist");
    assert.equal(yes.code, 0, yes.output);
    assert.match(yes.output, /Can a person sign in\? Type yes, no, skip, abort: /);
    const unknown = await stack.rewind("checklist", "--answer", "weather=yes");
    assert.equal(unknown.code, 10, unknown.output);
    assert.match(unknown.output, /the stack does not ask weather; it asks sign-in/);
  });

  it("S12 · a line in the logs that should not be there fails verification and is the evidence", async () => {
    edit(stack, ["rewind:verification/checks/listens/without", '"event":"listening"']);
    const { code, output } = await stack.rewind("verify");
    edit(stack, ["rewind:verification/checks/listens/without", "not_listening"]);
    assert.equal(code, 11, output);
    assert.match(output, /✗ failed +listens .* lines of functions\/score_prism: \{.*"event":"listening"/);
  });

  it("P1 · going back to what runs is refused as not required, and changes nothing", async () => {
    const entries = stack.log().length;
    const { code, output } = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(code, 10, output);
    assert.match(output, /rollback not required: v1\.2\.0 is what runs/);
    assert.equal(stack.log().length, entries);
  });

  it("preview shows what the engine would do, and leaves the pin where it is", async () => {
    const before = readFileSync(stack.stackFile, "utf8");
    const { code, output } = await stack.rewind("preview", "v1.2.1");
    assert.equal(code, 0, output);
    assert.match(output, /v1\.2\.0 → v1\.2\.1: .*\d+ update/);
    assert.equal(readFileSync(stack.stackFile, "utf8"), before);
  });

  it("L3 · an emergency stop refuses plain pulumi up, lets a rollback through, and is lifted by it once verified", async () => {
    assert.equal((await stack.rewind("stop", "--reason", "corrupt data")).code, 0);
    stack.pin("v1.2.1");
    const entries = stack.log().length;
    const refused = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /the stack was stopped by .*: corrupt data/);
    assert.equal(stack.log().length, entries);
    assert.equal(await row(), "v1.2.0");
    const { code, output } = await stack.rewind("rollback", "v1.2.1", "--yes");
    assert.equal(code, 0, output);
    assert.equal((await status()).stopped, null);
    assert.equal(await row(), "v1.2.1");
  });

  it("production asks for its own name, and a yes is none", async () => {
    const text = readFileSync(stack.stackFile, "utf8");
    edit(stack, ["rewind:environment/kind", "production"], ["rewind:environment/protect", false]);
    const { code, output } = await stack.typed("yes", "rollback", "v1.2.0");
    writeFileSync(stack.stackFile, text);
    assert.equal(code, 10, output);
    assert.match(output, new RegExp(`Type ${name}:`));
    assert.match(output, /Aborted; nothing was touched/);
  });

  it("a rollback killed before anything was touched is given up by abort: the stack file pins what it pinned", async () => {
    const before = readFileSync(stack.stackFile, "utf8");
    await killedAt("applying v1.2.0", "rollback", "v1.2.0", "--yes");
    assert.equal((await status()).rollback?.to, "v1.2.0");
    const another = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(another.code, 16, another.output);
    assert.match(another.output, /has not come to its end.*\n?.*rewind resume, or rewind abort/s);
    const { code, output } = await stack.rewind("abort", "--yes");
    assert.equal(code, 0, output);
    assert.match(output, /was interrupted, before anything was touched/);
    assert.equal(readFileSync(stack.stackFile, "utf8"), before);
    assert.equal(openRollback(stack.log()), undefined);
    assert.equal(await row(), "v1.2.1");
  });

  it("a rollback killed in the middle of the update goes on by resume, over the lock that the engine left", async () => {
    await killedAt("deployment log:", "rollback", "v1.2.0", "--yes");
    assert.match((await stack.rewind("status")).stdout, /Under way: +rollback to v1\.2\.0/);
    const { code, output } = await stack.rewind("resume", "--yes");
    assert.equal(code, 0, output);
    assert.match(output, /was interrupted, in the middle of the update/);
    assert.match(output, /ROLLBACK SUCCESS/);
    assert.equal(await row(), "v1.2.0");
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
    assert.equal(openRollback(stack.log()), undefined);
    assert.equal((await stack.rewind("resume", "--yes")).code, 10, "there is nothing to resume any more");
  });

  it("a rollback killed in the middle of the update goes back by abort, and what ran before is verified again", async () => {
    await killedAt("deployment log:", "rollback", "v1.2.1", "--yes");
    const { code, output } = await stack.rewind("abort", "--yes");
    assert.equal(code, 0, output);
    assert.equal(await row(), "v1.2.0");
    assert.equal(pinned(), "v1.2.0");
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
  });

  it("of two rollbacks at once one goes on, and the other is refused", async () => {
    const both = await Promise.all([1, 2].map(() => stack.rewind("rollback", "v1.2.1", "--yes")));
    assert.deepEqual(both.map(({ code }) => code).sort(), [0, 16], both.map(({ output }) => output).join("\n---\n"));
    assert.match(both.find(({ code }) => code === 16)?.output ?? "", /began first|has not come to its end|stale/);
    assert.equal(await row(), "v1.2.1");
    assert.equal(openRollback(stack.log()), undefined);
  });

  it("a release that fails and never passed is put on hold, and plain pulumi up refuses it until it is released", async () => {
    stack.pin("v1.2.2");
    const failed = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(failed.code, 0);
    assert.match(failed.output, /failed +not-the-broken-one/);
    assert.match(holds(stack.log()).get("v1.2.2")?.reason ?? "", /^verification failed: not-the-broken-one/);
    const again = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(again.code, 0);
    assert.match(again.output, /on hold: verification failed: not-the-broken-one.*rewind unhold v1\.2\.2/s);
    const waits = await stack.rewind("rollback", "--by-policy", "--yes");
    assert.equal(waits.code, 10, waits.output);
    assert.match(waits.output, /waits for a person when verification fails/);
    edit(stack, ["rewind:onFailure", "rollback"], ["rewind:approval", {}]);
    assert.equal((await stack.rewind("stop", "--reason", "evidence first")).code, 0);
    const stopped = await stack.rewind("rollback", "--by-policy", "--yes");
    assert.equal(stopped.code, 15, stopped.output);
    assert.equal((await stack.rewind("start", "--reason", "taken")).code, 0);
    const back = await stack.rewind("rollback", "--by-policy", "--yes");
    edit(stack, ["rewind:approval", undefined]);
    assert.equal(back.code, 0, back.output);
    assert.equal(await row(), "v1.2.1", "the last known good");
    assert.equal(lastRollback().begun.reason, "verification of v1.2.2 failed");
    const once = await stack.rewind("rollback", "--by-policy", "--yes");
    assert.equal(once.code, 10, once.output);
    assert.match(once.output, /nothing to go back from: v1\.2\.1 did not fail verification/);
    assert.equal((await stack.rewind("unhold", "v1.2.2", "--reason", "to see it fail")).code, 0);
  });

  it("by policy of the stack a rollback that fails goes back to the last known good by itself, once, the first error first", async () => {
    edit(stack, ["rewind:onFailure", "rollback"], ["rewind:objectives", { total: "1s" }]);
    const { code, output } = await stack.rewind("rollback", "v1.2.2", "--yes");
    edit(stack, ["rewind:onFailure", undefined], ["rewind:objectives", undefined]);
    assert.equal(code, 11, output);
    assert.match(output, /By policy of the stack: back to v1\.2\.1/);
    assert.match(output, /First error, because of which the stack went back:\n.*ROLLBACK FAILED/s);
    assert.equal(await row(), "v1.2.1");
    assert.equal(pinned(), "v1.2.1");
    assert.ok(holds(stack.log()).has("v1.2.2"));
    const [first, second] = rollbacks(stack.log()).slice(-2);
    assert.deepEqual([first?.ended?.result, second?.ended?.result], ["failed", "passed"]);
    assert.match(second?.begun.reason ?? "", /verification of v1\.2\.2 failed/);
  });

  it("S10 · escalation fires by itself: when the budget is used up, while it still works, and for what failed", () => {
    const [failed, back] = rollbacks(stack.log()).slice(-2);
    const fired = escalationsIn(stack.log(), failed?.begun.id ?? "");
    assert.deepEqual(
      fired.map(({ trigger }) => trigger),
      ["the objective of the whole was missed", "data is inconsistent"],
    );
    assert.match(fired[1]?.evidence ?? "", /^not-the-broken-one: /);
    const budget = stack.log().findIndex((entry) => entry.kind === "escalation" && entry.of === failed?.begun.id);
    const end = stack.log().findIndex((entry) => entry.kind === "intent" && entry.rollback === failed?.begun.id);
    assert.ok(budget >= 0 && budget < end, "the first fired before anything was touched");
    assert.ok(!escalationsIn(stack.log(), back?.begun.id ?? "").some(({ trigger }) => trigger.includes("data")));
  });

  it("asks for the agreement of somebody else where the stack wants it: not one's own, and not to another plan", async () => {
    edit(stack, ["rewind:approval", { validFor: "20m" }]);
    const alone = await stack.rewindAs("first", "rollback", "v1.2.0", "--yes");
    assert.equal(alone.code, 10, alone.output);
    assert.match(
      alone.output,
      /needs somebody else's agreement.*\n.*Next: somebody else: rewind approve v1\.2\.0 --level full/,
    );
    assert.equal((await stack.rewindAs("first", "approve", "v1.2.0", "--yes")).code, 0);
    const own = await stack.rewindAs("first", "rollback", "v1.2.0", "--yes");
    assert.equal(own.code, 10, own.output);
    assert.match(own.output, /approved this and cannot be the second person, too/);
    const other = await stack.rewindAs("second", "approve", "v1.2.0", "--yes");
    assert.equal(other.code, 0, other.output);
    assert.match(other.output, /Approved by second via /);
    const fast = await stack.rewindAs("first", "rollback", "v1.2.0", "--level", "fast", "--yes");
    assert.equal(fast.code, 10, "another plan");
    const done = await stack.rewindAs("first", "rollback", "v1.2.0", "--yes");
    edit(stack, ["rewind:approval", undefined]);
    assert.equal(done.code, 0, done.output);
    assert.equal(await row(), "v1.2.0");
  });

  it("a rollback never waits behind a preview, not even behind one that hangs", async () => {
    let preview: Promise<Ran> | undefined;
    const heard = new Promise<number[]>((resolve) => {
      preview = stack.rewindHeard(
        (text, pid) => {
          if (text.includes("Previewing")) resolve(treeOf(pid));
        },
        "preview",
        "v1.2.1",
      );
    });
    const hanging = await Promise.race([heard, preview!.then(({ output }): never => assert.fail(output))]);
    for (const each of hanging) process.kill(each, "SIGSTOP");
    try {
      const back = await stack.rewind("rollback", "v1.2.1", "--yes");
      assert.equal(back.code, 0, back.output);
      assert.equal(await row(), "v1.2.1");
    } finally {
      for (const each of hanging) process.kill(each, "SIGCONT");
    }
    await preview;
  });

  it("G5 · by hand every step asks: one is inspected and left where it is, a backup is made, and the rest is verified", async () => {
    const { changes } = json(await stack.rewind("plan", "v1.2.0", "--json")) as Plan;
    const answers = changes.flatMap(({ facet }, at) => [
      ...(at === 0 ? ["back up"] : []),
      ...(facet === "functions" ? ["inspect", "no"] : ["yes"]),
    ]);
    const { code, output } = await stack.typed([...answers, "yes"], "rollback", "v1.2.0", "--level", "manual");
    assert.equal(code, 0, output);
    assert.match(output, /Step 1 of \d+, risk \w+: \S+ changed\. Type yes, no, inspect, back up, abort:/);
    assert.match(output, /functions\/score_prism image: "/);
    assert.match(output, /Skipped: +functions\/score_prism/);
    assert.deepEqual(lastRollback().begun.skipped, ["functions/score_prism"]);
    assert.deepEqual(configOf(stack)["rewind:pins"], { "functions/score_prism": "v1.2.1" });
    assert.equal(await row(), "v1.2.0");
    const back = await stack.rewind("rollback", "v1.2.1", "--yes");
    assert.equal(back.code, 0, back.output);
  });

  it("G5 · by hand without a terminal is refused, and so is one who aborts in the middle", async () => {
    const entries = stack.log().length;
    const piped = await stack.rewind("rollback", "v1.2.0", "--level", "manual", "--yes");
    assert.equal(piped.code, 10, piped.output);
    assert.match(piped.output, /there is no terminal to ask on/);
    const aborted = await stack.typed(["yes", "abort"], "rollback", "v1.2.0", "--level", "manual");
    assert.equal(aborted.code, 10, aborted.output);
    assert.match(aborted.output, /aborted; nothing was touched/);
    assert.equal(stack.log().length, entries);
  });

  it("G1 · assess says what broke, how bad it is and where the way back leads, and changes nothing", async () => {
    const whole = await stack.rewind("assess", "--json");
    assert.equal(whole.code, 0, whole.output);
    assert.equal((json(whole) as { scope: string }).scope, "none");
    await stack.query("update app.scoring_config set value = '\"v0\"' where key = 'results_version'");
    const entries = stack.log().length;
    const { code, output } = await stack.rewind("assess", "--hotfix", "no");
    await stack.query("update app.scoring_config set value = '\"v1.2.1\"' where key = 'results_version'");
    assert.equal(code, 11, output);
    assert.match(output, /Assessment of \S+: database, high, respond within 5 min/);
    assert.match(output, /yes +Is a hotfix out of reach within 15 minutes\?/);
    assert.match(output, /Way back: v1\.2\.1 → v1\.2\.0, level full, \d+ changes, about /);
    assert.match(output, /Next: +rewind rollback v1\.2\.0 --level full/);
    assert.equal(stack.log().length, entries);
  });

  it("L12 · a drill goes there and back again, both verified and measured, and production is spared", async () => {
    const before = readFileSync(stack.stackFile, "utf8");
    const { code, output } = await stack.rewind("drill", "--yes");
    assert.equal(code, 0, output);
    assert.match(output, /DRILL PASSED: \S+ went to v1\.2\.0 and back to v1\.2\.1, verified/);
    const two = rollbacks(stack.log()).slice(-2);
    assert.deepEqual(
      two.map(({ begun, ended }) => [begun.to, begun.reason, ended?.result]),
      [
        ["v1.2.0", "drill, there", "passed"],
        ["v1.2.1", "drill, back", "passed"],
      ],
    );
    assert.equal(await row(), "v1.2.1");
    edit(stack, ["rewind:environment/kind", "production"], ["rewind:environment/protect", false]);
    const refused = await stack.rewind("drill", "--yes");
    writeFileSync(stack.stackFile, before);
    assert.equal(refused.code, 10, refused.output);
    assert.match(refused.output, /a drill is not for production/);
  });

  it("no secret stands in what the rollbacks said or recorded", async () => {
    const texts = [JSON.stringify(stack.log()), (await stack.rewind("history", "--json")).output];
    for (const secret of await stack.secrets()) assert.ok(!texts.some((text) => text.includes(secret)));
  });
});
