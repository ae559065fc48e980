import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { byHand, type Step } from "../../cli/by-hand";
import { planByHand } from "../../cli/plan";
import { withPin } from "../../project/pin";
import { readStack } from "../../cli/stack-file";
import type { Entry } from "../../records/entry";
import { stopped } from "../../records/state";
import { verifyLog } from "../../records/verify";
import type { Plan } from "../../release/plan";
import { loadReal } from "../release/stack-files";
import { deploy, intend, rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

describe("a rollback by hand", () => {
  const copy = freshCopies();
  const log = () => readStack(copy().where).log;
  const begun = () => log().append(rollbackBegun("v1.2.0", { host: "elsewhere", pid: 1 })).id;
  const now = new Date("2025-09-17T19:54:16Z");
  const asked = (level: "full" | "fast" = "full", release?: string) => {
    const { text, json } = planByHand(copy().where, release, level, now);
    const { byHand: steps } = json as { byHand: readonly Step[] };
    return { text, steps, commands: steps.filter(({ always }) => always).flatMap(({ commands }) => commands) };
  };
  beforeEach(() => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
  });

  it("L6 · is numbered steps of exact commands that need no rewind: keep, pin, preview, apply, look, go back", () => {
    const { text, steps, commands } = asked();
    assert.deepEqual(commands.slice(0, 5), [
      "pulumi stack export --stack staging --file staging.state.json",
      "cp Pulumi.staging.yaml Pulumi.staging.yaml.before",
      "pulumi config set rewind:release v1.2.0 --stack staging",
      "pulumi preview --diff --stack staging",
      "pulumi up --yes --skip-preview --stack staging",
    ]);
    for (const command of steps.flatMap(({ commands }) => commands)) {
      assert.match(command, /^(?:pulumi|cp|docker|psql|curl|echo) /);
      assert.ok(text.includes(`\n      ${command}`), command);
    }
    assert.match(text, /^By hand, without rewind: staging, v1\.2\.1 → v1\.2\.0\n.*\n 1\. Keep /);
    assert.match(
      text,
      /\d\. Only if the engine says that the stack is locked, .*\n +pulumi cancel --yes --stack staging/,
    );
    assert.match(
      text,
      /\d\. Only if it does not work, to go back to v1\.2\.1:\n +pulumi config set rewind:release v1\.2\.1 /,
    );
  });

  it("L6 · looks at containers, at the rows that the plan changes, and at what every route answers", () => {
    const { json } = planByHand(copy().where, undefined, "full", now);
    const { settings } = loadReal("local");
    const facts = { file: "Pulumi.local.yaml", settings, kept: undefined, stop: undefined };
    const commands = byHand(json as Plan, facts).flatMap(({ commands }) => commands);
    const looks = commands.filter((line) => /^(?:docker|psql|curl) /.test(line));
    assert.deepEqual(looks, [
      "docker --host unix:///var/run/docker.sock ps --filter label=rewind.stack=local --format '{{.Names}} {{.Image}} {{.Status}}'",
      `psql --host 127.0.0.1 --port 5432 --username rewind scoring --command 'select * from "app"."scoring_config" order by 1 limit 100'`,
      ...["health", "readiness", "v1/tasks"].map(
        (path) => `curl --fail --silent --show-error http://127.0.0.1:8000/${path}`,
      ),
    ]);
  });

  it("L6 · goes on with an update that stopped half-way, which nothing but its target is left of", () => {
    writeFileSync(copy().file, withPin(copy().text(), "v1.2.0", {}));
    intend(copy(), "v1.2.0");
    const { text, commands, steps } = asked("full", "v1.2.0");
    assert.match(text, /^By hand, without rewind: staging, on to v1\.2\.0\n/);
    assert.ok(commands.includes("pulumi up --yes --skip-preview --stack staging"));
    assert.ok(steps.every(({ what }) => !what.startsWith("Only if it does not work")));
  });

  it("L6 · pins apart what the level leaves where it is", () => {
    assert.ok(asked("full").commands.every((line) => !line.includes("rewind:pins")));
    const apart = asked("fast").commands.filter((line) => line.includes("rewind:pins"));
    assert.equal(apart[0], "pulumi config rm rewind:pins --stack staging");
    assert.ok(
      apart.includes(`pulumi config set --path 'rewind:pins["config/scoring_config"]' v1.2.1 --stack staging`),
      apart.join("\n"),
    );
  });

  it("L6 · ends an emergency stop with rewind where the log is no file that a line could be written to", () => {
    const { json } = planByHand(copy().where, undefined, "full", now);
    const { settings } = loadReal("local");
    const stop = { log: undefined, line: "{}" };
    const steps = byHand(json as Plan, { file: "Pulumi.local.yaml", settings, kept: undefined, stop });
    const { commands } = steps.find(({ what }) => what === "End the emergency stop")!;
    assert.deepEqual(commands, ['rewind start --reason "rolled back by hand" --stack staging']);
  });

  it("L6 · ends an emergency stop by a line of the log, goes over a rollback that is under way, and names the backup", () => {
    const { log: stack, where } = { log: log(), where: copy().where };
    const run = begun();
    stack.append({ kind: "stop", reason: "it's corrupt" });
    stack.append({
      kind: "rollback-end",
      of: run,
      result: "failed",
      backup: `${where.folder}/kept`,
      milliseconds: 1,
      parts: {},
    });
    begun();
    const { steps, commands } = asked("full", "v1.2.0");
    assert.ok(
      steps.some(
        ({ always, commands: [first] }) => !always && first === "cp kept/stack/Pulumi.staging.yaml Pulumi.staging.yaml",
      ),
    );
    const start = commands.find((line) => line.startsWith("echo ")) ?? "";
    assert.ok(stopped(stack.entries()) !== undefined);
    assert.equal(spawnSync("/bin/sh", ["-c", start], { cwd: where.folder }).status, 0);
    assert.equal(stopped(stack.entries()), undefined);
    const verified = () => verifyLog(readFileSync(stack.location), stack.location);
    assert.deepEqual([verified().result, verified().notes.map(({ flaw }) => flaw)], ["sound", ["by hand"]]);
    stack.append({ kind: "hold", release: "v1.2.1", reason: "corrupts data" });
    assert.deepEqual([verified().result, stack.entries().length], ["sound", verified().entries]);
    const last = stack.entries().at(-2) as Entry & { reason: string };
    assert.deepEqual([last.at, last.by, last.reason], ["2025-09-17T19:54:16.000Z", "by hand", "rolled back by hand"]);
  });
});
