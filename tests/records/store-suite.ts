import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { canonicalJson } from "../../release/canonical";
import { NewerStore, type Json, type Store } from "../../records/store";
import { openStore, type Place } from "../../records/stores";

const loader = join(__dirname, "..", "..", "typescript.js");

/** A backend under test. */
export interface Subject {
  /** An empty place, of which `folder` is removed afterwards. */
  readonly place: (folder: string) => Place | Promise<Place>;
  /** Makes what is there look like a newer Rewind's. */
  readonly age: (folder: string) => void | Promise<void>;
  /** What is there, byte for byte. */
  readonly image: (folder: string) => unknown;
}

/** Every file below a folder with its bytes. */
export function filesIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "hex")]),
  );
}

/** All records of a collection. */
export async function all(store: Store, name: string): Promise<(readonly [string, Json])[]> {
  const found: (readonly [string, Json])[] = [];
  for await (const entry of store.collection(name).entries()) found.push(entry);
  return found;
}

/** What a store of every backend does. */
export function describeStore(name: string, { place: placeIn, age, image }: Subject): void {
  describe(`a store in ${name}`, () => {
    let folder = "";
    let place: Place;
    let store: Store;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "rewind-store-"));
      place = await placeIn(folder);
      store = openStore(place);
    });
    afterEach(async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    });

    it("L5 · is empty before the first record, and reading it makes nothing", async () => {
      const before = await image(folder);
      assert.deepEqual([await store.journals(), await store.collections()], [[], []]);
      assert.equal(await store.journal("staging").size(), 0);
      assert.deepEqual(await store.journal("staging").read(), Buffer.alloc(0));
      assert.equal(await store.collection("contracts").get("a"), undefined);
      assert.deepEqual(await all(store, "contracts"), []);
      assert.deepEqual(await image(folder), before);
    });

    it("L5 · gives a record back as it was put, also to another process", async () => {
      const record = { address: "0x00", nested: [1, null, { deep: "ä\u0000\ud800😀" }], big: 1e300 };
      await store.collection("contracts").write(new Map([["a", record]]));
      assert.deepEqual(await openStore(place).collection("contracts").get("a"), record);
      assert.equal(await store.collection("contracts").get("b"), undefined);
      assert.equal(await store.collection("others").get("a"), undefined);
    });

    it("L5 · changes several records at once, and takes away those that are undefined", async () => {
      const contracts = store.collection("contracts");
      await contracts.write(
        new Map([
          ["a", 1],
          ["b", 2],
        ]),
      );
      await contracts.write(
        new Map<string, Json | undefined>([
          ["a", undefined],
          ["c", null],
          ["never there", undefined],
        ]),
      );
      assert.deepEqual(await all(store, "contracts"), [
        ["b", 2],
        ["c", null],
      ]);
    });

    it("L5 · writes nothing of a change of which one part cannot be written", async () => {
      const contracts = store.collection("contracts");
      await contracts.write(new Map([["a", 1]]));
      for (const bad of ["", "\ud800", "ü".repeat(513)]) {
        const changes = new Map([
          ["a", 2],
          [bad, 3],
        ]);
        await assert.rejects(contracts.write(changes), RangeError);
      }
      assert.deepEqual(await all(store, "contracts"), [["a", 1]]);
    });

    it("L5 · lists records in the order of their keys' bytes, whatever the keys look like", async () => {
      const keys = [
        "__proto__",
        "constructor",
        "10",
        "9",
        "/",
        "../..",
        "a/b",
        "a\0b",
        "a",
        "A",
        "é",
        "\uffee",
        "😀",
        " ",
      ];
      await store.collection("contracts").write(new Map(keys.map((key) => [key, { key, __proto__: null }])));
      const listed = (await all(store, "contracts")).map(([key]) => key);
      assert.deepEqual(
        listed,
        [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
      for (const key of keys) assert.deepEqual(await store.collection("contracts").get(key), { key });
      assert.equal(await store.collection("contracts").get("toString"), undefined);
    });

    it("L5 · keeps a record named __proto__ inside another as what it is", async () => {
      const record = JSON.parse('{"__proto__": {"polluted": true}, "own": 1}') as Json;
      await store.collection("contracts").write(new Map([["a", record]]));
      assert.equal(canonicalJson(await store.collection("contracts").get("a")), canonicalJson(record));
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    });

    it("L5 · refuses names that could lead out of it", () => {
      for (const bad of ["", "..", ".hidden", "a/b", "a\\b", "../x", "-x", "a\0", "ä", "x".repeat(101)]) {
        assert.throws(() => store.journal(bad), RangeError);
        assert.throws(() => store.collection(bad), RangeError);
      }
    });

    it("L5 · lists its journals and collections, without those that became empty", async () => {
      for (const each of ["b", "a-1", "a", "Z"]) {
        await store.collection(each).write(new Map([["key", each]]));
        await store.journal(each).append(Buffer.from(`${each}\n`), 0);
      }
      await store.collection("a-1").write(new Map([["key", undefined]]));
      assert.deepEqual(await store.collections(), ["Z", "a", "b"]);
      assert.deepEqual(await store.journals(), ["Z", "a", "a-1", "b"]);
      assert.deepEqual(await all(store, "a"), [["key", "a"]]);
    });

    it("L5 · appends only where the journal ends, and tells whoever came second", async () => {
      const journal = store.journal("staging");
      assert.equal(await journal.append(Buffer.from("one\n"), 0), true);
      assert.equal(await journal.append(Buffer.from("late\n"), 0), false);
      assert.equal(await journal.append(Buffer.from("early\n"), 99), false);
      assert.equal(await journal.append(Buffer.from("two\n"), 4), true);
      assert.equal(String(await journal.read()), "one\ntwo\n");
      assert.equal(await journal.size(), 8);
      for (const from of [0, 1, 3, 4, 5, 8]) assert.equal(String(await journal.read(from)), "one\ntwo\n".slice(from));
    });

    it("L5 · lets one of several appends at the same place through", async () => {
      const journals = Array.from({ length: 4 }, () => openStore(place).journal("staging"));
      const done = await Promise.all(journals.map((journal, at) => journal.append(Buffer.from(`${at}\n`), 0)));
      assert.equal(done.filter(Boolean).length, 1);
      assert.equal(await store.journal("staging").size(), 2);
    });

    it("L5 · keeps big records and long journals whole", async () => {
      const text = "0123456789abcdef".repeat(200_000);
      await store.collection("contracts").write(new Map([["big", { text }]]));
      assert.deepEqual(await store.collection("contracts").get("big"), { text });
      const journal = store.journal("staging");
      const bytes = Buffer.from(`${text}\n`);
      assert.equal(await journal.append(bytes, 0), true);
      assert.equal(await journal.append(bytes, bytes.length), true);
      assert.equal(Buffer.compare(await journal.read(), Buffer.concat([bytes, bytes])), 0);
      assert.equal(Buffer.compare(await journal.read(1_500_000), Buffer.concat([bytes, bytes]).subarray(1_500_000)), 0);
    });

    it("L5 · lets processes that write at once lose nothing", async () => {
      const names = ["one", "two", "three"];
      const ended = names.map(async (each) => {
        const args = ["--require", loader, join(__dirname, "store-writer.ts"), JSON.stringify(place), each, "8"];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
        return (await once(child, "close")) as [number];
      });
      assert.deepEqual(
        (await Promise.all(ended)).map(([code]) => code),
        [0, 0, 0],
      );
      const expected = names.flatMap((each) => Array.from({ length: 8 }, (_, at) => `${each}-${at}`)).sort();
      assert.deepEqual((await all(store, "contracts")).map(([key]) => key).sort(), expected);
      assert.deepEqual(
        String(await store.journal("staging").read())
          .trim()
          .split("\n")
          .sort(),
        expected,
      );
    });

    it("L5 · of a newer version is refused, its bytes untouched", async () => {
      await store.collection("contracts").write(new Map([["a", 1]]));
      await store.close();
      await age(folder);
      const before = await image(folder);
      const reopened = openStore(place);
      await assert.rejects(reopened.collection("contracts").get("a"), NewerStore);
      await assert.rejects(reopened.collections(), NewerStore);
      await assert.rejects(reopened.collection("contracts").write(new Map([["a", 2]])), NewerStore);
      assert.deepEqual(await image(folder), before);
      await reopened.close();
    });

    it("L5 · answers like a map, whatever is written in which order", async () => {
      const key = fc.oneof(fc.constantFrom("a", "b", "__proto__", "1"), fc.string({ minLength: 1, unit: "grapheme" }));
      const change = fc.dictionary(key, fc.option(fc.jsonValue() as fc.Arbitrary<Json>, { nil: undefined }));
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 4 }), async (changes) => {
          const own = store.collection(`c${(run += 1)}`);
          const model = new Map<string, Json>();
          for (const each of changes) {
            const map = new Map(Object.entries(each));
            await own.write(map);
            for (const [name, record] of map) {
              if (record === undefined) model.delete(name);
              else model.set(name, record);
            }
          }
          const found = new Map<string, Json>();
          for await (const [name, record] of own.entries()) found.set(name, record);
          assert.deepEqual(
            [...found.keys()],
            [...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
          );
          for (const [name, record] of model) assert.equal(JSON.stringify(found.get(name)), JSON.stringify(record));
        }),
        { numRuns: 15 },
      );
    });
  });
}
