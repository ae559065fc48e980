import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder, fromCache } from "../../local/cache";
import { self } from "../../local/identity";
import { withLock } from "../../local/lock";

describe("the cache", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rewind-cache-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const build = async (into: string): Promise<void> => {
    await sleep(20);
    fs.writeFileSync(path.join(into, "built"), "");
  };

  it("is where REWIND_CACHE, XDG_CACHE_HOME or the home folder says", () => {
    assert.equal(cacheFolder({ REWIND_CACHE: "/a", XDG_CACHE_HOME: "/b" }), "/a");
    assert.equal(cacheFolder({ REWIND_CACHE: "", XDG_CACHE_HOME: "/b" }), path.join("/b", "rewind"));
    assert.equal(cacheFolder({ XDG_CACHE_HOME: "relative" }), path.join(os.homedir(), ".cache", "rewind"));
  });

  it("builds once, also for many who want it at the same time", async () => {
    let builds = 0;
    const wants = Array.from({ length: 5 }, () =>
      fromCache(folder, "tool-1.0", async (into) => {
        builds++;
        await build(into);
      }),
    );
    for (const got of await Promise.all(wants)) assert.ok(fs.existsSync(path.join(got, "built")));
    assert.equal(builds, 1);
    assert.deepEqual(fs.readdirSync(folder), ["tool-1.0"], "neither lock nor temporary folder is left");
  });

  it("keeps nothing of a build that failed", async () => {
    const failing = fromCache(folder, "tool-1.0", async (into) => {
      await build(into);
      throw new Error("no network");
    });
    await assert.rejects(failing, /no network/);
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  it("clears away what a builder that was killed left", async () => {
    fs.mkdirSync(path.join(folder, "tool-1.0.tmp-dead", "half"), { recursive: true });
    await fromCache(folder, "tool-1.0", build);
    assert.deepEqual(fs.readdirSync(folder), ["tool-1.0"]);
  });
});

describe("the lock", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rewind-cache-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("lets one work at a time, and tells the others whom they wait for", async () => {
    const file = path.join(folder, "lock");
    const holders: number[] = [];
    let inside = 0;
    const work = async (): Promise<void> => {
      assert.equal(++inside, 1);
      await sleep(20);
      inside--;
    };
    const waiting = (pid: number): void => void holders.push(pid);
    await Promise.all([1, 2, 3].map(async () => withLock(file, work, { waiting })));
    assert.deepEqual(new Set(holders), new Set([process.pid]));
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  it("is given back when the work fails", async () => {
    const file = path.join(folder, "lock");
    await assert.rejects(
      withLock(file, () => Promise.reject(new Error("broken"))),
      /broken/,
    );
    assert.equal(fs.existsSync(file), false);
  });

  it("is taken over from a holder that has died, or that is unreadable", async () => {
    const file = path.join(folder, "lock");
    for (const left of [JSON.stringify({ ...self(), started: "earlier" }), "{"]) {
      fs.writeFileSync(file, left);
      assert.equal(await withLock(file, () => Promise.resolve("worked")), "worked");
    }
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  it("is not waited for any longer than the caller wants", async () => {
    const file = path.join(folder, "lock");
    fs.writeFileSync(file, JSON.stringify(self()));
    const wait = withLock(file, () => Promise.resolve(), { signal: AbortSignal.timeout(50) });
    await assert.rejects(wait, { name: "AbortError" });
  });
});
