import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Verification } from "../../cli/json/rollback";
import { sealed, type Baseline } from "../../release/baseline";
import { deployments } from "../../records/state";
import { fixtureFor, scratch, stack as stackName, type Fixture, type Ran } from "./fixture";
import { checkout } from "./local-home";
import { configOf, edit as editIn, keepTheDatabase, type Edit } from "./stack-edits";

/** Below the checkout, where the environment of the tests has its state. */
const own = `${scratch}/data-test`;
const trigger = "wrong version stamp";

interface Listed {
  readonly total: number;
  readonly counts: readonly { readonly version: string; readonly count: number }[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}

describe("rows that carry the version that made them, on real components", function () {
  let stack: Fixture;
  let original = "";
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    const stamps = configOf(stack)["rewind:verification"]?.checks?.["version-stamps"];
    keepTheDatabase(stack);
    edit(
      ["rewind:verification/checks/version-stamps", stamps],
      // Nothing here needs what only a newer schema has, and going back and forth takes its time.
      ["rewind:releases/v1.2.0/schema", { migration: "0002_add_locale" }],
    );
    mkdirSync(join(checkout, own), { recursive: true });
    await stack.up();
  });
  after(async () => {
    writeFileSync(stack.stackFile, original);
    await stack.empty();
    rmSync(join(checkout, own), { recursive: true, force: true });
  });

  const edit = (...edits: Edit[]): void => {
    editIn(stack, ...edits);
  };
  const scores = '{"analysis": 12345678901234567890.123456789012345678901234567890, "words": ["ä", "\\u2028"]}';
  /** Profiles as the application makes them. */
  const make = async (version: string, count: number): Promise<void> => {
    await stack.query(
      `with made as (insert into app.sessions select from generate_series(1, $2::int) returning id)
       insert into app.profiles (session_id, results_version, version, scores) select id, $1, $1, $3::jsonb from made`,
      [version, count, scores],
    );
  };
  const profiles = async (): Promise<string[]> =>
    (await stack.query<{ row: string }>("select (p.*)::text as row from app.profiles p order by id")).map(
      ({ row }) => row,
    );
  const verify = async (): Promise<{
    code: number;
    found: Verification;
    check: Verification["verdict"]["checks"][number];
  }> => {
    const { code, stdout } = await stack.rewind("verify", "--json");
    const found = JSON.parse(stdout) as Verification;
    const check = found.verdict.checks.find(({ name }) => name === "version-stamps");
    assert.ok(check !== undefined);
    return { code, found, check };
  };
  const list = async (...args: string[]): Promise<Listed> => {
    const { code, stdout, output } = await stack.rewind("data", "list", ...args, "--json");
    assert.equal(code, 0, output);
    return JSON.parse(stdout) as Listed;
  };
  const last = () => deployments(stack.log()).at(-1)!;
  let rolledBack = "";

  it("P3 · a rollback is not blamed for rows that the later version made before it", async () => {
    await make("v1.2.1", 3);
    assert.equal((await verify()).check.result, "passed");
    stack.pin("v1.2.0");
    await stack.up();
    rolledBack = last().intent.id;
    const { check } = await verify();
    assert.match(check.evidence, /^profiles since .*: no rows; pinned is v1\.2\.0$/);
  });

  it("P3 · rows that another version made since fail the check, which names the version and the count", async () => {
    await make("v1.2.0", 4);
    await make("v1.2.1", 2);
    const { code, found, check } = await verify();
    assert.equal(code, 11);
    assert.equal(found.outcome, "verification failed");
    assert.equal(check.result, "failed");
    assert.match(check.evidence, /v1\.2\.0 made 4, v1\.2\.1 made 2; pinned is v1\.2\.0, others may have made 0/);
    assert.equal(check.trigger, trigger);
    // Rows that are there do not go away by asking again.
    assert.equal(check.attempts, 1);
    assert.ok(found.verdict.checks.every(({ name, trigger }) => name === "version-stamps" || trigger === undefined));
  });

  it("P2 · the trigger stands in the error of pulumi up, in the deployment log and in what people read", async () => {
    edit(["rewind:verification/timeout", "21s"]);
    const { code, output } = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /failed +version-stamps: trigger "wrong version stamp": profiles since .*v1\.2\.1 made 2/);
    const logged = last().outcome?.checks.find(({ name }) => name === "version-stamps");
    assert.equal(logged?.trigger, trigger);
    assert.match(
      (await stack.rewind("verify")).stdout,
      /version-stamps .*trigger "wrong version stamp": profiles since/,
    );
    // What may be, may be.
    edit(["rewind:verification/checks/version-stamps/atMost", 2]);
    assert.equal((await verify()).check.result, "passed");
    edit(["rewind:verification/checks/version-stamps/atMost", undefined]);
  });

  it("S5 · rows are listed newest first, by version and since a time or an entry, with counts by version", async () => {
    const all = await list("profiles", "--limit", "2");
    assert.equal(all.total, 9);
    assert.deepEqual(all.counts, [
      { version: "v1.2.1", count: 5 },
      { version: "v1.2.0", count: 4 },
    ]);
    assert.equal(all.rows.length, 2);
    const since = await list("profiles", "--made-by", "v1.2.1", "--since", rolledBack);
    assert.deepEqual(since.counts, [{ version: "v1.2.1", count: 2 }]);
    const [newest, older] = since.rows;
    assert.deepEqual(Object.keys(newest ?? {}), ["id", "session_id", "version", "results_version", "created_at"]);
    assert.ok(newest!.created_at! >= older!.created_at!);
    const { total } = await list("profiles", "--made-by", "v1.2.1", "--since", "2099-01-01T00:00:00Z");
    assert.equal(total, 0);
    assert.equal((await list("fc_scores")).total, 0);
    const { code, output } = await stack.rewind("data", "list", "profiles", "--since", "yesterday");
    assert.equal(code, 10);
    assert.match(output, /"yesterday" is neither a time with its zone nor an entry of the deployment log/);
  });

  it("S6 · test data is counted, confirmed by its count, archived and deleted, and brought back exactly", async () => {
    const before = await profiles();
    const clean = (...args: string[]) => stack.rewind("data", "clean", "profiles", "--made-by", "v1.2.1", ...args);
    const unasked = await clean();
    assert.equal(unasked.code, 10);
    assert.match(unasked.output, /2 rows of app\.profiles made by v1\.2\.1 after .*there is no terminal.*--count 2/s);
    assert.match((await clean("--yes")).output, /2 rows, and no --count; nothing was touched/);
    assert.match((await clean("--yes", "--count", "5")).output, /2 rows, not 5; nothing was touched/);
    const wrong = await stack.typed("5", "data", "clean", "profiles", "--made-by", "v1.2.1");
    assert.match(
      wrong.output,
      /Risk: medium, data clean-up\. Archive and delete 2 rows.*Aborted; nothing was touched/s,
    );
    assert.deepEqual(await profiles(), before);
    assert.ok(stack.log().every(({ kind }) => kind !== "data"));

    const done = await stack.typed("2", "data", "clean", "profiles", "--made-by", "v1.2.1", "--reason", "tests");
    assert.equal(done.code, 0, done.output);
    assert.match(done.output, /Took \d+ s, .*within.* 10 min 00 s/, "S9 · against its objective");
    const run = /rewind data restore (\S+)/.exec(done.output)?.[1] ?? "";
    const left = await profiles();
    assert.equal(left.length, before.length - 2);
    assert.ok(left.every((row) => before.includes(row)));
    const steps = () =>
      stack.log().flatMap((entry) => (entry.kind === "data" ? [[entry.act, entry.step, entry.run]] : []));
    assert.deepEqual(steps(), [
      ["clean", "begun", run],
      ["clean", "finished", run],
    ]);
    const kept = await stack.query<{ table_name: string; version: string }>(
      "select table_name, version from rewind.cleaned_rows where run = $1",
      [run],
    );
    assert.deepEqual(kept, Array(2).fill({ table_name: "profiles", version: "v1.2.1" }));

    const restored = await stack.rewind("data", "restore", run);
    assert.equal(restored.code, 0, restored.output);
    assert.deepEqual(await profiles(), before);
    assert.equal(steps().length, 4);
    assert.match((await stack.rewind("data", "restore", run)).output, /2 rows of .* were brought back already/);
  });

  it("SEC-M3 · rows are deleted, and brought back, with somebody else's agreement only where the stack asks for it", async () => {
    edit(["rewind:approval", {}]);
    const before = await profiles();
    const agreed = async (...args: readonly string[]): Promise<Ran> => {
      const alone = await stack.rewindAs("first", ...args);
      assert.equal(alone.code, 10, alone.output);
      const [, request = ""] = /approve --request (\S+)/.exec(alone.output) ?? assert.fail(alone.output);
      const given = await stack.rewindAs("second", "approve", "--request", request, "--yes");
      assert.equal(given.code, 0, given.output);
      return stack.rewindAs("first", ...args);
    };
    const clean = ["data", "clean", "profiles", "--made-by", "v1.2.1", "--yes", "--count", "2"];
    assert.equal((await stack.rewindAs("first", ...clean)).code, 10);
    assert.deepEqual(await profiles(), before);
    const done = await agreed(...clean);
    assert.equal(done.code, 0, done.output);
    const run = /rewind data restore (\S+)/.exec(done.output)?.[1] ?? "";
    const back = await agreed("data", "restore", run);
    assert.equal(back.code, 0, back.output);
    assert.deepEqual(await profiles(), before);
    edit(["rewind:approval", undefined]);
  });

  it("S6 · nothing is lost where rows are referred to, the table is in production, or a key is there again", async () => {
    const before = await profiles();
    const clean = (...args: string[]) =>
      stack.rewind("data", "clean", "profiles", "--made-by", "v1.2.1", "--yes", "--count", "2", "--json", ...args);
    await stack.query(
      "create table app.reports as select id as profile from app.profiles where results_version = 'v1.2.1'; alter table app.reports add foreign key (profile) references app.profiles",
    );
    const referred = await clean();
    assert.equal(referred.code, 10);
    assert.match(referred.output, /rows of another table refer to them.*\\"reports\\"; nothing was touched/);
    await stack.query(
      "alter table app.reports drop constraint reports_profile_fkey; alter table app.reports add foreign key (profile) references app.profiles on delete cascade",
    );
    assert.match((await clean()).output, /would change app\.reports, which refer to them; make the reference restrict/);
    assert.deepEqual(await profiles(), before);
    assert.deepEqual(
      stack
        .log()
        .flatMap((entry) => (entry.kind === "data" ? [entry.step] : []))
        .slice(-4),
      ["begun", "failed", "begun", "failed"],
    );
    await stack.query("drop table app.reports");

    edit(["rewind:environment/kind", "production"]);
    const refused = await clean();
    assert.equal(refused.code, 10, refused.output);
    assert.match(refused.output, /not cleaned up on a production stack unless the stack file allows it/);
    edit(["rewind:environment/database/stamped/profiles/cleanInProduction", "sessions of the go-live test"]);
    const allowed = await clean();
    assert.equal(allowed.code, 0, allowed.output);
    edit(
      ["rewind:environment/kind", "local"],
      ["rewind:environment/database/stamped/profiles/cleanInProduction", undefined],
    );
    const { run } = JSON.parse(allowed.stdout) as { run: string };
    // Somebody has made one of them anew in the meantime.
    await stack.query(
      "insert into app.profiles select r.* from rewind.cleaned_rows c, jsonb_populate_record(null::app.profiles, c.contents) r where run = $1 limit 1",
      [run],
    );
    const again = await stack.rewind("data", "restore", run);
    assert.equal(again.code, 10);
    assert.match(again.output, /rows with the same key are there again: \{"id": ".*"\}; nothing was touched/);
    await stack.query(
      "delete from app.profiles where results_version = 'v1.2.1' and created_at > (select max(archived_at) - interval '1 hour' from rewind.cleaned_rows) and id in (select (key ->> 'id')::uuid from rewind.cleaned_rows where run = $1)",
      [run],
    );
    assert.equal((await stack.rewind("data", "restore", run)).code, 0);
    assert.deepEqual(await profiles(), before);
  });

  const configRows = () =>
    stack.query<{ key: string; value: unknown; updated: string }>(
      "select key, value, updated_at::text as updated from app.scoring_config order by key",
    );
  const file = `${own}/baseline.json`;

  it("S1 · a baseline has every configuration row and every running version, with its time and without secrets", async () => {
    await stack.query("insert into app.scoring_config (key, value) values ('by_hand', '\"nobody pins it\"')");
    const { code, output } = await stack.rewind("baseline", "--output", file);
    assert.equal(code, 0, output);
    const text = readFileSync(join(checkout, file), "utf8");
    const taken = JSON.parse(text) as Baseline;
    assert.ok(Math.abs(Date.now() - Date.parse(taken.at)) < 600_000);
    assert.equal(taken.stack, stackName);
    const rows = await configRows();
    const at = (time: string) => new Date(time).getTime();
    assert.deepEqual(
      taken.config.scoring_config?.rows.map(({ key, value, updated_at }) => [key, value, at(updated_at as string)]),
      rows.map(({ key, value, updated }) => [key, value, at(updated)]),
    );
    const { release, runs, parameters, variables } = taken.functions.score_prism ?? {};
    assert.equal(release, "v1.2.0");
    assert.match(runs ?? "", /\/scoring@sha256:[0-9a-f]{64}$/);
    assert.deepEqual(parameters, { precision: 1 });
    assert.equal(variables?.REWIND_RELEASE, "v1.2.0");
    assert.ok("Statement" in (taken.policies.documents as object));
    for (const secret of await stack.secrets()) assert.ok(!text.includes(secret));
    assert.match((await stack.rewind("baseline", "--output", file)).output, /is there already; nothing was written/);
  });

  it("S3 · the full configuration comes back from the baseline: changed, added and removed keys", async () => {
    const before = (await configRows()).map(({ key, value }) => ({ key, value }));
    const release = configOf(stack)["rewind:releases"]?.["v1.2.0"];
    const others = [
      { key: "results_version", value: "v1.2.0" },
      { key: "prism_weights", value: { analysis: 100, drive: 0, empathy: 0, order: 0 } },
      { key: "fc_share", value: 0.35 },
      { key: "added", value: [1, 2.5, null] },
    ];
    edit(["rewind:releases/v1.3.0", { ...release, config: { scoring_config: { rows: others } } }]);
    stack.pin("v1.3.0");
    await stack.up();
    await stack.query("delete from app.scoring_config where key = 'by_hand'");
    assert.deepEqual(
      (await configRows()).map(({ key }) => key),
      ["added", "fc_share", "prism_weights", "results_version"],
    );

    const add = (from: string) => stack.rewind("release", "add", "v1.3.1", "--from-baseline", from, "--pin");
    const whole = readFileSync(join(checkout, file), "utf8");
    const { digest, ...contents } = JSON.parse(whole) as Baseline;
    const spoilt: readonly [string, string, RegExp][] = [
      ["damaged", whole.replace("0.35", "0.36"), /it is damaged: it has sha256:[0-9a-f]{64}, not sha256:/],
      ["torn", whole.slice(0, -100), /it is damaged: no JSON, or not all of it/],
      ["newer", whole.replace('"version": 1', '"version": 2'), /it has version 2; this Rewind reads version 1/],
      ["foreign", JSON.stringify({ key: digest }), /it is no baseline of Rewind's/],
      ["other", JSON.stringify(sealed({ ...contents, stack: "prod" })), /it was taken of the stack prod/],
    ];
    const stackFile = readFileSync(stack.stackFile, "utf8");
    for (const [name, text, words] of spoilt) {
      writeFileSync(join(checkout, own, name), text);
      const { code, output } = await add(`${own}/${name}`);
      assert.equal(code, 10, output);
      assert.match(output, words);
    }
    assert.equal(readFileSync(stack.stackFile, "utf8"), stackFile);

    const added = await add(file);
    assert.equal(added.code, 0, added.output);
    await stack.up();
    assert.deepEqual(
      (await configRows()).map(({ key, value }) => ({ key, value })),
      before,
    );
    assert.equal(last().intent.to.release, "v1.3.1");
    assert.equal(last().outcome?.result, "passed");
  });
});
