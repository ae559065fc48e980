import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { isAlive, isOfThisMachine, thisRunner } from "../../cli/runner";

describe("the process that works on a rollback", () => {
  it("is alive while it is, and not when it is gone or another has its number", async () => {
    const child = spawn("sleep", ["60"]);
    const pid = child.pid ?? assert.fail();
    const runner = { ...thisRunner(), pid };
    const { began: own } = thisRunner();
    assert.ok(own !== undefined && /^\d+$/.test(own));
    assert.equal(isAlive({ host: runner.host, pid }), true);
    assert.equal(isAlive({ ...runner, began: "1" }), false, "another began with its number");
    child.kill("SIGKILL");
    await once(child, "close");
    assert.equal(isAlive({ host: runner.host, pid }), false);
  });

  it("is never the one that asks, and never one of another machine", () => {
    assert.equal(isAlive(thisRunner()), false);
    assert.equal(isOfThisMachine({ host: "elsewhere", pid: process.pid }), false);
    assert.equal(isAlive({ host: "elsewhere", pid: 1 }), false);
  });
});
