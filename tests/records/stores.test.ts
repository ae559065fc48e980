import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { ClassicLevel } from "classic-level";
import { NewerLog } from "../../records/line";
import { DamagedStore, StoreHeld } from "../../records/store";
import { openStore } from "../../records/stores";
import { openLevelStore } from "../../records/stores/leveldb";
import { describeLogIn } from "./log-suite";
import { describeStore, filesIn } from "./store-suite";

/** Says in a file that its form is one that this Rewind does not know. */
function age(path: string): void {
  writeFileSync(path, readFileSync(path, "utf8").replace(/"version": ?1/, '"version":2'));
}

describeStore("JSON files", {
  place: (folder) => ({ store: "json", folder }),
  age: (folder) => {
    age(join(folder, "contracts.unified.json"));
  },
  image: filesIn,
});

describeStore("LevelDB", {
  place: (folder) => ({ store: "leveldb", folder }),
  age: (folder) => {
    age(join(folder, "leveldb", "format.json"));
  },
  image: filesIn,
});

describeLogIn("JSON files", (folder) => ({ store: "json", folder }));
describeLogIn("LevelDB", (folder) => ({ store: "leveldb", folder }));

describe("the files of a store", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-store-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Records in LevelDB, and who else holds it. */
  async function held(allowed?: number) {
    const contracts = openLevelStore(folder, allowed).collection("contracts");
    await contracts.write(new Map([["a", 1]]));
    const holder = new ClassicLevel(join(folder, "leveldb", "data"));
    await holder.open();
    return { contracts, holder };
  }

  it("L5 · of JSON have a record on a line, in the order of the keys", async () => {
    const contracts = openStore({ store: "json", folder }).collection("contracts");
    await contracts.write(
      new Map([
        ["b", { x: 1 }],
        ["10", [2]],
      ]),
    );
    await contracts.write(new Map([["9", true]]));
    assert.equal(
      readFileSync(join(folder, "contracts.unified.json"), "utf8"),
      '{\n  "format": "rewind-records",\n  "version": 1,\n  "revision": 2,\n  "records": {\n    "10": [2],\n    "9": true,\n    "b": {"x":1}\n  }\n}\n',
    );
  });

  it("L5 · that are none are named as damaged, and left as they are", async () => {
    for (const text of ["", "{", "[]", "null", '{"format":"other"}', '{"format":"rewind-records","version":1}']) {
      writeFileSync(join(folder, "contracts.unified.json"), text);
      const contracts = openStore({ store: "json", folder }).collection("contracts");
      await assert.rejects(contracts.get("a"), DamagedStore);
      await assert.rejects(contracts.write(new Map([["a", 1]])), DamagedStore);
      assert.equal(readFileSync(join(folder, "contracts.unified.json"), "utf8"), text);
    }
    mkdirSync(join(folder, "leveldb", "data"), { recursive: true });
    await assert.rejects(openStore({ store: "leveldb", folder }).journals(), DamagedStore);
    writeFileSync(join(folder, "leveldb", "format.json"), "{}");
    await assert.rejects(openStore({ store: "leveldb", folder }).journals(), DamagedStore);
  });

  it("L5 · of JSON let nobody append behind an entry of a newer version", async () => {
    const newer = '{"version":9,"kind":"intent"}\n';
    writeFileSync(join(folder, "staging.jsonl"), newer);
    const journal = openStore({ store: "json", folder }).journal("staging");
    await assert.rejects(journal.append(Buffer.from("x\n"), newer.length), NewerLog);
    assert.equal(readFileSync(join(folder, "staging.jsonl"), "utf8"), newer);
  });

  it("L5 · of LevelDB that somebody holds are refused by name after a while", async () => {
    const { contracts, holder } = await held(50);
    await assert.rejects(contracts.get("a"), (error) => {
      return error instanceof StoreHeld && error.message.startsWith(join(folder, "leveldb"));
    });
    await holder.close();
  });

  it("L5 · of LevelDB that somebody holds are waited for", async () => {
    const { contracts, holder } = await held();
    const patient = contracts.get("a");
    await holder.close();
    assert.equal(await patient, 1);
  });

  it("L5 · of one LevelDB that is opened twice in a process are written side by side, and others kept out", async () => {
    // One that waits for itself would give up at once.
    const [one, other] = [openLevelStore(folder, 0), openStore({ store: "leveldb", folder: relative(".", folder) })];
    const [ones, others] = [one.collection("contracts"), other.collection("contracts")];
    await ones.write(new Map([["first", 0]]));
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    await Promise.all(
      numbers.flatMap((number) => [
        ones.write(new Map([[`a${number}`, number]])),
        others.write(new Map([[`b${number}`, number]])),
      ]),
    );
    for (const number of numbers) {
      assert.deepEqual([await others.get(`a${number}`), await ones.get(`b${number}`)], [number, number]);
    }
  });
});
