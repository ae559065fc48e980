import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { copyInto, differences, inventoryOf, surplusOf } from "../../records/convert";
import type { Json, Store } from "../../records/store";
import { openStore } from "../../records/stores";

const name = fc.constantFrom("staging", "prod", "a", "a-1", "A", "x.y");
const key = fc.oneof(fc.constantFrom("__proto__", "1", "a/b"), fc.string({ minLength: 1, unit: "grapheme" }));
const records = fc.dictionary(key, fc.jsonValue() as fc.Arbitrary<Json>, { maxKeys: 5 });
const content = fc.record({
  journals: fc.dictionary(name, fc.uint8Array({ maxLength: 300 }), { maxKeys: 3 }),
  collections: fc.dictionary(name, records, { maxKeys: 3 }),
});

describe("the conversion of a store", () => {
  let folder = "";
  let run = 0;
  const fresh = (store: "json" | "leveldb") => openStore({ store, folder: join(folder, `${(run += 1)}`) });
  const fill = async (
    store: Store,
    { journals, collections }: typeof content extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    for (const [each, bytes] of Object.entries(journals)) await store.journal(each).append(Buffer.from(bytes), 0);
    for (const [each, all] of Object.entries(collections)) {
      await store.collection(each).write(new Map(Object.entries(all)));
    }
    return store;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-convert-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("L5 · brings any content from JSON into LevelDB and back, equal entry by entry", async () => {
    await fc.assert(
      fc.asyncProperty(content, async (all) => {
        const [first, second, third] = [await fill(fresh("json"), all), fresh("leveldb"), fresh("json")];
        await copyInto(second, first);
        await copyInto(third, second);
        assert.deepEqual(await differences(first, second), []);
        assert.deepEqual(await differences(first, third), []);
        const counted = await inventoryOf(first);
        assert.deepEqual(await inventoryOf(second), counted);
        assert.deepEqual(await inventoryOf(third), counted);
        const some = Object.values(all.journals).filter(({ length }) => length > 0);
        assert.equal(counted.journals.length, some.length);
      }),
      { numRuns: 6 },
    );
  });

  it("L5 · goes on where a copy broke off", async () => {
    const from = fresh("json");
    await from.journal("staging").append(Buffer.from("one\ntwo\n"), 0);
    await from.journal("prod").append(Buffer.from("three\n"), 0);
    await from.collection("contracts").write(new Map([["a", { x: [1] }]]));
    const to = fresh("leveldb");
    await to.journal("staging").append(Buffer.from("one\n"), 0);
    assert.deepEqual(await surplusOf(to, from), []);
    assert.notDeepEqual(await differences(to, from), []);
    await copyInto(to, from);
    await copyInto(to, from);
    assert.deepEqual(await differences(to, from), []);
  });

  it("L5 · names what only one of two stores has, entry by entry", async () => {
    const [from, to] = [fresh("json"), fresh("leveldb")];
    await from.journal("staging").append(Buffer.from("one\ntwo\n"), 0);
    await to.journal("staging").append(Buffer.from("one\ntWo\nthree\n"), 0);
    await to.journal("prod").append(Buffer.from("four\n"), 0);
    await from.collection("contracts").write(
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    await to.collection("contracts").write(
      new Map([
        ["a", 1],
        ["b", 3],
        ["c", 4],
      ]),
    );
    assert.deepEqual(await surplusOf(to, from), [
      "the journal prod from line 1 on",
      "the journal staging from line 2 on",
      'the record "b" of contracts',
      'the record "c" of contracts',
    ]);
    assert.deepEqual(await surplusOf(to, from, (journal) => journal === "other"), [
      'the record "b" of contracts',
      'the record "c" of contracts',
    ]);
  });
});
