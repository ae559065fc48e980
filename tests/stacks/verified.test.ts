import assert from "node:assert/strict";
import { readRemembered } from "../../stacks/verified";

describe("what the state remembers of the deployment log", () => {
  const input = { entry: "20261201T000000Z-00000000", line: { token: 2, digest: `sha256:${"a".repeat(64)}` } };
  const state = { outputs: { "urn:pulumi:prod::rewind::pulumi:index:Stash::verified": { outputs: { input } } } };
  /** An engine that cannot read the state so many times, as while it writes it. */
  const failing = (times: number) => {
    let asked = 0;
    return {
      ask: () => {
        asked += 1;
        return asked <= times ? Promise.reject(new Error("EOF")) : Promise.resolve(state);
      },
      asked: () => asked,
    };
  };

  it("is read, and nothing where nothing was verified yet", async () => {
    assert.deepEqual(await readRemembered(() => Promise.resolve(state)), input);
    assert.equal(await readRemembered(() => Promise.resolve({})), undefined);
    const others = { outputs: { "urn:pulumi:prod::rewind::pulumi:index:Stash::other": { outputs: { input } } } };
    assert.equal(await readRemembered(() => Promise.resolve(others)), undefined);
    const namesake = {
      outputs: { "urn:pulumi:prod::rewind::docker:index/volume:Volume::verified": { outputs: { input } } },
    };
    assert.equal(await readRemembered(() => Promise.resolve(namesake)), undefined);
  });

  it("is asked for again while the state is being written", async () => {
    const engine = failing(3);
    assert.deepEqual(await readRemembered(engine.ask), input);
    assert.equal(engine.asked(), 4);
  });

  it("is an error, and never taken for nothing, where the engine cannot read the state at all", async function () {
    this.timeout(20_000);
    await assert.rejects(readRemembered(failing(Infinity).ask), /^Error: EOF$/);
  });
});
