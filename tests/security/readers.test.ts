import assert from "node:assert/strict";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { project } from "../release/stack-files";
import { readers } from "./readers";
import { archiveReader, type Task } from "./reading";

/** How many inputs each reader gets; `npm run faults` gives each 100,000. */
const inputs = Number(process.env.REWIND_FUZZ ?? 150);
const seed = Number(process.env.REWIND_SEED ?? Date.now() % 1_000_000_000);
/** Milliseconds that one input may take, a hundred times what the slowest takes on an idle machine. */
const longest = 20_000;
/** What the thread may keep, in MB: what is read has a megabyte at most. */
const memory = 512;

/** Lets a thread of its own read, and ends it when it comes no further. Returns `read`, or what went wrong. */
function readAside(reader: string): Promise<string> {
  const done = new SharedArrayBuffer(4);
  const count = new Int32Array(done);
  const task: Task = { reader, seed, inputs, done };
  const worker = new Worker(`require("./typescript.js"); require("./tests/security/reading.ts");`, {
    ...{ eval: true, workerData: task, resourceLimits: { maxOldGenerationSizeMb: memory } },
  });
  return new Promise((resolve) => {
    let before = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(count, 0);
      if (now === before && now > 0) end(`input ${now} takes longer than ${longest} ms`);
      before = now;
    }, longest);
    const end = (said: string): void => {
      clearInterval(watch);
      void worker.terminate();
      resolve(said);
    };
    worker.once("message", end);
    worker.once("error", (error: Error) => {
      end(`input ${Atomics.load(count, 0)}: ${error.message}`);
    });
  });
}

describe("what reads the bytes of others", function () {
  this.timeout(Math.max(120_000, inputs * 400));
  before(() => {
    assert.equal(process.cwd(), join(project));
  });

  for (const reader of [...Object.keys(readers()), archiveReader]) {
    it(`says what is wrong, or takes it, and goes on: ${reader}, ${inputs} times (REWIND_SEED=${seed})`, async () => {
      assert.equal(await readAside(reader), "read");
    });
  }
});
