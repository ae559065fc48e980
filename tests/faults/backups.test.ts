import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { intoPlace, settle } from "../../recovery/backups/place";
import { backupsIn, isReadable } from "../../recovery/backups/read";
import { problemsOf } from "../../recovery/backups/verify";
import { writeBackup, type Facts } from "../../recovery/backups/write";
import { failEveryStep, saidOf, type Scenario } from "./every-step";

const facts: Facts = { stack: "staging", at: "2026-11-21T15:00:00.000Z", occasion: "request" };

const write = async (folder: string): Promise<string> => {
  const { id } = await writeBackup(join(folder, "a", "backups"), facts, async (staging) => {
    await staging.add("stack/Pulumi.staging.yaml", "a".repeat(700));
    await staging.add("rows/limits.jsonl", "b".repeat(600));
    return undefined;
  });
  return id;
};

const backingUp: Scenario = {
  name: "a backup made",
  act: async (folder, disk) => {
    disk.say(`written ${await write(folder)}`);
  },
  check: async (folder, said) => {
    const listed = (): string[] =>
      backupsIn(join(folder, "a", "backups")).map((backup) => {
        assert.ok(isReadable(backup), "half a backup is listed");
        assert.deepEqual(problemsOf(backup), []);
        return backup.id;
      });
    for (const id of saidOf(said, "written")) assert.ok(listed().includes(id), "a backup is lost");
    const next = await write(folder);
    assert.ok(listed().includes(next));
  },
};

const [old, restored] = ["o".repeat(700), "n".repeat(900)];

/** Puts a file of a backup into its place, and a folder of one file into another's. */
const restoring: Scenario = {
  name: "a file and a folder restored",
  prepare: (folder) => {
    for (const name of ["folder", "from"]) mkdirSync(join(folder, name));
    for (const name of ["file", "folder/one"]) writeFileSync(join(folder, name), old);
    writeFileSync(join(folder, "from", "one"), restored);
  },
  act: (folder, disk) => {
    intoPlace(join(folder, "from", "one"), join(folder, "file"));
    disk.say("written file");
    intoPlace(join(folder, "from"), join(folder, "folder"));
    disk.say("written folder/one");
  },
  check: (folder, said) => {
    for (const name of ["file", "folder"]) settle(join(folder, name));
    assert.deepEqual(readdirSync(folder).sort(), ["file", "folder", "from"]);
    for (const name of ["file", "folder/one"]) {
      const found = readFileSync(join(folder, name), "utf8");
      assert.ok([old, restored].includes(found), `${name} is a mix`);
      assert.ok(found === restored || !saidOf(said, "written").includes(name), `${name} is lost`);
    }
    intoPlace(join(folder, "from"), join(folder, "folder"));
    assert.equal(readFileSync(join(folder, "folder", "one"), "utf8"), restored);
  },
};

describe("backups, where every step on the disk fails in turn", () => {
  for (const scenario of [backingUp, restoring]) {
    it(`L8 · are whole or not there, and what they replace is the old or the new: ${scenario.name}`, async () => {
      await failEveryStep(scenario);
    });
  }
});
