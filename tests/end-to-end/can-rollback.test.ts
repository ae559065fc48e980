import assert from "node:assert/strict";
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CanRollback, Diagnosis } from "../../cli/json/assessment";
import { checkout } from "./local-home";
import { fixtureFor, stack as name, type Fixture } from "./fixture";
import { imageOf, takeOffHost, withoutManifest } from "./images";
import { patientUp } from "./patient";
import { keepTheDatabase } from "./stack-edits";

describe("whether a rollback can be done, asked of real components", function () {
  let stack: Fixture;
  let original: string | undefined;
  const backups = join(checkout, ".rewind", "backups", name);
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    rmSync(backups, { recursive: true, force: true });
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    stack.pin("v1.2.0");
    await patientUp(stack);
    stack.pin("v1.2.1");
    await patientUp(stack);
  });
  after(() => {
    if (original !== undefined) writeFileSync(stack.stackFile, original);
    rmSync(backups, { recursive: true, force: true });
  });

  /** What the verb says, which never holds a secret and never touches anything. */
  const asked = async (...args: string[]) => {
    const before = { entries: stack.log().length, containers: await stack.containers() };
    const { code, stdout, output } = await stack.rewind("can-rollback", ...args, "--json");
    for (const secret of await stack.secrets()) assert.ok(!output.includes(secret), "a secret");
    assert.deepEqual({ entries: stack.log().length, containers: await stack.containers() }, before);
    return { code, output, found: JSON.parse(stdout) as CanRollback };
  };
  const unwell = ({ releases }: CanRollback) =>
    (releases[0]?.verdict.checks ?? []).filter(({ result }) => result !== "passed");

  it("G2 · P4 · the release before can be rolled back to, with the checks that the gate would ask", async () => {
    const { code, found, output } = await asked();
    assert.equal(code, 0, output);
    assert.deepEqual([found.applied, found.can, found.next], ["v1.2.1", true, "rewind rollback v1.2.0"]);
    const [only, ...others] = found.releases;
    assert.deepEqual([only?.release, only?.can, only?.reason, others], ["v1.2.0", true, null, []]);
    const names = only?.verdict.checks.map((check) => check.name).join("\n") ?? "";
    for (const asks of [/^image .*scoring/m, /^rows scoring_config$/m, /^migrations to /m, /^cache /m, /^engine$/m]) {
      assert.match(names, asks);
    }
    const state = found.common.map((check) => `${check.name} ${check.result}`);
    assert.deepEqual(state, ["backup inconclusive", "engine passed", "plugins passed"], output);
    const { output: text } = await stack.rewind("can-rollback", "v1.2.0");
    assert.match(text, /v1\.2\.0 {2}yes {2}\d+ checks passed {2}→ rewind rollback v1\.2\.0/);
  });

  it("G2 · P4 · without the image of a release in its registry and on the host it cannot, and the image is named", async () => {
    const image = imageOf(stack, "v1.2.0", "score_prism");
    await withoutManifest(stack, image, async () => {
      const kept = await asked("v1.2.0");
      assert.equal(kept.code, 0, kept.output);
      const [warning, ...others] = kept.found.releases[0]?.warnings ?? [];
      assert.match(warning ?? "", new RegExp(`^image .*${image.digest}: .*Docker host has the image`));
      assert.deepEqual(others, []);

      await takeOffHost(stack, image);
      const { code, found, output } = await asked("v1.2.0");
      assert.equal(code, 11, output);
      assert.equal(found.can, false);
      assert.match(unwell(found)[0]?.name ?? "", /^image .*scoring/);
      assert.match(
        found.releases[0]?.reason ?? "",
        new RegExp(`${image.digest}: not in its registry.*nor does the Docker host`),
      );
    });
  });

  it("P4 · a row that was edited by hand is named beforehand, with the next command", async () => {
    await stack.query("update app.scoring_config set value = '0.99' where key = 'fc_share'");
    try {
      const { code, found, output } = await asked();
      assert.equal(code, 11, output);
      assert.match(found.releases[0]?.reason ?? "", /rows scoring_config: changed behind Rewind's back: .*fc_share/);
      assert.match(found.next, /^rewind diff --live/);
    } finally {
      await stack.query("update app.scoring_config set value = '0.35' where key = 'fc_share'");
    }
  });

  it("L8 · a component that does not answer is named, and nothing is promised without its answer", async () => {
    await stack.kill("redis");
    try {
      const { code, found, output } = await asked();
      assert.equal(code, 13, output);
      assert.deepEqual([...new Set(unwell(found).map((check) => check.name.split(" ")[0]))].sort(), ["cache", "jobs"]);
    } finally {
      await stack.repair();
    }
    assert.equal((await asked()).code, 0);
  });

  it("the doctor finds nothing wrong, and passes", async () => {
    const { code, stdout, output } = await stack.rewind("doctor", "--json");
    assert.equal(code, 0, output);
    const { result, stack: examined, checks } = JSON.parse(stdout) as Diagnosis;
    assert.deepEqual([result, examined], ["passed", name], output);
    assert.match(checks.find((check) => check.name === "pulumi")?.evidence ?? "", /^pulumi \d+\.\d+\.\d+/);
    for (const secret of await stack.secrets()) assert.ok(!output.includes(secret), "a secret");
  });

  it("after a rollback the newest backup is proved, and one that was changed since is named", async () => {
    const rolled = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(rolled.code, 0, rolled.output);
    const whole = await asked();
    assert.equal(whole.code, 0, whole.output);
    assert.deepEqual(
      whole.found.releases.map(({ release }) => release),
      ["v1.2.1"],
    );
    const proof = whole.found.common.find((check) => check.name === "backup");
    assert.equal(proof?.result, "passed", proof?.evidence);
    const [newest = ""] = readdirSync(backups);
    appendFileSync(join(backups, newest, "state", "state.json"), " ");
    const { code, found, output } = await asked();
    assert.equal(code, 17, output);
    assert.match(
      found.releases[0]?.reason ?? "",
      /^backup: .* is corrupt: state\/state\.json is not what was written: it has /,
    );
    assert.match(found.next, /^mv /);
  });
});
