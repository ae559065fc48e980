import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { history } from "../../cli/history";
import { plan, whyNot } from "../../cli/plan";
import type { Status } from "../../cli/json/history";
import { listKnownGood, showLog, status } from "../../cli/status";
import { stop } from "../../cli/stop";
import { withPin } from "../../project/pin";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import type { Draft } from "../../records/log";
import { deploy, rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

describe("the operator's verbs that need no engine", () => {
  const copy = freshCopies();
  const log = () => readStack(copy().where).log;
  const append = (draft: Draft) => log().append(draft);
  const pin = (release: string): void => {
    writeFileSync(copy().file, withPin(copy().text(), release, {}));
  };
  /** A deployment of a release as the gates would write it. */
  const deployed = (release: string, result: "passed" | "failed" = "passed"): string => {
    const check = { name: "health", result, evidence: "GET /health → 500", milliseconds: 3, attempts: 1 };
    return deploy(copy(), release, { result, checks: [check] });
  };
  const refusal = (act: () => unknown): Refusal => {
    try {
      act();
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
    return assert.fail("not refused");
  };
  const statusNow = (): Status => status(copy().where).json;

  it("G2 · plan goes to the last known-good release that does not run, never simply to the one before", () => {
    deployed("v1.2.0");
    deployed("v1.1.0", "failed");
    deployed("v1.2.1");
    const { to, from, undoes, estimate } = plan(copy().where, undefined, "full").json;
    assert.deepEqual([from.release, to.release], ["v1.2.1", "v1.2.0"]);
    assert.equal(undoes, log().entries().at(-2)?.id);
    assert.deepEqual(estimate, { milliseconds: 60_000, runs: 2 });
  });

  it("refuses where no other release is known to be good, and names the next command", () => {
    deployed("v1.2.1");
    const { message, next } = refusal(() => plan(copy().where, undefined, "full"));
    assert.match(message, /no other release is known to be good on this stack; v1\.2\.1 was applied last/);
    assert.match(next, /rewind rollback <release>/);
  });

  it("S8 · shows every change with its risk, what does not come back, and how long it takes", () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { text } = plan(copy().where, undefined, "full");
    assert.match(text, /^Rollback of staging: v1\.2\.1 → v1\.2\.0$/m);
    assert.match(text, /^Takes: +1 min 00 s, the median of 2 measured$/m);
    assert.match(text, /^Changes: +\d+, the riskiest \w+$/m);
    assert.match(text, /^ {2}\[low\] services\/api image: /m);
    assert.match(text, /^Not undone:$/m);
  });

  it("S13 · advises against a release that was broken itself when it ran here last", () => {
    deployed("v1.2.0");
    deployed("v1.2.0", "failed");
    deployed("v1.2.1");
    const { warnings } = plan(copy().where, "v1.2.0", "full").json;
    assert.match(
      warnings.join(),
      /v1\.2\.0 itself was broken when it ran here last .*health: GET \/health → 500\); fix forward/,
    );
  });

  it("warns of a release that never passed on this stack", () => {
    deployed("v1.2.1");
    const { warnings } = plan(copy().where, "v1.2.0", "full").json;
    assert.match(warnings.join(), /v1\.2\.0 never passed verification on this stack/);
  });

  it("why-not lists every obstacle, and nothing where there is none", () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    assert.equal(whyNot(copy().where, "v1.2.0", "full").code, 0);
    append({ kind: "hold", release: "v1.2.0", reason: "leaks memory" });
    append(rollbackBegun("v1.1.0", { host: hostname(), pid: 1 }));
    const { code, text, json } = whyNot(copy().where, "v1.2.0", "full");
    assert.equal(code, 16);
    const reasons = json.obstacles.map(({ reason }) => reason);
    assert.equal(reasons.length, 2, reasons.join("\n"));
    assert.match(text, /a rollback to v1\.1\.0 by .* has not come to its end/);
    assert.match(text, /v1\.2\.0 is on hold: leaks memory/);
    assert.match(text, /Next: rewind unhold v1\.2\.0/);
    assert.equal(whyNot(copy().where, "v7.0.0", "full").code, 10);
  });

  it("G3 · fast is not refused for a hold on the release that it leaves, where both have the same rows", () => {
    deployed("v1.2.0");
    const same = copy()
      .text()
      .replace(/rewind:releases:\n/, "rewind:releases:\n    v1.2.9: *same\n")
      .replace(/^( {4}v1\.2\.0:)/m, "$1 &same");
    // An alias stands after its anchor.
    const [line = ""] = /^ {4}v1\.2\.9: \*same\n/m.exec(same) ?? [];
    writeFileSync(copy().file, same.replace(line, "").replace(/^( {4}v1\.2\.1:)/m, `${line}$1`));
    deployed("v1.2.9", "failed");
    append({ kind: "hold", release: "v1.2.9", reason: "verification failed" });
    const { obstacles } = whyNot(copy().where, "v1.2.0", "fast").json;
    assert.ok(!obstacles.some(({ reason }) => reason.includes("v1.2.9 is on hold")), JSON.stringify(obstacles));
  });

  it("G3 · fast is refused where what runs has left the catalogue, for nobody knows its rows", () => {
    deployed("v1.2.0");
    deployed("v1.1.0");
    pin("v1.2.0");
    writeFileSync(
      copy().file,
      copy()
        .text()
        .replace(/^ {4}v1\.1\.0:\n(?: {6}.*\n)+/m, ""),
    );
    const { text, code } = whyNot(copy().where, "v1.2.1", "fast");
    assert.equal(code, 10);
    assert.match(text, /what runs \(v1\.1\.0\) is not in the catalogue any more, so its database cannot be kept/);
    const { warnings } = plan(copy().where, "v1.2.1", "full").json;
    assert.match(warnings.join(), /v1\.1\.0, which runs, is not in the catalogue any more/);
  });

  it("warns of what was edited since the last update, for it goes along and no change shows it", () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    assert.deepEqual(plan(copy().where, "v1.2.0", "full").json.warnings, []);
    writeFileSync(
      copy().file,
      copy()
        .text()
        .replace(/^ {4}kind: \w+/m, "$&\n    protect: true"),
    );
    const { warnings } = plan(copy().where, "v1.2.0", "full").json;
    assert.match(warnings.join(), /the environment, the checks or letGo were edited since the last update/);
  });

  it("why-not says that a changed record is not the release that was applied", () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    writeFileSync(
      copy().file,
      copy().text().replace("results_version, value: v1.2.0", "results_version, value: v1.2.9"),
    );
    const { code, text } = whyNot(copy().where, "v1.2.0", "full");
    assert.equal(code, 17, text);
    assert.match(text, /v1\.2\.0/);
  });

  it("status tells pinned, applied and verified apart", () => {
    deployed("v1.2.0");
    deployed("v1.2.1", "failed");
    pin("v1.1.0");
    const { pinned, applied, verified, next } = statusNow();
    assert.deepEqual([pinned.release, applied?.release, verified?.release], ["v1.1.0", "v1.2.1", "v1.2.0"]);
    assert.equal(applied?.result, "failed");
    assert.match(next, /pulumi preview --diff/);
  });

  it("status of a stack on which nothing ran says so, and what to do", () => {
    const { applied, verified, next } = statusNow();
    assert.deepEqual([applied, verified], [null, null]);
    assert.match(next, /^pulumi up/);
    assert.match(listKnownGood(copy().where).text, /No release has passed verification on staging yet/);
    assert.match(history(copy().where, { entries: [], limit: 20 }).text, /Nothing was deployed to staging yet/);
  });

  it("L3 · stop and start leave their trace, and neither is done twice", () => {
    deployed("v1.2.1");
    stop(copy().where, "stop", "corrupt data");
    assert.equal(statusNow().stopped?.reason, "corrupt data");
    assert.match(refusal(() => stop(copy().where, "stop", "again")).message, /was stopped by .*: corrupt data/);
    stop(copy().where, "start", "mended");
    assert.equal(statusNow().stopped, null);
    assert.match(refusal(() => stop(copy().where, "start", "again")).message, /is not stopped/);
    assert.deepEqual(
      log()
        .entries()
        .slice(-2)
        .map(({ kind }) => kind),
      ["stop", "start"],
    );
  });

  it("history has the newest first, one in full, and two compared", () => {
    const first = deployed("v1.2.0");
    const second = deployed("v1.2.1", "failed");
    const { json, text } = history(copy().where, { entries: [], limit: 1 });
    assert.ok("total" in json);
    const { total, deployments } = json;
    assert.equal(total, 2);
    assert.deepEqual(
      deployments.map(({ entry, result }) => [entry, result]),
      [[second, "failed"]],
    );
    assert.match(text, /1 older: rewind history --limit 2/);
    assert.match(history(copy().where, { entries: [second], limit: 1 }).text, /failed.*health.*GET \/health → 500/s);
    assert.match(history(copy().where, { entries: [first, second], limit: 1 }).text, /services\/api image: /);
    assert.match(
      refusal(() => history(copy().where, { entries: ["nothing"], limit: 1 })).message,
      /no deployment nothing/,
    );
  });

  it("history of a rollback says what it undid, why, and how long it took beside its objective", () => {
    const wrong = deployed("v1.2.1");
    const run = append({
      kind: "rollback",
      from: "v1.2.1",
      to: "v1.2.0",
      level: "full",
      plan: `sha256:${"a".repeat(64)}`,
      undoes: wrong,
      reason: "wrong stamps",
      before: { release: "v1.2.1", pins: {} },
      ran: { release: "v1.2.1", pins: {} },
      runner: { host: "elsewhere", pid: 1 },
    });
    const deployment = deployed("v1.2.0");
    append({ kind: "rollback-end", of: run.id, result: "passed", deployment, milliseconds: 3_600_000, parts: {} });
    const { text } = history(copy().where, { entries: [], limit: 20 });
    assert.match(text, /1 min 00 s|60 min 00 s, over 30 min 00 s/);
    assert.match(text, new RegExp(`rollback of ${wrong}; wrong stamps`));
  });

  it("log shows every kind of entry, and a torn last line hides nothing", () => {
    deployed("v1.2.1");
    append({ kind: "hold", release: "v1.2.0", reason: "slow" });
    const file = join(copy().folder, ".rewind", "records", "staging.jsonl");
    mkdirSync(join(file, ".."), { recursive: true });
    appendFileSync(file, '{"kind":"ho');
    const { text } = showLog(copy().where, 50);
    assert.match(text, /intent: nothing → v1\.2\.1/);
    assert.match(text, /outcome of .*: passed, 1 min 00 s/);
    assert.match(text, /hold v1\.2\.0: slow/);
    assert.match(text, /3 entries$/);
    assert.ok(readFileSync(file, "utf8").endsWith('{"kind":"ho'), "looking changes nothing");
  });
});
