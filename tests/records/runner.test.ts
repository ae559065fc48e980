import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, isOfThisMachine, thisRunner } from "../../records/runner";

describe("the process that an entry or a lock names", () => {
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

  it("is not alive when it has ended and nobody asked how", async function () {
    if (process.platform !== "linux") this.skip();
    // The shell becomes a process that never asks after its child.
    const parent = spawn("/bin/sh", ["-c", "sleep 0.01 & echo $!; exec sleep 60"]);
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    while (!readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")) await sleep(5);
    assert.equal(isAlive({ host: thisRunner().host, pid }), false);
    parent.kill("SIGKILL");
    await once(parent, "close");
  });

  it("is never the one that asks, and never one of another machine", () => {
    assert.equal(isAlive(thisRunner()), false);
    assert.equal(isOfThisMachine({ host: "elsewhere", pid: process.pid }), false);
    assert.equal(isAlive({ host: "elsewhere", pid: 1 }), false);
  });
});
