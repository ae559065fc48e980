import assert from "node:assert/strict";
import { bucketShape } from "../../../local/plugins/aws/shapes";
import { check } from "../../../local/plugins/check";
import { container, network } from "../../../local/plugins/docker/shapes";
import { role } from "../../../local/plugins/postgresql/shapes";
import { textOf, UNKNOWN, type Bag } from "../../../local/plugins/schema";

const seed = Buffer.from("a seed");
const ask = (news: Bag, olds: Bag = {}): { name: string; news: Bag; olds: Bag; seed: Uint8Array } => ({
  name: "api",
  news,
  olds,
  seed,
});
const reasons = (shape: typeof container, news: Bag): string[] =>
  check(shape, ask(news)).failures.map(({ property, reason }) => `${property}: ${reason}`);

describe("the check of a local plugin", () => {
  it("names a resource after its logical name and seven digits of the seed", () => {
    const { inputs } = check(network, ask({}));
    assert.match(textOf(inputs.name), /^api-[0-9a-f]{7}$/);
    assert.equal(check(network, ask({})).inputs.name, inputs.name);
    assert.deepEqual(inputs.__defaults, ["ipamDriver", "name"]);
  });
  it("keeps a name that it gave before", () => {
    const olds = { name: "api-0123456", __defaults: ["ipamDriver", "name"], ipamDriver: "default" };
    assert.equal(check(network, ask({}, olds)).inputs.name, "api-0123456");
  });
  it("gives a name of its own when the program drops the one that it chose", () => {
    const olds = { name: "chosen", __defaults: ["ipamDriver"], ipamDriver: "default" };
    assert.match(textOf(check(network, ask({}, olds)).inputs.name), /^api-[0-9a-f]{7}$/);
  });
  it("takes the name that the engine proposes", () => {
    const asked = { ...ask({}), autonaming: { proposed: "api-dev", disabled: false } };
    assert.equal(check(network, asked).inputs.name, "api-dev");
  });
  it("wants a name when the engine has turned automatic names off", () => {
    const asked = { ...ask({}), autonaming: { proposed: "", disabled: true } };
    assert.deepEqual(
      check(network, asked).failures.map(({ property }) => property),
      ["name"],
    );
  });
  it("lists every misspelled, missing and misshapen input with its path", () => {
    const found = reasons(container, { nmae: "x", envs: "A=b", ports: [{ internal: "eighty" }, "80"], memory: "128" });
    assert.deepEqual(
      found.map((reason) => reason.replace(/;.*/, "")),
      [
        "nmae: no such input",
        "envs: expected a list, got a string",
        "image: required, but no value was given",
        "ports[0].internal: expected a number, got a string",
        "ports[1]: expected an object, got a string",
      ],
    );
  });
  it("shows no value in a failure, for it may be a secret", () => {
    assert.ok(
      !reasons(role, { password: { hunter2: "x" } })
        .join()
        .includes("hunter2"),
    );
  });
  it("leaves an unknown value alone", () => {
    const { inputs, failures } = check(container, ask({ image: UNKNOWN, ports: UNKNOWN, envs: [UNKNOWN] }));
    assert.deepEqual(failures, []);
    assert.equal(inputs.ports, UNKNOWN);
  });
  it("takes numbers and flags that arrive as text", () => {
    const { inputs } = check(container, ask({ image: "i", memory: "128", init: "true" }));
    assert.deepEqual([inputs.memory, inputs.init], [128, true]);
  });
  it("treats a key that objects have by nature as any other unknown key", () => {
    assert.equal(reasons(network, JSON.parse('{"__proto__": {"x": 1}, "constructor": "y"}') as Bag).length, 2);
  });
  it("gives buckets lower-case names, unless a prefix decides", () => {
    const shape = bucketShape(() => ({}));
    assert.match(textOf(check(shape, { ...ask({}), name: "Assets" }).inputs.bucket), /^assets-[0-9a-f]{7}$/);
    assert.equal(check(shape, ask({ bucketPrefix: "pre-" })).inputs.bucket, undefined);
    assert.equal(check(shape, { ...ask({}), name: "x".repeat(60) }).failures.length, 1);
  });
  it("adds the provider's tags to those of a bucket", () => {
    const { inputs } = check(
      bucketShape(() => ({ team: "a", stage: "b" })),
      ask({ tags: { stage: "c" } }),
    );
    assert.deepEqual(inputs.tags, { team: "a", stage: "c" });
    assert.deepEqual(inputs.tagsAll, inputs.tags);
  });
});
