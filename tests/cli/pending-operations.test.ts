import assert from "node:assert/strict";
import { isHarmless, readEngineState } from "../../cli/pending-operations";

const urn = (type: string, name: string): string => `urn:pulumi:prod::rewind::rewind:index:Workloads$${type}::${name}`;

describe("operations that were cut off by a kill", () => {
  it("are read from the state of the engine, with the ids of all that it has", () => {
    const image = "docker:index/remoteImage:RemoteImage";
    const state = readEngineState(
      JSON.stringify({
        version: 3,
        deployment: {
          resources: [
            { urn: "u", type: "t" },
            { urn: "v", type: "t", id: "4fe1" },
            { id: "old", delete: true },
          ],
          pending_operations: [{ type: "creating", resource: { urn: urn(image, "api-4ed1"), type: image } }],
        },
      }),
    );
    assert.deepEqual([...state.ids], ["4fe1", "old"]);
    assert.deepEqual(state.pending, [{ operation: "creating", type: image, name: "api-4ed1" }]);
  });

  it("are none in a state that was never written, or says nothing of them", () => {
    for (const deployment of [{}, { resources: null, pending_operations: null }]) {
      assert.deepEqual(readEngineState(JSON.stringify({ version: 3, deployment })).pending, []);
    }
  });

  const creating = (type: string) => isHarmless({ operation: "creating", type, name: "x" });
  it("leave nothing behind where an image was pulled, a volume made, or Rewind and the engine do their own work", () => {
    for (const type of [
      "docker:index/remoteImage:RemoteImage",
      "docker:index/volume:Volume",
      "pulumi-nodejs:dynamic/rewind:ConfigRows",
      "pulumi:index:Stash",
      "pulumi:providers:docker",
    ]) {
      assert.equal(creating(type), true, type);
    }
  });

  it("may have left something where a container, a network, a role or a bucket was being made", () => {
    for (const type of [
      "docker:index/container:Container",
      "docker:index/network:Network",
      "docker:index/service:Service",
      "postgresql:index/role:Role",
      "aws:s3/bucket:Bucket",
    ]) {
      assert.equal(creating(type), false, type);
      assert.equal(isHarmless({ operation: "updating", type, name: "x" }), true, type);
    }
  });
});
