import assert from "node:assert/strict";
import { existsSync, readFileSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { patience } from "../../records/lock";
import { openFileLog } from "../../records/log";
import { thisRunner } from "../../records/runner";
import { verifyLog } from "../../records/verify";
import { failEveryStep, saidOf, type Scenario } from "./every-step";

const reasonsOf = (path: string): string[] =>
  openFileLog(path, "staging", String)
    .entries()
    .flatMap((entry) => (entry.kind === "hold" ? [entry.reason] : []));

const append = (path: string, ...reasons: string[]): void => {
  const log = openFileLog(path, "staging", String);
  for (const reason of reasons) log.append({ kind: "hold", release: "v1", reason });
};

const isTampered = (path: string): boolean =>
  existsSync(path) && verifyLog(readFileSync(path), path).result === "tampered";

/** Appends a short entry and one of several sectors. */
function writing(pathOf: (folder: string) => string): Pick<Scenario, "act" | "check"> {
  return {
    act: (folder, disk) => {
      const first = `${disk.steps.length}`;
      for (const reason of [first, first.padEnd(1_500, "x")]) {
        disk.say(`begun ${reason}`);
        append(pathOf(folder), reason);
        disk.say(`written ${reason}`);
      }
    },
    check: (folder, said) => {
      const path = pathOf(folder);
      const [begun, written] = [saidOf(said, "begun"), saidOf(said, "written")];
      const found = reasonsOf(path).filter((reason) => !reason.startsWith("before"));
      assert.deepEqual(
        found,
        begun.filter((reason) => found.includes(reason)),
        "one is there that nobody wrote, or not in its place",
      );
      assert.deepEqual(
        written.filter((reason) => !found.includes(reason)),
        [],
        "one that was acknowledged is lost",
      );
      assert.ok(!isTampered(path));
      append(path, "after");
      assert.deepEqual(
        reasonsOf(path).filter((reason) => !reason.startsWith("before")),
        [...found, "after"],
      );
      assert.ok(!isTampered(path), "after the next entry");
    },
  };
}

const inFolder = (folder: string): string => join(folder, "staging.jsonl");

const scenarios: readonly Scenario[] = [
  { name: "the first entries of all", ...writing((folder) => join(folder, "a", "b", "staging.jsonl")) },
  {
    name: "entries behind others",
    prepare: (folder) => {
      append(inFolder(folder), "before", "before".padEnd(600, "x"));
    },
    ...writing(inFolder),
  },
  {
    name: "entries behind one that a crash tore",
    prepare: (folder) => {
      append(inFolder(folder), "before", "torn");
      truncateSync(inFolder(folder), readFileSync(inFolder(folder)).length - 100);
    },
    ...writing(inFolder),
  },
  {
    name: "entries behind a writer that died in its turn",
    prepare: (folder) => {
      append(inFolder(folder), "before");
      symlinkSync(JSON.stringify({ ...thisRunner(), began: "1" }), `${inFolder(folder)}.2.lock`);
    },
    ...writing(inFolder),
  },
  { name: "entries where there can be no links", links: false, ...writing(inFolder) },
];

describe("the deployment log, where every step on the disk fails in turn", () => {
  // A lock that is torn does not say whom to ask.
  const before = { ...patience };
  beforeEach(() => Object.assign(patience, { unknown: 1 }));
  afterEach(() => Object.assign(patience, before));

  for (const scenario of scenarios) {
    it(`keeps what was acknowledged, invents nothing and goes on: ${scenario.name}`, async () => {
      await failEveryStep(scenario);
    });
  }
});
