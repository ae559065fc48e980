import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runningDaemon, startDaemon, stopDaemon } from "../../local/daemon";
import { asIdentity, isAlive, parseStat, self, startOf } from "../../local/identity";
import { writeJson } from "../../local/state";

describe("the identity of a process", () => {
  it("reads the start out of a stat line, whatever the command is called", () => {
    const rest = "1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
    assert.equal(parseStat(`12 (node) S ${rest}`, "boot"), "boot 4711");
    assert.equal(parseStat(`12 (a) Z (b c)) R ${rest}\n`, "boot"), "boot 4711");
  });

  it("holds for no zombie: it has ended, and only its parent has not looked", () => {
    assert.equal(parseStat("12 (node) Z 1 1 1 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 4711 0 0", "boot"), undefined);
  });

  it("is not that of another process with the same id", () => {
    assert.ok(isAlive(self()));
    assert.ok(!isAlive({ ...self(), started: "earlier" }));
    assert.equal(startOf(2 ** 30), undefined);
    assert.equal(startOf(-1), undefined, "a negative id would be a whole process group");
  });

  it("comes out of a record only when the record holds one", () => {
    for (const nothing of [undefined, null, 7, {}, { pid: "7", started: "" }, { pid: 7 }]) {
      assert.equal(asIdentity(nothing), undefined);
    }
    assert.deepEqual(asIdentity({ pid: 7, started: "x", command: "y" }), { pid: 7, started: "x" });
  });
});

describe("a daemon", () => {
  let folder: string;
  const others: ChildProcess[] = [];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rewind-daemon-"));
  });
  afterEach(async () => {
    await stopDaemon(folder);
    for (const other of others.splice(0)) other.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const node = (script: string, ready: () => boolean, within = 5_000): Promise<void> =>
    startDaemon({
      folder,
      command: process.execPath,
      args: ["-e", script],
      ready: () => Promise.resolve(ready()),
      within,
    });

  it("is started, recorded before it answers, and stopped by its id", async () => {
    const mark = path.join(folder, "mark");
    await node(`require("fs").writeFileSync(${JSON.stringify(mark)}, ""); setInterval(() => {}, 1e6)`, () =>
      fs.existsSync(mark),
    );
    const identity = runningDaemon(folder);
    assert.ok(identity !== undefined && isAlive(identity));
    await stopDaemon(folder);
    assert.ok(!isAlive(identity));
    assert.equal(runningDaemon(folder), undefined);
  });

  it("that ends at once is an error with its last words", async () => {
    await assert.rejects(
      node(`console.error("port taken"); process.exit(3)`, () => false),
      /did not start: it ended with 3: port taken/,
    );
  });

  it("that cannot even be run is an error, too", async () => {
    const settings = { folder, args: [], ready: () => Promise.resolve(false), within: 1_000 };
    await assert.rejects(startDaemon({ ...settings, command: "/no/such/program" }), /ENOENT/);
  });

  it("that never answers is stopped again", async () => {
    await assert.rejects(
      node("setInterval(() => {}, 1e6)", () => false, 200),
      /within 0.2 s/,
    );
    assert.equal(runningDaemon(folder), undefined);
  });

  it("that ignores the first signal is ended", async () => {
    const mark = path.join(folder, "mark");
    const script = `process.on("SIGTERM", () => {}); require("fs").writeFileSync(${JSON.stringify(mark)}, "")`;
    await node(`${script}; setInterval(() => {}, 1e6)`, () => fs.existsSync(mark));
    const identity = runningDaemon(folder);
    assert.ok(identity !== undefined);
    await stopDaemon(folder, "SIGTERM", 100);
    assert.ok(!isAlive(identity));
  });

  it("whose id went to another process leaves that one alone", async () => {
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
    others.push(other);
    writeJson(path.join(folder, "process.json"), { pid: other.pid, started: "before the last reboot" });
    await stopDaemon(folder);
    assert.notEqual(startOf(other.pid ?? 0), undefined);
  });
});
