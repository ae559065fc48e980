import assert from "node:assert/strict";
import { connectRedis, type RedisClient } from "../../checks/redis";
import { lastVerified } from "../../records/state";
import { fixtureFor, type Fixture } from "./fixture";
import { patientUp } from "./patient";
import { rqFor, type Rq } from "./rq";

describe("background jobs of a real RQ worker", function () {
  let stack: Fixture;
  let redis: RedisClient;
  let rq: Rq;
  const opened: (() => unknown)[] = [];
  before(async function () {
    stack = await fixtureFor(this);
    const { host, port, password } = stack.environment.redis;
    const url = `redis://:${password}@${host}:${port}`;
    rq = await rqFor(this, url);
    opened.push(() => rq.stop());
    await stack.empty();
    await patientUp(stack);
    redis = await connectRedis(url);
    opened.push(() => {
      redis.destroy();
    });
  });
  after(async () => {
    for (const close of opened) await close();
  });

  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const end = performance.now() + 30_000;
    while (!(await holds())) {
      assert.ok(performance.now() < end, `waited in vain: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const evidence = (): string => {
    const outcome = stack.log().findLast((entry) => entry.kind === "outcome");
    return outcome?.checks.find(({ name }) => name === "jobs autopilot")?.evidence ?? "";
  };

  it("W8 · a release flip cancels the running job and everything that waits, and enables the worker once it is verified", async () => {
    rq.worker("autopilot", "first");
    const [running = ""] = await rq.enqueue("autopilot", 1, "long", "test:long");
    await until("the long job runs", async () => (await redis.get("test:long")) === "1");
    const queued = await rq.enqueue("autopilot", 2_500, "short", "test:queued");
    const scheduled = await rq.enqueue("autopilot", 3, "scheduled", "test:scheduled");
    const deferred = await rq.enqueue("autopilot", 3, "deferred", "test:deferred");
    const elsewhere = await rq.enqueue("mail", 3, "short", "test:mail");

    stack.pin("v1.2.0");
    await patientUp(stack);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
    assert.deepEqual(await rq.statuses([running]), ["stopped"]);
    for (const ids of [queued, scheduled, deferred]) {
      assert.deepEqual([...new Set(await rq.statuses(ids))], ["canceled"]);
    }
    assert.deepEqual([...new Set(await rq.statuses(elsewhere))], ["queued"], "other queues are left alone");
    for (const key of ["test:long:ended", "test:queued", "test:scheduled", "test:deferred"]) {
      assert.equal(await redis.get(key), null, `${key}: nothing of the old release ran`);
    }
    assert.equal(await redis.lLen("rq:queue:autopilot"), 0);
    assert.equal(await redis.zCard("rq:canceled:autopilot"), 2_500 + 3 + 3 + 1);
    assert.match(evidence(), /workers wait for the verdict; cancelled 1 running, 2500 queued, 3 deferred, 4 scheduled/);
    const [, key = ""] = /all in (\S+)\)$/.exec(evidence()) ?? [];
    assert.equal(await redis.hGet(key, running), "autopilot running");
    assert.equal(await redis.hGet(key, queued[2_499] ?? ""), "autopilot queued");
    assert.equal(await redis.exists(`rq:job:${queued[0] ?? ""}`), 1, "what the job was asked to do is not lost");

    assert.equal(await redis.exists("rq:suspended"), 0);
    await rq.enqueue("autopilot", 2, "short", "test:after");
    await until("the worker goes on", async () => (await redis.get("test:after")) === "2");
  });

  it("W8 · the worker stays disabled when verification fails, and is enabled by the next verified update", async () => {
    stack.pin("v1.2.2");
    const broken = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(broken.code, 0);
    assert.match(broken.output, /Verification failed after the change/);
    assert.match((await redis.get("rq:suspended")) ?? "", /^rewind:local-\w+:autopilot$/);
    // An idle worker already waits for its next job and takes that one; it looks before any other.
    const made = await rq.enqueue("autopilot", 5, "short", "test:disabled");
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.ok(Number(await redis.get("test:disabled")) <= 1);

    stack.pin("v1.2.0");
    await patientUp(stack);
    assert.equal(await redis.exists("rq:suspended"), 0);
    const statuses = await rq.statuses(made);
    assert.ok(statuses.filter((status) => status === "canceled").length >= 4, statuses.join());
    await rq.enqueue("autopilot", 1, "short", "test:enabled");
    await until("the worker goes on", async () => (await redis.get("test:enabled")) === "1");
  });

  it("W8 · what somebody else suspended stays suspended", async () => {
    await redis.set("rq:suspended", "1");
    stack.pin("v1.2.1");
    await patientUp(stack);
    assert.equal(await redis.get("rq:suspended"), "1");
    assert.match(evidence(), /workers were suspended by 1, and stay so/);
    await redis.del("rq:suspended");
  });

  it("W4 · AUTOPILOT_WORKER_DISABLED stops the worker by one line of the stack file, and lets it go on by another", async () => {
    const set = (value: string) =>
      stack.pulumi(["config", "set", "--path", "toggles.AUTOPILOT_WORKER_DISABLED", value]);
    assert.equal((await set("true")).code, 0);
    await patientUp(stack);
    assert.match((await redis.get("rq:suspended")) ?? "", /^rewind:/);
    assert.match(evidence(), /workers are disabled by the toggle; no job was cancelled/);
    const intent = stack.log().findLast((entry) => entry.kind === "intent");
    assert.deepEqual(intent?.to.toggles, { AUTOPILOT_WORKER_DISABLED: true });

    const off = await stack.rewind("toggle", "AUTOPILOT_WORKER_DISABLED", "--release", "--reason", "fixed");
    assert.equal(off.code, 0, off.output);
    assert.equal(await redis.exists("rq:suspended"), 0);
    const entries = stack.log().filter((entry) => entry.kind === "toggle");
    assert.deepEqual(
      entries.map(({ toggle, value, reason }) => [toggle, value, reason]),
      [["AUTOPILOT_WORKER_DISABLED", undefined, "fixed"]],
    );
  });
});
