import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import type { Metadata } from "@grpc/grpc-js";
import { HalfCreated, type Plugin, type Resource } from "../../../local/plugins/plugin";
import { text, UNKNOWN, type Bag } from "../../../local/plugins/schema";
import { engineFor, type Engine } from "./wire";

const secret = (value: unknown): object => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});
const type = "test:index/thing:Thing";

/** A resource on no platform at all; it remembers what it was asked. */
function thing(asked: Bag[]): Resource {
  return {
    shape: {
      fields: { name: text({ required: true }), key: text({ secret: true }), size: text({ computed: true }) },
    },
    create: (planned) => {
      asked.push(planned);
      if (planned.name === "half") return Promise.reject(new HalfCreated("half", { name: "half" }, "it broke"));
      if (planned.name === "none") return Promise.reject(new Error("above", { cause: new Error("beneath") }));
      return Promise.resolve({ id: "1", state: { ...planned, size: "9" } });
    },
    read: (id, state) => Promise.resolve(id === "gone" ? undefined : { id, state }),
    update: (_id, _prior, planned) => Promise.resolve(planned),
    remove: () => Promise.resolve(),
  };
}

describe("a local plugin on the wire", () => {
  const asked: Bag[] = [];
  let engine: Engine;
  before(async () => {
    const plugin: Plugin = {
      name: "test",
      version: "1.2.3",
      secretSettings: [],
      resources: { [type]: thing(asked) },
      configure: () => undefined,
      cancel: () => undefined,
    };
    engine = await engineFor(plugin);
  });
  after(() => {
    engine.stop();
  });

  it("hands the platform plain values and gives secrets back wrapped", async () => {
    const answer = await engine.call("Create", { type, properties: { name: secret("n"), key: "k" } });
    assert.deepEqual(asked.at(-1), { name: "n", key: "k", size: UNKNOWN });
    const { name, key, size } = answer.properties as Bag;
    assert.deepEqual({ name, key, size }, { name: secret("n"), key: secret("k"), size: "9" });
  });
  it("wraps a secret once, whoever says that it is one", async () => {
    const answer = await engine.call("Check", { type, news: { name: "n", key: secret("k") } });
    assert.deepEqual((answer.inputs as Bag).key, secret("k"));
  });
  it("finds the type in the URN when the engine does not give it", async () => {
    const urn = `urn:pulumi:dev::p::app:index:Part$${type}::x`;
    const answer = await engine.call("Check", { urn, news: { name: "n" } });
    assert.equal((answer.inputs as Bag).name, "n");
  });
  it("names a type that it does not know, those it knows, and what to install", async () => {
    const call = engine.call("Check", { type: "test:index/other:Other" });
    await assert.rejects(
      call,
      /test:index\/other:Other: .* only .* \(test:index\/thing:Thing\); .*resource test v1\.2\.3/,
    );
    await assert.rejects(engine.call("Check", { type: "constructor" }), /constructor: the local test plugin/);
  });
  it("makes nothing out of what is not known yet", async () => {
    const before = asked.length;
    const call = engine.call("Create", { type, properties: { name: "n", key: [UNKNOWN] } });
    await assert.rejects(call, /key: not known yet/);
    assert.equal(asked.length, before);
  });
  it("answers a read of what is gone with nothing", async () => {
    assert.deepEqual(await engine.call("Read", { type, id: "gone" }), {});
  });
  it("says an error with what is beneath it", async () => {
    await assert.rejects(engine.call("Create", { type, properties: { name: "none" } }), /above: beneath/);
  });
  it("puts what is half made into the state", async () => {
    const call = engine.call("Create", { type, properties: { name: "half" } });
    await assert.rejects(call, (error: { details: string; metadata: Metadata }) => {
      assert.equal(error.details, "it broke");
      const [carried] = error.metadata.get("grpc-status-details-bin");
      const [detail] = Status.deserializeBinary(carried as Buffer).getDetailsList();
      const half = ErrorResourceInitFailed.deserializeBinary(detail!.getValue_asU8());
      assert.equal(detail!.getTypeName(), "pulumirpc.ErrorResourceInitFailed");
      assert.deepEqual([half.getId(), half.getReasonsList()], ["half", ["it broke"]]);
      return true;
    });
  });
  it("does not start for a vendor that it does not know", async () => {
    const main = join(__dirname, "../../../local/plugins/main.ts");
    const start = promisify(execFile)(process.execPath, ["--require", "sucrase/register/ts", main, "gcp"]);
    await assert.rejects(start, /expected one of aws, docker, postgresql, got "gcp"/);
  });
});
