import assert from "node:assert/strict";
import { PutBucketTaggingCommand, S3Client } from "@aws-sdk/client-s3";
import { measureVariables } from "../../checks/drift";
import type { Diff, Drift } from "../../cli/json/diff";
import { fixtureFor, type Fixture } from "./fixture";
import { patientUp } from "./patient";

describe("the difference between what runs and what was applied, on real components", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    await patientUp(stack);
  });

  const live = async () => {
    const { code, stdout, output } = await stack.rewind("diff", "--live", "--json");
    return { code, output, found: JSON.parse(stdout) as Drift };
  };
  const failed = ({ checks }: Drift) => checks.filter(({ result }) => result !== "passed");

  it("P4 · is none after an update, for images, variables, rows, policies and bucket settings", async () => {
    const { code, found, output } = await live();
    assert.equal(code, 0, output);
    assert.equal(found.drifted, 0);
    const names = found.checks.map(({ name }) => name);
    for (const name of ["running services/api", "variables functions/score_prism", "rows scoring_config"]) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(names.includes("policy documents") && names.includes("settings documents"), names.join());
    for (const secret of await stack.secrets()) assert.ok(!output.includes(secret));
  });

  it("P4 · names the row, the tag and the variable that somebody changed, exits 14, and shows no secret", async () => {
    await stack.query("update app.scoring_config set value = '0.99' where key = 'fc_share'");
    const { endpoint, region, accessKey, secretKey } = stack.environment.objectStore;
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    const store = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const tagged = (Value: string) =>
      store.send(
        new PutBucketTaggingCommand({ Bucket: "scoring-documents", Tagging: { TagSet: [{ Key: "product", Value }] } }),
      );
    await tagged("somebody");
    try {
      const { code, found, output } = await live();
      assert.equal(code, 14, output);
      const told = failed(found).map(({ name, evidence }) => `${name}: ${evidence}`);
      assert.equal(told.length, 2, told.join("\n"));
      assert.match(told.join("\n"), /rows scoring_config: .*fc_share value = 0\.99, pinned is 0\.35/);
      assert.match(told.join("\n"), /settings documents: .*tags are \{"product":"somebody"\}/);
      for (const secret of await stack.secrets()) assert.ok(!output.includes(secret));
      const { output: text } = await stack.rewind("diff", "--live");
      assert.match(text, /2 of \d+ drifted/);
    } finally {
      await stack.query("update app.scoring_config set value = '0.35' where key = 'fc_share'");
      await tagged("scoring");
      store.destroy();
    }
  });

  it("P4 · sees a container that runs with another toggle, and one with another secret by its variable's name", async () => {
    const { api = "" } = Object.fromEntries(
      Object.entries(await stack.containers()).map(([entry, id]) => [entry.replace("services/", ""), id]),
    );
    const container = stack.docker.getContainer(api);
    const before = await container.inspect();
    // The edit that a person makes at a console: the same container, made again with other variables.
    const env = before.Config.Env.map((line) =>
      line
        .replace(/^CORRELATION_ID_ENABLED=.*/, "CORRELATION_ID_ENABLED=false")
        .replace(/^API_TOKEN=.*/, "API_TOKEN=x-other"),
    );
    const other = await stack.docker.createContainer({ Image: before.Image, Env: env, Cmd: ["api"] });
    try {
      const expected = {
        plain: { CORRELATION_ID_ENABLED: "true", DB_SCHEMA: "app" },
        secret: { API_TOKEN: "api-token" },
      };
      const { result, evidence } = await measureVariables(stack.docker, other.id, expected, () => "the-real-token");
      assert.equal(result, "failed");
      assert.match(
        evidence,
        /CORRELATION_ID_ENABLED is "false", applied was "true"; API_TOKEN is not the secret api-token/,
      );
      assert.match(evidence, /DATABASE_URL was not applied/);
      for (const value of ["x-other", "the-real-token", ...(await stack.secrets())]) {
        assert.ok(!evidence.includes(value), "a value of a secret");
      }
    } finally {
      await other.remove({ force: true });
    }
  });

  it("shows what was verified last against the pin, without the engine", async () => {
    stack.pin("v1.2.0");
    try {
      const { code, stdout } = await stack.rewind("diff", "--json");
      assert.equal(code, 0);
      const found = JSON.parse(stdout) as Diff;
      assert.deepEqual([found.from.release, found.from.as, found.to.release], ["v1.2.1", "verified last", "v1.2.0"]);
      // The schema goes down with it.
      assert.equal(found.risk, "high");
    } finally {
      stack.pin("v1.2.1");
    }
  });
});
