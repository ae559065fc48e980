import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { exitCodes } from "../../cli/exit-codes";
import { withPin } from "../../project/pin";
import { readStack } from "../../cli/stack-file";
import { project } from "../release/stack-files";
import { installIn, lockedEngineIn, rewindIn, type Ended } from "./process";
import { deploy, rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

describe("the exit codes of rewind", function () {
  this.timeout(120_000);
  const copy = freshCopies();
  const logFile = () => join(copy().folder, ".rewind", "records", "staging.jsonl");
  const rewind = (...args: readonly string[]): Ended => rewindIn(copy().folder, ...args, "--stack", "staging");
  beforeEach(() => {
    installIn(copy().folder);
    lockedEngineIn(copy().folder);
  });

  const begun = (runner: { readonly host: string; readonly pid: number }): void => {
    readStack(copy().where).log.append(rollbackBegun("v1.1.0", runner));
  };
  /** How it ended with `--json`: the code, the outcome, and something to do next. */
  const said = ({ code, stdout, stderr }: Ended): { code: number | null; outcome: string; reason: string } => {
    const { outcome, reason } = JSON.parse(stdout) as { outcome: string; reason: string };
    assert.match(stderr + stdout, /Next: |"next": "/);
    return { code, outcome, reason };
  };
  const changeRecord = (): void => {
    const other = copy().text().replace("results_version, value: v1.2.0", "results_version, value: v1.2.9");
    assert.notEqual(other, copy().text());
    writeFileSync(copy().file, other);
  };

  it("15 · a drill says that the stack is stopped; a second stop is only refused", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    assert.equal(rewind("stop", "--reason", "corrupt data").code, exitCodes.ok);
    const drill = said(rewind("drill", "--yes", "--json"));
    assert.deepEqual([drill.code, drill.outcome], [15, "stopped"]);
    assert.match(drill.reason, /the stack is stopped: corrupt data/);
    const again = said(rewind("stop", "--reason", "again", "--json"));
    assert.deepEqual([again.code, again.outcome], [10, "refused"]);
  });

  it("15 · a toggle of a stopped stack is told from one that is refused, and stays as it was", () => {
    deploy(copy(), "v1.2.1");
    assert.equal(rewind("stop", "--reason", "corrupt data").code, exitCodes.ok);
    const before = copy().text();
    const flags = ["AUTOPILOT_WORKER_DISABLED", "true", "--reason", "runaway jobs"];
    const toggle = said(rewind("toggle", ...flags, "--json"));
    assert.deepEqual([toggle.code, toggle.outcome], [15, "stopped"]);
    assert.equal(copy().text(), before);
    const rotate = said(rewind("rotate", "application", "--reason", "leaked", "--json"));
    assert.deepEqual([rotate.code, rotate.outcome], [15, "stopped"]);
  });

  it("16 · a rollback that has not come to its end stands in the way of the next, and of its own resumption elsewhere", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    begun({ host: "elsewhere", pid: 1 });
    for (const verb of [["plan"], ["rollback", "--yes"], ["resume", "--yes"], ["abort", "--yes"]]) {
      const { code, outcome } = said(rewind(...verb, "--json"));
      assert.deepEqual([code, outcome], [16, "locked"], verb[0]);
    }
    assert.equal(rewind("why-not", "v1.2.0").code, 16);
  });

  it("16 · a rollback that still works on this machine is not resumed", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    begun({ host: hostname(), pid: process.pid });
    const { code, outcome, reason } = said(rewind("resume", "--yes", "--json"));
    assert.deepEqual([code, outcome], [16, "locked"]);
    assert.match(reason, /still works, as process/);
  });

  it("16 · whoever holds the engine's lock stops an update, which leaves the stack file and says what to do", () => {
    deploy(copy(), "v1.2.1");
    const before = copy().text();
    const flags = ["AUTOPILOT_WORKER_DISABLED", "true", "--reason", "runaway jobs"];
    const ended = rewind("toggle", ...flags);
    assert.equal(ended.code, 16, ended.stderr);
    assert.match(ended.stdout, /locked by 1 lock\(s\)[\s\S]*ann@elsewhere \(pid 7\)/);
    assert.match(ended.stdout, /Next: wait for whoever holds the lock; pulumi cancel, when nobody does/);
    assert.equal(copy().text(), before);
  });

  it("17 · a release whose record is not what was applied first is no target, and is not applied again by a toggle", () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    changeRecord();
    const plan = said(rewind("plan", "v1.2.0", "--json"));
    assert.deepEqual([plan.code, plan.outcome], [17, "tampered"]);
    assert.equal(rewind("why-not", "v1.2.0").code, 17);
    writeFileSync(copy().file, withPin(copy().text(), "v1.2.0", {}));
    lockedEngineIn(copy().folder);
    const flags = ["AUTOPILOT_WORKER_DISABLED", "true", "--reason", "runaway jobs"];
    assert.equal(said(rewind("toggle", ...flags, "--json")).code, 17);
  });

  it("17 · a line of the deployment log that is no entry is named; 10 · so is one of a newer Rewind, which nobody tampered with", () => {
    deploy(copy(), "v1.2.1");
    const whole = readFileSync(logFile(), "utf8");
    mkdirSync(join(logFile(), ".."), { recursive: true });
    for (const [line, words, expected] of [
      ["not an entry", /staging\.jsonl:3: not an entry of the deployment log/, [17, "tampered"]],
      ['{"kind":"stop","version":9}', /staging\.jsonl:3: an entry of version 9/, [10, "refused"]],
    ] as const) {
      writeFileSync(logFile(), whole);
      appendFileSync(logFile(), `${line}\n`);
      const { code, outcome, reason } = said(rewind("status", "--json"));
      assert.deepEqual([code, outcome], expected);
      assert.match(reason, words);
    }
  });

  it("every code stands in docs/exit-codes.md with what to do next, and in the help", () => {
    const page = readFileSync(join(project, "docs", "exit-codes.md"), "utf8");
    const { stdout } = rewindIn(copy().folder, "--help");
    for (const code of Object.values(exitCodes)) {
      assert.match(page, new RegExp(`^\\| ${code} \\| \`?[a-zA-Z ]+\`? \\| .+ \\| .+ \\|$`, "m"));
      assert.match(stdout, new RegExp(`\\b${code} [a-z]+`));
    }
    assert.match(stdout, /docs\/exit-codes\.md/);
  });
});
