import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Table } from "../../release/schema/rows";
import type { PinnedTable } from "../../stacks/config-rows";
import { fixtureFor, scratch } from "./fixture";
import { checkout } from "./local-home";
import { openRows, type RowFixture } from "./row-fixture";
import type { Task } from "./row-memory";

const megabytes = Number(process.env.REWIND_ROW_MEGABYTES ?? 64);
/** The heap of the process that reads the files, in MB; what is in it does not depend on how long they are. */
const heap = 24;
/** All of its memory, in MB: buffers are outside of the heap. */
const most = 256;
const rowBytes = 4_096;
const definition: Table = { key: "id", columns: { id: "bigint", value: "text" } };

describe("row files that are larger than the memory of the process", function () {
  let db: RowFixture;
  before(async function () {
    db = await openRows(await fixtureFor(this));
  });
  after(() => db.close());

  /** A row file of that many rows, written piece by piece. */
  const written = (name: string, count: number): PinnedTable => {
    const file = join(scratch, "rows", `${name}.jsonl`);
    const hash = createHash("sha256");
    const handle = openSync(join(checkout, file), "w");
    for (let n = 0; n < count; n += 1) {
      const line = `${JSON.stringify({ id: n, value: `${name} ${n} `.padEnd(rowBytes - 30, "é".repeat(2)) })}\n`;
      hash.update(line);
      writeSync(handle, line);
    }
    closeSync(handle);
    return { schema: "rows", definition, digest: `sha256:${hash.digest("hex")}`, count, file, release: name };
  };

  it(`S3 · are checked, planned, applied, compared and refreshed: ${megabytes} MB with a heap of ${heap} MB`, () => {
    const count = Math.ceil((megabytes * 1024 * 1024) / (rowBytes * 1.9));
    const [first, second] = [written("first", count), written("second", count)];
    const files = [first, second].map(({ file }) => join(checkout, file));
    try {
      assert.ok(statSync(files[0] ?? "").size > 2 * heap * 1024 * 1024);
      const task: Task = {
        ...{ folder: checkout, name: "large", edit: "update rows.large set value = 'edited' where id = 7" },
        first: db.pin({ large: first }),
        second: db.pin({ large: second }),
      };
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          `--max-old-space-size=${heap}`,
          "--require",
          join(checkout, "typescript.js"),
          join(__dirname, "row-memory.ts"),
        ],
        { cwd: checkout, input: JSON.stringify(task), encoding: "utf8", maxBuffer: 1024 * 1024 },
      );
      assert.equal(status, 0, stderr.slice(-2_000));
      const { took, results, memory } = JSON.parse(stdout) as { took: object; results: object; memory: number };
      assert.deepEqual(results, { problems: [], changed: count, drift: "passed", takenOver: count });
      assert.ok(memory < most, `${memory} MB`);
      console.log(`        ${count} rows, at most ${memory} MB in memory, seconds: ${JSON.stringify(took)}`);
    } finally {
      for (const file of files) rmSync(file, { force: true });
    }
  }).timeout(3_600_000);
});
