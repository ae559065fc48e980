import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { worldOfSuite } from "./next/world";

describe("a project that keeps its stack files in a folder of their own", () => {
  const world = worldOfSuite();
  const own = (): string => join(world.folder, "config", "Pulumi.dev.yml");
  before(() => {
    world.reset();
    mkdirSync(join(world.folder, "config"));
    renameSync(world.file, own());
    rmSync(join(world.folder, "Pulumi.yaml"));
    writeFileSync(
      join(world.folder, "Pulumi.yml"),
      "name: rewind\nruntime: nodejs\nstackConfigDir: config\nconfig:\n  rewind:release: v2\n",
    );
    // The pin is the project's.
    writeFileSync(own(), readFileSync(own(), "utf8").replace("  rewind:release: v1\n", ""));
  });

  it("is examined, backed up and restored there, and rolled back although the pin is the project's", async () => {
    const examined = await world.rewind(["doctor"]);
    assert.match(examined.text, /✓ stack file +staging, pins v2, 3 releases/);
    const before = readFileSync(own(), "utf8");

    const made = await world.rewind(["backup", "create"]);
    assert.equal(made.code, 0, made.text);
    const backup = world.backup();
    const kept = (name: string) => join(world.folder, ".rewind", "backups", "dev", backup, "stack", name);
    assert.equal(readFileSync(kept("Pulumi.dev.yml"), "utf8"), before);
    assert.ok(existsSync(kept("Pulumi.yml")));
    const verified = await world.rewind(["backup", "verify", backup, "--level", "comprehensive"]);
    assert.match(verified.text, /stack file +\d+ ms +it pins v2/);

    writeFileSync(own(), "config: {}\n");
    const restored = await world.rewind(["restore", backup, "--part", "stack", "--yes"]);
    assert.equal(restored.code, 0, restored.text);
    assert.equal(readFileSync(own(), "utf8"), before);

    const rolled = await world.rewind(["rollback", "v1"]);
    assert.match(rolled.text, /ROLLBACK SUCCESS/);
    assert.match(readFileSync(own(), "utf8"), /^ {2}rewind:release: v1$/m);
    assert.ok(!existsSync(join(world.folder, "Pulumi.dev.yaml")));
  }).timeout(120_000);

  it("has its problems told with the path of the file", async () => {
    const text = readFileSync(own(), "utf8");
    writeFileSync(own(), text.replace("kind: staging", "kind: none"));
    const said = await world.rewind(["status"]);
    writeFileSync(own(), text);
    assert.match(said.text, /^config\/Pulumi\.dev\.yml:\d+ environment\.kind: expected/);
  }).timeout(60_000);
});
