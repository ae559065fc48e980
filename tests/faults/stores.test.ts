import assert from "node:assert/strict";
import { join } from "node:path";
import { copyInto, differences, surplusOf } from "../../records/convert";
import { patience } from "../../records/lock";
import type { Json } from "../../records/store";
import { openJsonStore } from "../../records/stores/json";
import { failEveryStep, saidOf, type Scenario } from "./every-step";

const inFolder = (folder: string) => openJsonStore(join(folder, "a", "records"));

/** Puts two records at once, each of several sectors, and takes one away. */
const writing: Scenario = {
  name: "records put and taken away at once",
  act: async (folder, disk) => {
    const contracts = inFolder(folder).collection("contracts");
    for (const record of [disk.steps.length, disk.steps.length + 0.5]) {
      disk.say(`begun ${record}`);
      const changes = new Map<string, Json>([
        ["a", { record, text: "x".repeat(600) }],
        ["b", { record }],
      ]);
      await contracts.write(changes);
      disk.say(`written ${record}`);
    }
  },
  check: async (folder, said) => {
    const contracts = inFolder(folder).collection("contracts");
    const [a, b] = (await Promise.all(["a", "b"].map((key) => contracts.get(key)))) as (
      { record: number } | undefined
    )[];
    assert.equal(a?.record, b?.record, "a mix of two writes");
    const begun = [undefined, ...saidOf(said, "begun").map(Number)];
    assert.ok(begun.includes(a?.record), "a record that nobody wrote");
    const written = saidOf(said, "written").map(Number).at(-1);
    assert.ok(begun.indexOf(a?.record) >= begun.indexOf(written), "one that was acknowledged is lost");
    await contracts.write(
      new Map([
        ["a", undefined],
        ["c", "after"],
      ]),
    );
    assert.deepEqual([await contracts.get("a"), await contracts.get("c")], [undefined, "after"]);
  },
};

const appending: Scenario = {
  name: "lines appended to a journal",
  act: async (folder, disk) => {
    const journal = inFolder(folder).journal("staging");
    const [text, at] = [`${disk.steps.length} `.repeat(300).concat("\n"), await journal.size()];
    disk.say(`begun ${text}`);
    assert.ok(await journal.append(Buffer.from(text), at));
    disk.say(`written ${text}`);
  },
  check: async (folder, said) => {
    const journal = inFolder(folder).journal("staging");
    const text = (await journal.read()).toString();
    for (const written of saidOf(said, "written"))
      assert.ok(text.includes(written), "one that was acknowledged is lost");
    assert.ok(await journal.append(Buffer.from("after\n"), await journal.size()));
    assert.ok((await journal.read()).toString().endsWith("after\n"));
  },
};

const source = (folder: string) => openJsonStore(join(folder, "source"));

const converting: Scenario = {
  name: "a store copied into another",
  prepare: async (folder) => {
    const from = source(folder);
    await from.journal("staging").append(Buffer.from("a line\n".repeat(120)), 0);
    await from.collection("contracts").write(
      new Map<string, Json>([
        ["a", "x".repeat(700)],
        ["b", 2],
      ]),
    );
    await from.collection("others").write(new Map([["c", 3]]));
  },
  act: async (folder, disk) => {
    const [from, to] = [source(folder), inFolder(folder)];
    assert.deepEqual(await surplusOf(to, from), []);
    await copyInto(to, from);
    assert.deepEqual(await differences(to, from), []);
    disk.say("written all");
  },
  check: async (folder, said) => {
    const [from, to] = [source(folder), inFolder(folder)];
    assert.equal((await from.journal("staging").read()).toString(), "a line\n".repeat(120), "the old store is kept");
    if (saidOf(said, "written").length === 0) {
      // The power leaves zeros where the disk did not come to write: that is seen, and such a copy is not gone on with.
      if ((await surplusOf(to, from)).length > 0) return;
      await copyInto(to, from);
    }
    assert.deepEqual(await differences(to, from), [], "the copy goes on where it broke off");
  },
};

describe("a store in files, where every step on the disk fails in turn", () => {
  const before = { ...patience };
  beforeEach(() => Object.assign(patience, { unknown: 1 }));
  afterEach(() => Object.assign(patience, before));

  for (const scenario of [writing, appending, converting]) {
    it(`L5 · holds all of a change or nothing, loses none that was acknowledged and goes on: ${scenario.name}`, async () => {
      await failEveryStep(scenario);
    });
  }
});
