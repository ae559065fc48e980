import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs, { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { exists, isAlive, isOfThisMachine, thisRunner } from "../../records/runner";

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

  it("is known by its number alone where the machine has no /proc", async () => {
    const child = spawn("sleep", ["60"]);
    const pid = child.pid ?? assert.fail();
    const reading = mock.method(fs, "readFileSync", () => {
      throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    });
    try {
      assert.deepEqual(thisRunner(), { host: hostname(), pid: process.pid });
      assert.equal(isAlive({ host: hostname(), pid, began: "1" }), true);
    } finally {
      reading.mock.restore();
    }
    child.kill("SIGKILL");
    await once(child, "close");
  });

  it("is there though it belongs to somebody else, who may not be asked more", () => {
    for (const [code, there] of [
      ["EPERM", true],
      ["ESRCH", false],
    ] as const) {
      const asking = mock.method(process, "kill", () => {
        throw Object.assign(new Error(code), { code });
      });
      try {
        assert.equal(exists(4_711), there);
        assert.deepEqual(asking.mock.calls[0]?.arguments, [4_711, 0], "without a signal");
      } finally {
        asking.mock.restore();
      }
    }
    assert.equal(exists(process.pid), true);
  });

  it("is told by its state and its beginning, whatever its command is called", () => {
    const fields = Array.from({ length: 20 }, (_, at) => `f${at}`).join(" ");
    for (const [state, alive] of [
      ["f0", true],
      ["Z", false],
    ] as const) {
      const reading = mock.method(fs, "readFileSync", () => `1 (a) Z (b) ${fields.replace("f0", state)} more`);
      try {
        assert.equal(isAlive({ host: hostname(), pid: process.ppid, began: "f19" }), alive);
        assert.equal(isAlive({ host: hostname(), pid: process.ppid, began: "f18" }), false);
        assert.deepEqual(reading.mock.calls[0]?.arguments, [`/proc/${process.ppid}/stat`, "utf8"]);
        assert.equal(thisRunner().began, "f19");
      } finally {
        reading.mock.restore();
      }
    }
  });

  it("is never the one that asks, and never one of another machine", () => {
    assert.equal(isAlive(thisRunner()), false);
    assert.equal(isOfThisMachine({ host: "elsewhere", pid: process.pid }), false);
    assert.equal(isAlive({ host: "elsewhere", pid: 1 }), false);
  });
});
