import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeSealed } from "../../cli/sealed-folder";
import { writeAtomically } from "../../records/atomic-file";
import { failEveryStep, saidOf, type Scenario } from "./every-step";

const sha256 = (text: string): string => hash("sha256", text);

/** Replaces a file of several sectors by another. */
const replacing: Scenario = {
  name: "a file replaced",
  prepare: (folder) => {
    writeFileSync(join(folder, "file"), "0".repeat(1_300));
  },
  act: (folder, disk) => {
    const text = `${disk.steps.length + 1}`.repeat(1_400);
    disk.say(`begun ${text}`);
    writeAtomically(join(folder, "file"), text);
    disk.say(`written ${text}`);
  },
  check: (folder, said) => {
    const found = readFileSync(join(folder, "file"), "utf8");
    const begun = ["0".repeat(1_300), ...saidOf(said, "begun")];
    const written = saidOf(said, "written").at(-1);
    assert.ok(begun.includes(found), "a mix of two texts");
    if (written !== undefined) assert.ok(begun.indexOf(found) >= begun.indexOf(written), "the new text is lost");
    writeAtomically(join(folder, "file"), "after");
    assert.equal(readFileSync(join(folder, "file"), "utf8"), "after");
  },
};

const contents = { "stack.yaml": "a".repeat(700), "rows.jsonl": "b".repeat(600) };

/** Seals a folder, unless it is there. */
const sealing: Scenario = {
  name: "a folder sealed",
  act: (folder, disk) => {
    if (existsSync(join(folder, "a", "backup"))) return;
    writeSealed(join(folder, "a", "backup"), contents);
    disk.say("written it");
  },
  check: (folder, said) => {
    const place = join(folder, "a", "backup");
    assert.ok(existsSync(place) || saidOf(said, "written").length === 0, "it is lost");
    if (!existsSync(place)) writeSealed(place, contents);
    assert.deepEqual(readdirSync(place).sort(), ["SHA256SUMS", "rows.jsonl", "stack.yaml"]);
    const sums = Object.entries(contents).map(([name, text]) => `${sha256(text)}  ${name}\n`);
    assert.equal(readFileSync(join(place, "SHA256SUMS"), "utf8"), sums.join(""));
    for (const [name, text] of Object.entries(contents)) assert.equal(readFileSync(join(place, name), "utf8"), text);
  },
};

describe("files that are replaced or sealed, where every step on the disk fails in turn", () => {
  for (const scenario of [replacing, sealing]) {
    it(`are as they were or as they were to be, never a mix: ${scenario.name}`, async () => {
      await failEveryStep(scenario);
    });
  }
});
