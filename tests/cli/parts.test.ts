import assert from "node:assert/strict";
import { objectiveLines, partOf, watchParts } from "../../cli/parts";
import type { Settings } from "../../release/parse";

const settings = { environment: { functions: { score: {} } } } as unknown as Settings;

describe("the parts of a rollback", () => {
  it("S9 · are told by the type of each resource, and by its name where a container may be either", () => {
    const of = (type: string, name = "x") => partOf(settings, type, name);
    assert.equal(of("pulumi-nodejs:dynamic/rewind:ConfigRows"), "config");
    assert.equal(of("pulumi-nodejs:dynamic/rewind:Migrations"), "schema");
    assert.equal(of("docker:index/container:Container", "score"), "functions");
    assert.equal(of("docker:index/container:Container", "api"), "services");
    assert.equal(of("pulumi:index:Stash"), "verification");
    assert.equal(of("aws:s3/bucketPolicy:BucketPolicy"), "storage");
    assert.equal(of("pulumi-nodejs:dynamic/rewind:FrontendRoute"), "frontend");
    assert.equal(of("pulumi-nodejs:dynamic/rewind:Route"), "services");
    assert.equal(of("pulumi:pulumi:Stack"), undefined);
  });

  it("S9 · are measured from their first beginning to their last end", async () => {
    let now = 0;
    const watch = watchParts(settings, () => now);
    now = 10;
    watch.onResource("docker:index/container:Container", "score", false);
    now = 70;
    watch.onResource("docker:index/container:Container", "score", false);
    await watch.time("backup", () => Promise.resolve((now = 90)));
    assert.deepEqual(watch.parts(), { functions: 60, backup: 20 });
  });

  it("L13 · show what is left of the budget, and by how much it is over", () => {
    let now = 0;
    const watch = watchParts({ ...settings, objectives: { total: "2m" } }, () => now);
    now = 30_000;
    assert.equal(watch.line("backing up"), "[30 s, 1 min 30 s left] backing up");
    now = 150_000;
    assert.equal(watch.line("applying"), "[2 min 30 s, 30 s over the budget] applying");
  });

  it("S9 · stand beside their objectives", () => {
    assert.deepEqual(
      objectiveLines({
        milliseconds: 40_000,
        parts: { config: 130_000, backup: 2_000 },
        objectives: { config: 120_000, total: 1_800_000 },
      }),
      ["  backup  2 s", "  config  2 min 10 s, over 2 min 00 s", "  total   40 s, within 30 min 00 s"],
    );
  });
});
