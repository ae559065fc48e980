import assert from "node:assert/strict";
import { bucketCorsConfiguration, bucketPolicy, bucketShape } from "../../../local/plugins/aws/shapes";
import { check } from "../../../local/plugins/check";
import { diff } from "../../../local/plugins/diff";
import { container, network } from "../../../local/plugins/docker/shapes";
import { plan } from "../../../local/plugins/plan";
import { database } from "../../../local/plugins/postgresql/shapes";
import { UNKNOWN, type Bag, type Shape } from "../../../local/plugins/schema";
import { inputsOf, stored } from "../../../local/plugins/state";

/** The changes from one program to the next, the state in between being what was asked for. */
function between(shape: Shape, before: Bag, after: Bag, found: Bag = {}): Record<string, string> {
  const inputs = check(shape, { name: "x", news: before, olds: {}, seed: Buffer.from("s") }).inputs;
  const known = Object.fromEntries(Object.entries(plan(shape, inputs)).filter(([, value]) => value !== UNKNOWN));
  const state = stored(shape, "id", { ...known, ...found }, false);
  const news = check(shape, { name: "x", news: after, olds: inputs, seed: Buffer.from("t") }).inputs;
  const { detailed } = diff(shape, news, state);
  return Object.fromEntries(
    [...detailed].map(([path, { change, replaces }]) => [path, change + (replaces ? "!" : "")]),
  );
}

describe("the diff of a local plugin", () => {
  it("replaces for what a container is made of and updates what it may use", () => {
    const before = { image: "i", command: ["a", "b"], memory: 1, labels: [{ label: "l", value: "1" }] };
    const after = { image: "i", command: ["a", "c", "d"], memory: 2, labels: [{ label: "l", value: "2" }] };
    assert.deepEqual(between(container, before, after), {
      "command[1]": "UPDATE!",
      "command[2]": "ADD!",
      "labels[0].value": "UPDATE!",
      memory: "UPDATE",
    });
  });
  it("sees no change in another order of what has none", () => {
    const labels = [
      { label: "a", value: "1" },
      { label: "b", value: "2" },
    ];
    const before = { image: "i", envs: ["A=1", "B=2"], labels };
    assert.deepEqual(
      between(container, before, { image: "i", envs: ["B=2", "A=1"], labels: [...labels].reverse() }),
      {},
    );
  });
  it("keeps the port that the platform picked", () => {
    const ports = [{ internal: 80 }];
    const found = { ports: [{ external: 32768, internal: 80, ip: "0.0.0.0", protocol: "tcp" }] };
    assert.deepEqual(between(container, { image: "i", ports }, { image: "i", ports }, found), {});
  });
  it("keeps what the platform decided where the program says nothing", () => {
    assert.deepEqual(between(database, {}, {}, { owner: "postgres", encoding: "UTF8", template: "template0" }), {});
  });
  it("takes an unknown for a change", () => {
    assert.deepEqual(between(container, { image: "i" }, { image: UNKNOWN }), { image: "UPDATE!" });
  });
  it("names tags as paths that the engine can read", () => {
    const shape = bucketShape(() => ({}));
    const changes = between(shape, { tags: { "a.b": "1", c: "1" } }, { tags: { c: "2", d: "3" } });
    assert.deepEqual(changes, {
      'tags["a.b"]': "DELETE",
      "tags.c": "UPDATE",
      "tags.d": "ADD",
      'tagsAll["a.b"]': "DELETE",
      "tagsAll.c": "UPDATE",
      "tagsAll.d": "ADD",
    });
  });
  it("takes the last tag away too", () => {
    const shape = bucketShape(() => ({}));
    assert.deepEqual(between(shape, { tags: { a: "1" } }, {}), { tags: "DELETE", tagsAll: "DELETE" });
  });
  it("compares bucket policies by what they say", () => {
    const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: ["b", "a"] };
    const words = { Resource: ["a", "b"], Action: ["s3:GetObject"], Principal: "*", Effect: "Allow" };
    const policy = (Statement: unknown): string => JSON.stringify({ Version: "2012-10-17", Statement });
    const from = { bucket: "b", policy: policy([statement]) };
    assert.deepEqual(between(bucketPolicy, from, { bucket: "b", policy: policy(words) }), {});
    const wider = { ...statement, Action: "s3:*" };
    assert.deepEqual(between(bucketPolicy, from, { bucket: "b", policy: policy(wider) }), { policy: "UPDATE" });
  });
  it("replaces a bucket's setting that moves to another bucket", () => {
    const corsRules = [{ allowedMethods: ["GET", "PUT"], allowedOrigins: ["*"] }];
    const turned = [{ allowedMethods: ["PUT", "GET"], allowedOrigins: ["*"] }];
    const changes = between(bucketCorsConfiguration, { bucket: "a", corsRules }, { bucket: "b", corsRules: turned });
    assert.deepEqual(changes, { bucket: "UPDATE!" });
  });
  const deletesFirst = (shape: Shape, inputs: Bag, changed: Bag): boolean => {
    const checked = check(shape, { name: "x", news: inputs, olds: {}, seed: Buffer.from("s") }).inputs;
    const planned = Object.entries(plan(shape, { ...checked, ...changed })).filter(([, value]) => value !== UNKNOWN);
    return diff(shape, checked, stored(shape, "id", Object.fromEntries(planned), false)).deleteFirst;
  };
  it("asks for the old network to go first when the program chose the name, and only then", () => {
    const replacing = (inputs: Bag): boolean =>
      deletesFirst(network, { driver: "bridge", ...inputs }, { driver: "old" });
    assert.deepEqual([replacing({ name: "n" }), replacing({})], [true, false]);
  });
  it("asks for the old container to go first whenever it replaces, named or not", () => {
    const replacing = (inputs: Bag): boolean => deletesFirst(container, { image: "i", ...inputs }, { image: "old" });
    assert.deepEqual([replacing({ name: "n" }), replacing({})], [true, true]);
    assert.equal(deletesFirst(container, { image: "i" }, { memory: 1 }), false);
  });
});

describe("the inputs that a refresh answers with", () => {
  it("are those of the program with what drifted", () => {
    const olds = {
      image: "i",
      ports: [{ internal: 80, __defaults: ["ip"], ip: "0.0.0.0" }],
      memory: 1,
      __defaults: [],
    };
    const ports = [{ external: 5, internal: 80, ip: "1.1.1.1", protocol: "tcp" }];
    const found = inputsOf(container, olds, { image: "i", memory: 2, ports, hostname: "h" });
    assert.deepEqual(found, { ...olds, memory: 2, ports: [{ internal: 80, __defaults: ["ip"], ip: "1.1.1.1" }] });
  });
  it("are all that say something when there was no program yet", () => {
    const found = inputsOf(database, {}, { name: "n", connectionLimit: -1, allowConnections: true, isTemplate: false });
    assert.deepEqual(found, { name: "n", __defaults: [] });
  });
});
