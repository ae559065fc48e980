import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { worldOfSuite, type Said } from "../cli/next/world";

describe("a second person", () => {
  const world = worldOfSuite();
  beforeEach(() => {
    world.reset();
    world.deploy("v1");
    world.deploy("v2");
    world.edit({ path: ["rewind:approval"], value: { validFor: "20m" } });
  });

  /** Runs a command as a named operator. */
  async function as(operator: string, ...words: readonly string[]): Promise<Said> {
    process.env.REWIND_OPERATOR = operator;
    try {
      return await world.rewind(words);
    } finally {
      delete process.env.REWIND_OPERATOR;
    }
  }
  const requestIn = ({ text }: Said): string => /approve --request (\S+)/.exec(text)?.[1] ?? assert.fail(text);
  const stackFile = (): string => readFileSync(world.file, "utf8");

  it("SEC-M3 · agrees before a toggle is set: not oneself, not to another value, and not to a later one in time", async () => {
    const before = stackFile();
    const set = ["toggle", "FAST", "true", "-r", "x", "--no-apply"];
    const alone = await as("first", ...set);
    assert.equal(alone.code, 10, alone.text);
    assert.match(
      alone.text,
      /asks for a second person's agreement.*nothing was touched: toggle: FAST = true, not applied/,
    );
    const request = requestIn(alone);
    assert.equal(requestIn(await as("first", ...set)), request, "asked for once");
    assert.equal((await as("first", "approve", "--request", request, "--yes")).code, 0);
    assert.match((await as("first", ...set)).text, /approved this and cannot be the second person, too/);
    const other = await as("second", "approve", "--request", request, "--yes");
    assert.match(other.text, /Approved by second via .*, for 20m: toggle: FAST = true, not applied/);
    assert.equal((await as("first", "toggle", "FAST", "true", "-r", "x")).code, 10, "applied at once is another act");
    assert.equal(stackFile(), before);
    const done = await as("first", ...set);
    assert.equal(done.code, 0, done.text);
    assert.match(stackFile(), /rewind:toggles:\s*\{? *FAST: true/);
  });

  it("SEC-M3 · agrees before a restore, whatever the stack file of the backup says", async () => {
    world.edit({ path: ["rewind:approval"], value: undefined });
    const made = await as("first", "backup", "create");
    assert.equal(made.code, 0, made.text);
    const backup = world.backup();
    world.edit({ path: ["rewind:approval"], value: {} });
    const before = stackFile();
    for (const parts of [["stack"], ["records", "stack"]]) {
      const restore = ["restore", backup, ...parts.flatMap((part) => ["--part", part]), "--yes"];
      const alone = await as("first", ...restore);
      assert.equal(alone.code, 10, alone.text);
      assert.match(alone.text, new RegExp(`restore: ${parts.join(", ")} as ${backup} has them.* sha256:`));
      assert.equal(stackFile(), before);
    }
    const restore = ["restore", backup, "--part", "stack", "--yes"];
    const request = requestIn(await as("first", ...restore));
    assert.equal((await as("second", "approve", "--request", request, "--yes")).code, 0);
    const done = await as("first", ...restore);
    assert.equal(done.code, 0, done.text);
    assert.doesNotMatch(stackFile(), /approval/);
  });

  it("SEC-M3 · is needed with an unreadable stack file and not with a lost one; a lost log comes back as it was", async () => {
    const made = await as("first", "backup", "create");
    assert.equal(made.code, 0, made.text);
    const backup = world.backup();
    const log = join(world.folder, ".rewind", "records", "dev.jsonl");
    const before = readFileSync(log, "utf8");
    rmSync(log);
    const back = await as("first", "restore", backup, "--part", "records", "--unproven", "--yes");
    assert.equal(back.code, 0, back.text);
    assert.doesNotMatch(readFileSync(log, "utf8"), /"kind":"request"/);
    assert.ok(before.startsWith(readFileSync(log, "utf8").split("\n")[0] ?? "?"));

    const alone = ["restore", backup, "--part", "stack", "--unproven", "--yes"];
    writeFileSync(world.file, `${stackFile()}\n  : [`);
    const unread = await as("first", ...alone);
    assert.equal(unread.code, 10, unread.text);
    assert.match(unread.text, /nobody can agree while it cannot be read; nothing was touched/);
    rmSync(world.file);
    assert.equal((await as("first", ...alone)).code, 0);
    assert.match(stackFile(), /rewind:approval/);
  });

  it("SEC-M3 · reads that nothing proves a backup, and each operator has a request of their own", async () => {
    await as("first", "backup", "create");
    const backup = world.backup();
    rmSync(join(world.folder, ".rewind", "records", "dev.jsonl"));
    world.deploy("v1");
    const restore = ["restore", backup, "--part", "stack", "--unproven", "--yes"];
    const first = await as("first", ...restore);
    assert.match(first.text, /whose manifest is sha256:\w+ and which nothing proves/);
    assert.notEqual(requestIn(await as("third", ...restore)), requestIn(first));
  });

  it("SEC-M3 · agrees to a request that is there, by its id, on a stack that asks for it", async () => {
    assert.match(
      (await as("second", "approve", "--request", "x")).text,
      /nobody requested "x"; the log has no request/,
    );
    assert.match((await as("second", "approve", "v1", "--request", "x")).text, /are two things/);
    world.edit({ path: ["rewind:approval"], value: undefined });
    assert.match((await as("second", "approve", "--request", "x")).text, /asks for no second agreement/);
    assert.equal((await as("first", "toggle", "FAST", "true", "-r", "x", "--no-apply")).code, 0);
  });
});
