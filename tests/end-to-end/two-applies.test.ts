import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { deployments, lastVerified } from "../../records/state";
import { fixtureFor, type Fixture, type Ran } from "./fixture";
import { patientUp } from "./patient";
import { standStill } from "./stand-still";

describe("two applies at once", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    await patientUp(stack);
  });

  afterEach(async () => {
    // No test leaves a lock to the next one, however it ended.
    if (lockOf(stack) !== undefined) await stack.pulumi(["cancel", "--yes"]);
  });

  /**
   * Runs something while an update of the stack is under way, and returns how both ended. The update stands still: while
   * it writes its state, which it does in place, whoever reads that may find half a file instead of the lock.
   */
  async function during(work: () => Promise<Ran>): Promise<{ readonly first: Ran; readonly second: Ran }> {
    const verifying = await standStill(stack);
    const first = stack.pulumi(["up", "--yes", "--skip-preview"]);
    const reached = Promise.race([verifying.reached(), first.then(({ output }) => assert.fail(output))]);
    const second = await reached.then(work).finally(verifying.goOn);
    return { first: await first, second };
  }

  /** The first comes to its end as if it were alone; of the second there is no trace but its no. */
  async function onlyTheFirst(release: string, entries: number): Promise<void> {
    assert.equal(deployments(stack.log()).length, entries);
    await patientUp(stack);
    assert.equal(lastVerified(stack.log())?.intent.to.release, release);
    const rows = await stack.query("select value from app.scoring_config where key = 'results_version'");
    assert.deepEqual(rows, [{ value: release }]);
    const images = await Promise.all(
      Object.values(await stack.containers()).map(async (id) => (await stack.docker.getContainer(id).inspect()).Image),
    );
    assert.equal(new Set(images).size, 1, "all entries run the image of one release");
  }

  it("of plain pulumi: the second says who holds the stack and what to do, and changes nothing", async () => {
    stack.pin("v1.2.0");
    const entries = deployments(stack.log()).length;
    const { first, second } = await during(() => stack.pulumi(["up", "--yes", "--skip-preview"]));
    assert.doesNotMatch(first.output, /locked/);
    assert.notEqual(second.code, 0, second.output);
    assert.match(second.output, /the stack is currently locked by 1 lock\(s\)/);
    assert.match(second.output, /created by \S+@\S+ \(pid \d+\) at /);
    assert.match(second.output, /wait for the other process\(es\) to end or delete the lock file with `pulumi cancel`/);
    await onlyTheFirst("v1.2.0", entries + 1);
  });

  it("of rewind and an engine that has the lock: the rollback says whose it is, and the pin stays", async () => {
    let lock: Lock | undefined;
    stack.pin("v1.2.1");
    await stack.pulumi(["up", "--yes", "--skip-preview"], () => (lock ??= lockOf(stack)));
    await patientUp(stack);
    assert.ok(lock !== undefined);
    mkdirSync(dirname(lock.file), { recursive: true });
    // A process that lives: the lock of one that is gone would be cleared.
    writeFileSync(lock.file, JSON.stringify({ ...(JSON.parse(lock.content) as object), pid: process.pid }));

    const entries = deployments(stack.log()).length;
    const text = readFileSync(stack.stackFile, "utf8");
    const refused = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(refused.code, 16, refused.output);
    assert.match(refused.output, /Refused; v1\.2\.1 runs as before\./);
    assert.match(refused.output, /locked by 1 lock\(s\)[\s\S]*created by \S+@\S+ \(pid \d+\)/);
    assert.match(refused.output, /pulumi cancel/);
    assert.equal(readFileSync(stack.stackFile, "utf8"), text);
    const cancelled = await stack.pulumi(["cancel", "--yes"]);
    assert.equal(cancelled.code, 0, cancelled.output);
    await onlyTheFirst("v1.2.1", entries);
  });
});

/** An engine's lock on the stack, as it lies beside the state. */
interface Lock {
  readonly file: string;
  readonly content: string;
}

function lockOf({ environment }: Fixture): Lock | undefined {
  const folder = join(environment.folder, "pulumi", "state", ".pulumi", "locks");
  if (!existsSync(folder)) return undefined;
  const [name] = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".json"));
  if (name === undefined) return undefined;
  const file = join(folder, name);
  return { file, content: readFileSync(file, "utf8") };
}
