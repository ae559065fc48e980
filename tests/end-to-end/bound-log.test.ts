import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { deployments } from "../../records/state";
import { fixtureFor, type Fixture } from "./fixture";
import { patientUp } from "./patient";

/** What only the engine's own state can show: which log it was that a stack was verified with. */
describe("the deployment log and the engine's state", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    await patientUp(stack);
  });

  it("SEC-M4 · nothing changes beside a log that was emptied, cut short or exchanged, and nothing by itself", async () => {
    const whole = readFileSync(stack.logFile, "utf8");
    const first = deployments(stack.log()).at(-1)?.intent.id ?? "";
    const unchanged = await stack.up();
    assert.doesNotMatch(unchanged.output, /updated|created|replaced/);
    stack.pin("v1.2.0");
    await patientUp(stack);
    const second = readFileSync(stack.logFile, "utf8");
    stack.pin("v1.2.1");
    const lines = second.split("\n");
    const forms: Readonly<Record<string, string>> = {
      emptied: "",
      "cut short": whole,
      "without the end of it": lines.slice(0, lines.length - 3).join("\n") + "\n",
    };
    const containers = await stack.containers();
    for (const [how, text] of Object.entries(forms)) {
      if (text === "") rmSync(stack.logFile);
      else writeFileSync(stack.logFile, text);
      const refused = await stack.pulumi(["up", "--yes", "--skip-preview"]);
      assert.notEqual(refused.code, 0, how);
      assert.match(refused.output, /is not the one that this stack was verified with/, how);
      assert.match(refused.output, /rewind records show/);
      assert.deepEqual(await stack.containers(), containers, how);
    }
    const operators = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(operators.code, 10, operators.output);
    assert.match(operators.output, /^Next: +rewind records show/m);
    writeFileSync(stack.logFile, second);
    assert.ok(first !== "");
    await patientUp(stack);
    assert.equal(deployments(stack.log()).at(-1)?.outcome?.result, "passed");
  });

  it("SEC-M4 · goes on where the stack file says that the log is lost, once, and says so in the new one", async () => {
    const lost = deployments(stack.log()).at(-1)?.intent.id ?? "";
    rmSync(stack.logFile);
    const document = parseDocument(readFileSync(stack.stackFile, "utf8"));
    document.setIn(["config", "rewind:lostEntries"], { [lost]: "the disk of the bastion is gone" });
    writeFileSync(stack.stackFile, document.toString({ lineWidth: 0 }));
    stack.pin("v1.2.0");
    await patientUp(stack);
    const [intent] = stack.log();
    assert.ok(intent?.kind === "intent");
    assert.match(intent.warnings?.join() ?? "", /rewind:lostEntries says: the disk of the bastion is gone/);
    const again = parseDocument(readFileSync(stack.stackFile, "utf8"));
    again.deleteIn(["config", "rewind:lostEntries"]);
    writeFileSync(stack.stackFile, again.toString({ lineWidth: 0 }));
    assert.doesNotMatch((await stack.up()).output, /updated|created|replaced/);
  });
});
