import assert from "node:assert/strict";
import { measureEngine, measurePlugins, type RunPulumi } from "../../cli/engine-checks";

describe("the engine that a rollback needs", () => {
  const saying =
    (text: string): RunPulumi =>
    () =>
      Promise.resolve(text);
  const missing: RunPulumi = () => Promise.reject(Object.assign(new Error("spawn pulumi ENOENT"), { code: "ENOENT" }));

  it("is on the PATH and not older than the SDK", async () => {
    const results = async (said: string) => (await measureEngine(saying(said), "3.256.0")).result;
    assert.equal(await results("v3.256.0\n"), "passed");
    assert.equal(await results("3.260.1"), "passed");
    assert.equal(await results("3.99.0"), "inconclusive");
    assert.equal(await results("4.0.0"), "failed");
    assert.equal(await results("hello"), "inconclusive");
    const { result, evidence, next } = await measureEngine(missing, "3.256.0");
    assert.deepEqual([result, evidence], ["failed", "no pulumi is on the PATH"]);
    assert.match(next ?? "", /rewind local up/);
  });

  it("has the plugins of exactly the versions that the program's packages name, or would have to fetch them", async () => {
    const ls = saying(JSON.stringify([{ name: "docker", kind: "resource", version: "5.2.0" }]));
    const docker = { name: "docker", version: "5.2.0" };
    assert.equal((await measurePlugins(ls, [docker], {})).result, "passed");
    const wanted = [docker, { name: "aws", version: "7.48.0" }];
    const { result, evidence, next } = await measurePlugins(ls, wanted, {});
    assert.deepEqual([result, next], ["inconclusive", "pulumi plugin install"]);
    assert.match(evidence, /^not installed: aws 7\.48\.0; a rollback would have to fetch it first/);
    const off = { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" };
    assert.equal((await measurePlugins(ls, wanted, off)).result, "failed");
  });
});
