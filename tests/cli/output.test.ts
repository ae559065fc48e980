import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { readStack } from "../../cli/stack-file";
import { rollbacks } from "../../records/state";
import { deploy } from "./deployed";
import { installIn, lockedEngineIn } from "./process";
import { freshCopies } from "./project";

describe("output that cannot be written", function () {
  this.timeout(120_000);
  const copy = freshCopies();
  beforeEach(() => {
    installIn(copy().folder);
    lockedEngineIn(copy().folder);
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
  });
  const environment = () => ({
    PATH: `${join(copy().folder, "bin")}:/usr/bin:/bin`,
    NO_COLOR: "1",
    PULUMI_BACKEND_URL: "file:///nowhere",
  });
  const endOfRollback = () => rollbacks(readStack(copy().where).log.entries()).at(-1)?.ended?.reason;
  /** Runs `rewind` in a line of the shell; the exit code is its own and nobody else's. */
  const shell = (line: string) => {
    const script = `${line}; exit "\${PIPESTATUS[0]}"`;
    const rewind = `"${process.execPath}" "${join(copy().folder, "cli", "rewind.js")}"`;
    return spawnSync("bash", ["--norc", "-c", script.replace("rewind", rewind)], {
      cwd: copy().folder,
      env: environment(),
      encoding: "utf8",
    });
  };

  it("a rollback whose reader goes away comes to its end, and the log has it", () => {
    const { status, stdout, stderr } = shell("rewind rollback v1.2.0 --yes --stack staging 2>&1 | head -1");
    assert.deepEqual([status, stdout, stderr], [10, "Rollback of staging: v1.2.1 → v1.2.0\n", ""]);
    assert.match(endOfRollback() ?? "", /^no backup, no rollback: /);
  });

  it("a rollback whose terminal goes away is interrupted in good order", async () => {
    const command = [join(copy().folder, "cli", "rewind.js"), "rollback", "v1.2.0", "--yes", "--stack", "staging"];
    const child = spawn(process.execPath, command, { cwd: copy().folder, env: environment() });
    child.stderr.once("data", () => child.kill("SIGHUP"));
    const [code, signal] = await new Promise<unknown[]>((done) => {
      child.once("close", (...ended) => {
        done(ended);
      });
    });
    assert.deepEqual([code, signal], [10, null]);
    assert.match(endOfRollback() ?? "", /interrupted/);
  });

  it("a verb that only looks ends without a word when its reader goes away", () => {
    // More than a pipe holds, so that the reader is gone before all of it is written.
    const { log } = readStack(copy().where);
    for (let count = 0; count < 60; count += 1) log.append({ kind: "stop", reason: "x".repeat(2_000) });
    const { status, stdout, stderr } = shell("rewind log --json --stack staging | head -1");
    assert.deepEqual([status, stdout, stderr], [0, "{\n", ""]);
  });

  it("a verb that only looks says so, and fails, when the disk takes no more", function () {
    if (process.platform !== "linux") return this.skip();
    const { status, stderr } = shell("rewind log --json --stack staging >/dev/full");
    assert.equal(status, 1);
    assert.match(stderr, /^rewind: the output cannot be written: .*ENOSPC/);
  });
});
