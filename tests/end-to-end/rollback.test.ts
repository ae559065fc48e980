import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { deployments, lastVerified } from "../../records/state";
import { withCache } from "./cache";
import { fixtureFor, stack as name, type Fixture } from "./fixture";

interface ConfigRow {
  key: string;
  value: unknown;
  updated_at: Date;
}

interface Verified {
  release: string;
  entry: string;
}

describe("rolling back on real components", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
  });

  const rows = async (): Promise<Map<string, ConfigRow>> =>
    new Map((await stack.query<ConfigRow>("select * from app.scoring_config")).map((row) => [row.key, row]));
  const verified = async (): Promise<Verified> => (await stack.outputs()).verified as Verified;
  const entriesOf = (release: string) => deployments(stack.log()).filter(({ intent }) => intent.to.release === release);

  it("deploys the pinned release, verifies it, and says where it is recorded", async () => {
    const { output } = await stack.up();
    assert.match(output, new RegExp(`deployment log: \\.rewind/records/${name}\\.jsonl entry `));
    assert.match(output, /verified v1\.2\.1: \d+ checks passed/);
    const [first, ...others] = deployments(stack.log());
    assert.equal(others.length, 0);
    assert.equal(first?.intent.to.release, "v1.2.1");
    assert.equal(first.outcome?.result, "passed");
    assert.equal((await verified()).entry, first.intent.id);
  });

  it("P1 · a verification of what is pinned changes nothing, runs every check and says that no rollback is required", async () => {
    const before = { rows: await rows(), containers: await stack.containers(), log: stack.log().length };
    const { code, stdout } = await stack.rewind("verify", "--json");
    assert.equal(code, 0, stdout);
    const found = JSON.parse(stdout) as {
      outcome: string;
      changes: Record<string, number>;
      verdict: { checks: { name: string; result: string }[] };
    };
    assert.equal(found.outcome, "rollback not required");
    assert.deepEqual(Object.keys(found.changes), ["same"]);
    const names = found.verdict.checks.map(({ name }) => name);
    for (const name of ["running services/api", "rows scoring_config", "policy documents", "session", "token-gating"]) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(found.verdict.checks.every(({ result }) => result === "passed"));
    assert.deepEqual({ rows: await rows(), containers: await stack.containers(), log: stack.log().length }, before);
  });

  it("an up with nothing to do changes nothing and leaves no entry", async () => {
    const before = stack.log().length;
    const { output } = await stack.up();
    assert.match(output, /\d+ unchanged/);
    assert.doesNotMatch(output, /created|updated|deleted|replaced/);
    assert.equal(stack.log().length, before);
  });

  it("a preview shows the rollback and touches nothing", async () => {
    stack.pin("v1.2.0");
    const before = { rows: await rows(), containers: await stack.containers(), log: stack.log().length };
    const { code, output } = await stack.pulumi(["preview", "--diff"]);
    assert.equal(code, 0, output);
    assert.match(output, /scoring@sha256:[0-9a-f]{64}/);
    assert.match(output, /"?v1\.2\.1"? => "?v1\.2\.0"?/);
    assert.deepEqual({ rows: await rows(), containers: await stack.containers(), log: stack.log().length }, before);
    stack.pin("v1.2.1");
  });

  it("S2 · a configuration row is rolled back alone, its updated_at moves, and it is read back", async () => {
    const before = { rows: await rows(), containers: await stack.containers() };
    stack.pin("v1.2.1", { config: "v1.2.0" });
    await stack.up();
    const after = await rows();
    assert.equal(after.get("results_version")?.value, "v1.2.0");
    assert.ok(
      Number(after.get("results_version")?.updated_at) > Number(before.rows.get("results_version")?.updated_at),
    );
    for (const [key, row] of before.rows) {
      if (key !== "results_version") assert.deepEqual(after.get(key), row, "a row that is the same stays untouched");
    }
    assert.equal(after.size, before.rows.size);
    assert.deepEqual(await stack.containers(), before.containers, "no container was replaced");
    const check = lastVerified(stack.log())?.outcome?.checks.find(({ name }) => name === "rows scoring_config");
    assert.match(check?.evidence ?? "", /^ROLLBACK SUCCESS/);
  });

  it("S4 · a function is rolled back alone, and three of them together", async () => {
    stack.pin("v1.2.1");
    await stack.up();
    const before = await stack.containers();
    stack.pin("v1.2.1", { "functions/score_prism": "v1.2.0" });
    await stack.up();
    const alone = await stack.containers();
    const moved = Object.keys(alone).filter((entry) => alone[entry] !== before[entry]);
    assert.deepEqual(moved, ["functions/score_prism"]);
    assert.equal(await versionOf("functions/score_prism"), "v1.2.0");
    assert.equal(await versionOf("functions/finalizeAssessment"), "v1.2.1");

    stack.pin("v1.2.1", { functions: "v1.2.0" });
    await stack.up();
    for (const name of ["finalizeAssessment", "score_prism", "score_fc_session"]) {
      assert.equal(await versionOf(`functions/${name}`), "v1.2.0");
    }
    assert.equal(await versionOf("services/api"), "v1.2.1");
    const environment = await variablesOf("functions/score_fc_session");
    assert.ok(environment.includes("FC_VERSION=v1.1"), "the handling version is configuration");
    assert.ok((await variablesOf("functions/score_prism")).includes('ENGINE_PARAMETERS={"precision":1}'));
  });

  it("W3 · the earlier image comes back by digest, and the old container goes only when the new one is healthy", async () => {
    stack.pin("v1.2.1");
    await stack.up();
    const old = await stack.containers();
    const since = Math.floor(Date.now() / 1_000);
    stack.pin("v1.2.0");
    await stack.up();
    const current = await stack.containers();
    const events = await eventsSince(since);
    for (const entry of Object.keys(current)) {
      // Its health check, run in it: by the update, or by Docker when the first interval is over.
      const healthy = events.findIndex(
        ({ id, action, code }) => id === current[entry] && action === "exec_die" && code === "0",
      );
      const gone = events.findIndex(({ id, action }) => id === old[entry] && (action === "kill" || action === "die"));
      assert.ok(healthy >= 0 && gone > healthy, `${entry}: healthy at ${healthy}, old gone at ${gone}`);
      const { Image } = await stack.docker.getContainer(current[entry] ?? "").inspect();
      const { RepoDigests } = await stack.docker.getImage(Image).inspect();
      assert.ok(RepoDigests.includes(pinnedImage("v1.2.0")), RepoDigests.join());
    }
    const smoke = lastVerified(stack.log())?.outcome?.checks ?? [];
    for (const name of ["health", "readiness", "tasks", "documents"]) {
      assert.equal(smoke.find((check) => check.name === name)?.result, "passed", name);
    }
  });

  it("S7 · after the rollback the row says so, the functions answer, and a new session is stamped with the pinned version", async () => {
    const { code, stdout } = await stack.rewind("verify");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /ROLLBACK SUCCESS/);
    assert.match(stdout, /rollback not required/);
    const profiles = await stack.query<{ results_version: string; version: string }>(
      "select results_version, version from app.profiles order by created_at desc limit 1",
    );
    assert.deepEqual(profiles, [{ results_version: "v1.2.0", version: "v1.2.0" }]);
    await stack.query(`update app.scoring_config set value = '"v9"' where key = 'results_version'`);
    const failed = await stack.rewind("verify");
    assert.equal(failed.code, 11, failed.output);
    assert.match(failed.stdout, /ROLLBACK FAILED: scoring_config\/results_version value = "v9", pinned is "v1\.2\.0"/);
    await stack.query(`update app.scoring_config set value = '"v1.2.0"' where key = 'results_version'`);
  });

  it("G3 · a fast rollback shows level and target, wants a yes, backs up, leaves the database alone, and verifies", async () => {
    stack.pin("v1.2.1");
    await stack.up();
    const before = {
      rows: await rows(),
      containers: await stack.containers(),
      file: readFileSync(stack.stackFile, "utf8"),
    };
    const nobody = await stack.rewind("rollback", "v1.2.0", "--level", "fast");
    assert.equal(nobody.code, 10, nobody.output);
    assert.match(nobody.output, /Level: +fast/);
    assert.match(nobody.output, /Target: +v1\.2\.0/);
    assert.match(nobody.output, /no terminal.*\nNext: .*--yes/s);
    assert.deepEqual(await stack.containers(), before.containers);
    assert.equal(readFileSync(stack.stackFile, "utf8"), before.file);

    await withCache(stack, async (cache) => {
      await cache.set("scoring:stale", "yes");
      await cache.set("other:kept", "yes");
      const no = await stack.typed("no", "rollback", "v1.2.0", "--level", "fast");
      assert.equal(no.code, 10, no.output);
      assert.match(no.output, /Aborted; nothing was touched/);
      assert.deepEqual(await stack.containers(), before.containers);
      const { code, output } = await stack.typed("yes", "rollback", "v1.2.0", "--level", "fast");
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`Roll ${name} back to v1\\.2\\.0\\? Type yes: `));
      assert.match(output, new RegExp(`ROLLBACK SUCCESS: ${name} runs v1\\.2\\.0, verified`));
      assert.match(output, /Undo: +rewind rollback v1\.2\.1/);
      const folder = /^Backup: +(\S+)/m.exec(output)?.[1] ?? "";
      execFileSync("sha256sum", ["--check", "--strict", "checksums/SHA256SUMS"], { cwd: folder });
      assert.deepEqual(readdirSync(folder).sort(), [
        "BACKUP_MANIFEST.json",
        "checksums",
        "policies",
        "rows",
        "stack",
        "state",
      ]);
      assert.equal(readFileSync(join(folder, "stack", `Pulumi.${name}.yaml`), "utf8"), before.file);
      assert.equal(await cache.get("scoring:stale"), null, "caches are cleared");
      assert.equal(await cache.get("other:kept"), "yes");
    });
    assert.deepEqual(await rows(), before.rows, "no database change");
    const after = await stack.containers();
    for (const entry of Object.keys(after)) assert.notEqual(after[entry], before.containers[entry], "restarted");
    assert.equal(await versionOf("services/api"), "v1.2.0");
    const changed = readFileSync(stack.stackFile, "utf8")
      .split("\n")
      .filter((line, at) => line !== before.file.split("\n")[at]);
    assert.equal(changed.length, 2, `the pin's two lines and no other: ${changed.join(" | ")}`);
  });

  it("a broken release fails its verification, `verified` stays at the last good one, and rolling back works", async () => {
    stack.pin("v1.2.0");
    await stack.up();
    const good = await verified();
    stack.pin("v1.2.2");
    const broken = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(broken.code, 0);
    assert.match(broken.output, /Verification failed after the change/);
    assert.match(broken.output, /session: .*results_version is "v1\.2\.2-rc", expected "v1\.2\.2"/);
    assert.match(broken.output, /Next: pulumi config set rewind:release v1\.2\.0/);
    assert.equal(entriesOf("v1.2.2").at(-1)?.outcome?.result, "failed");
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");

    const again = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(again.code, 0, "a release that failed is on hold");
    assert.match(again.output, /on hold: verification failed/);

    stack.pin("v1.2.0");
    await stack.up();
    assert.equal((await verified()).release, good.release);
    assert.equal(await versionOf("services/api"), "v1.2.0");
  });

  it("a refresh finds what was changed behind the engine's back, and an up repairs and verifies it", async () => {
    const entries = stack.log().length;
    const { "functions/score_prism": victim = "" } = await stack.containers();
    await stack.docker.getContainer(victim).remove({ force: true });
    const refreshed = await stack.pulumi(["refresh", "--yes", "--skip-preview"]);
    assert.equal(refreshed.code, 0, refreshed.output);
    assert.match(refreshed.output, /score_prism deleted|1 deleted/);
    await stack.up();
    assert.notEqual((await stack.containers())["functions/score_prism"], undefined);
    assert.equal(stack.log().length, entries + 2, "the repair leaves its intent and its outcome");
  });

  it("no secret stands in the state, the history, the log, the stack file or the backups", async () => {
    const exported = await stack.pulumi(["stack", "export"]);
    const { environment } = stack;
    const texts = [
      exported.stdout,
      readFileSync(stack.stackFile, "utf8"),
      JSON.stringify(stack.log()),
      ...filesBelow(environment.pulumi.backend.replace("file://", "")),
      ...filesBelow(join(stack.stackFile, "..", ".rewind", "backups", name)),
    ];
    assert.ok(texts.length > 10);
    for (const secret of await stack.secrets()) {
      const leak = texts.find((text) => text.includes(secret));
      const around = leak?.slice(Math.max(0, leak.indexOf(secret) - 200), leak.indexOf(secret));
      assert.ok(leak === undefined, `a secret stands after: ${around ?? ""}`);
    }
  });

  it("a destroyed stack comes up again, whatever the log remembers", async () => {
    const { code, output } = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    assert.deepEqual(await stack.containers(), {});
    await stack.up();
    assert.equal((await verified()).release, "v1.2.0");
  });

  it("a destroy needs nothing but the engine, and everything goes", async () => {
    const { code, output } = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    assert.deepEqual(await stack.containers(), {});
  });

  function pinnedImage(release: "v1.2.0"): string {
    const file = readFileSync(stack.stackFile, "utf8");
    const digest = new RegExp(`scoring:${release}@(sha256:[0-9a-f]{64})`).exec(file)?.[1] ?? "";
    return `${stack.environment.registry.address}/scoring@${digest}`;
  }

  async function inspect(entry: string) {
    return stack.docker.getContainer((await stack.containers())[entry] ?? "").inspect();
  }

  async function variablesOf(entry: string): Promise<string[]> {
    return (await inspect(entry)).Config.Env;
  }

  /** The version that an entry's own /health tells. */
  async function versionOf(entry: string): Promise<string> {
    const { NetworkSettings } = await inspect(entry);
    const port = Object.values(NetworkSettings.Ports)[0]?.[0]?.HostPort ?? "";
    const answer = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { version: string };
    return answer.version;
  }

  async function eventsSince(since: number): Promise<{ id: string; action: string; code: string | undefined }[]> {
    const until = Math.ceil(Date.now() / 1_000);
    const stream = await stack.docker.getEvents({ since, until, filters: { type: ["container"] } });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { id: string; Action: string; Actor: { Attributes: { exitCode?: string } } })
      .map(({ id, Action, Actor: { Attributes } }) => ({ id, action: Action, code: Attributes.exitCode }));
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
