import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { deployments, lastVerified } from "../../records/state";
import { fixtureFor, stack as name, type Fixture, type Ran } from "./fixture";
import { imageOf, takeOffHost } from "./images";

describe("bad input and faults, on real components", function () {
  let stack: Fixture;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    await stack.up();
  });

  const tryUp = (onOutput?: (text: string) => void): Promise<Ran> =>
    stack.pulumi(["up", "--yes", "--skip-preview"], onOutput);
  /** Everything that an update could touch. */
  const touched = async () => ({
    rows: await stack.query("select * from app.scoring_config order by key"),
    containers: await stack.containers(),
    entries: stack.log().length,
  });
  /** An update that must be refused before the first change, for this reason. */
  const refused = async (reason: RegExp): Promise<void> => {
    const before = await touched();
    const { code, output } = await tryUp();
    assert.notEqual(code, 0, output);
    assert.match(output, reason);
    assert.deepEqual(await touched(), before);
  };

  const malformed: { what: string; edit: (text: string) => string; problems: RegExp[] }[] = [
    {
      what: "two misspelled keys and an unknown release",
      edit: (text) =>
        text
          .replace("rewind:release: v1.2.1", "rewind:release: v9.9.9")
          .replace("rewind:verification:", "rewind:verificaton:")
          .replace("    kind: local", "    kind: local\n    registyr: x"),
      problems: [/ verificaton: no such key/, / environment\.registyr: no such key/],
    },
    {
      what: "a bad digest and a policy that is no policy",
      edit: (text) =>
        text
          .replace(/scoring:v1\.2\.1@sha256:[0-9a-f]{64}/, "scoring@sha256:123")
          .replace(/Version: "2012-10-17"/, "Version: 2013"),
      problems: [
        / releases\.v1\.2\.1\.services\.api\.image: expected name@sha256:<64 hex>/,
        / releases\.v1\.2\.0\.storage\.documents\.policy\.Version: /,
      ],
    },
    {
      what: "a key that reaches for a prototype",
      edit: (text) => text.replace("    kind: local", '    kind: local\n    "__proto__": {polluted: true}'),
      problems: [/ environment\.__proto__: a key that no stack file may hold/],
    },
  ];
  for (const { what, edit, problems } of malformed) {
    it(`${what}: every problem is listed with its path before anything is touched`, async () => {
      const text = readFileSync(stack.stackFile, "utf8");
      const before = await touched();
      try {
        assert.notEqual(edit(text), text);
        writeFileSync(stack.stackFile, edit(text));
        for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
          const { code, output } = await stack.pulumi(command);
          assert.notEqual(code, 0);
          for (const problem of problems) assert.match(output, problem);
          assert.match(output, new RegExp(`Pulumi\\.${name}\\.yaml:[0-9]+ `));
          for (const secret of await stack.secrets()) assert.ok(!output.includes(secret));
        }
      } finally {
        writeFileSync(stack.stackFile, text);
      }
      assert.deepEqual(await touched(), before);
    });
  }

  it("a row edited by hand stops the update with that row named", async () => {
    stack.pin("v1.2.0");
    await stack.query(`update app.scoring_config set value = '0.99' where key = 'fc_share'`);
    await refused(/rows scoring_config: changed behind Rewind's back: scoring_config\/fc_share is now .*0\.99/);
    await stack.query(`update app.scoring_config set value = '0.35' where key = 'fc_share'`);
    stack.pin("v1.2.1");
  });

  it("a policy edited by hand stops the update with that bucket named", async () => {
    const { endpoint, region, accessKey, secretKey } = stack.environment.objectStore;
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    const store = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const Bucket = "scoring-documents";
    const { Policy = "" } = await store.send(new GetBucketPolicyCommand({ Bucket }));
    const opened = Policy.replace("s3:PutObject", "s3:DeleteObject");
    assert.notEqual(opened, Policy);
    await store.send(new PutBucketPolicyCommand({ Bucket, Policy: opened }));
    stack.pin("v1.2.0");
    await refused(/policy documents: the policy of scoring-documents is not what was last applied/);
    await store.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    stack.pin("v1.2.1");
    store.destroy();
  });

  it("a release on hold is refused by a plain up until someone lifts it, with the reason", async () => {
    const held = await stack.rewind("hold", "v1.2.0", "--reason", "loses answers");
    assert.equal(held.code, 0, held.output);
    stack.pin("v1.2.0");
    await refused(/hold v1\.2\.0: on hold: loses answers; lift it with: rewind unhold v1\.2\.0/);
    stack.pin("v1.2.1");
    const rollback = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(rollback.code, 10, rollback.output);
    const lifted = await stack.rewind("unhold", "v1.2.0", "--reason", "was another cause");
    assert.equal(lifted.code, 0, lifted.output);
  });

  it("an image that its registry lacks is refused by name, in the preview already", async () => {
    const text = readFileSync(stack.stackFile, "utf8");
    const missing = `scoring@sha256:${"0".repeat(64)}`;
    writeFileSync(stack.stackFile, text.replace(/scoring:v1\.2\.1@sha256:[0-9a-f]{64}/, missing));
    const preview = await stack.pulumi(["preview"]);
    assert.notEqual(preview.code, 0);
    assert.match(preview.output, new RegExp(`image .*${missing}: not in its registry`));
    await refused(new RegExp(`image .*${missing}: not in its registry`));
    writeFileSync(stack.stackFile, text);
  });

  it("an unknown release is refused with the catalogue and the next command", async () => {
    const { code, output } = await stack.rewind("rollback", "v7.0.0", "--yes");
    assert.equal(code, 10, output);
    assert.match(output, /no release v7\.0\.0; the catalogue has v1\.2\.0, v1\.2\.1, v1\.2\.2/);
    const typo = await stack.rewind("rollback", "v1.2.0", "--yse");
    assert.notEqual(typo.code, 0);
    assert.match(typo.output, /unknown option '--yse'/);
  });

  const down = {
    // A copy on the host would do instead of the registry.
    registry: /image .*scoring.*nor does the Docker host have it/,
    postgres: /database scoring/,
    objectStore: /object store scoring-documents/,
    redis: /cache scoring/,
  } as const;
  for (const part of ["registry", "postgres", "objectStore", "redis"] as const) {
    it(`with ${part} down before the change, the update is refused by name and nothing is touched`, async () => {
      stack.pin("v1.2.0");
      const before = await stack.containers();
      const entries = stack.log().length;
      if (part === "registry") await takeOffHost(stack, imageOf(stack, "v1.2.0", "score_prism"));
      await stack.kill(part);
      const { code, output } = await tryUp().finally(() => stack.repair());
      assert.notEqual(code, 0, output);
      assert.match(output, /Refused before the first change; nothing was touched\./);
      assert.match(output, down[part]);
      assert.deepEqual(await stack.containers(), before);
      assert.equal(stack.log().length, entries);
      const rows = await stack.query<{ value: string }>(
        "select value from app.scoring_config where key = 'results_version'",
      );
      assert.deepEqual(rows, [{ value: "v1.2.1" }]);
      stack.pin("v1.2.1");
    });
  }

  it("with the database down in the middle, the update fails, and the same command finishes the work", async () => {
    stack.pin("v1.2.0");
    let killed: Promise<void> | undefined;
    const { code, output } = await tryUp((text) => {
      if (text.includes("deployment log:")) killed ??= stack.kill("postgres");
    }).finally(() => killed);
    assert.ok(killed !== undefined, output);
    assert.notEqual(code, 0, output);
    const { intent, outcome } = deployments(stack.log()).at(-1) ?? assert.fail();
    assert.equal(intent.to.release, "v1.2.0");
    // The engine gives a program a second to leave. On a machine that is busier than that the intent stays alone, which
    // the next update reads as interrupted.
    assert.ok(outcome === undefined || outcome.result === "error", outcome?.result);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.1");

    await stack.repair();
    await stack.up();
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
    const rows = await stack.query<{ value: string }>(
      "select value from app.scoring_config where key = 'results_version'",
    );
    assert.deepEqual(rows, [{ value: "v1.2.0" }]);
  });

  it("with the object store down after the rows have moved, the update fails, and the same command finishes the work", async () => {
    stack.pin("v1.2.1");
    let killed: Promise<void> | undefined;
    const { code, output } = await tryUp((text) => {
      if (/Container \S+ creating/.test(text)) killed ??= stack.kill("objectStore");
    });
    assert.ok(killed !== undefined, output);
    await killed;
    assert.notEqual(code, 0, output);
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.0");
    await stack.repair();
    await stack.up();
    assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.1");
  });

  it("with the registry down and the images on the host, the rollback is done, and the warning said and recorded", async () => {
    stack.pin("v1.2.0");
    const image = imageOf(stack, "v1.2.0", "score_prism");
    await stack.kill("registry");
    const { code, output } = await tryUp().finally(() => stack.repair());
    assert.equal(code, 0, output);
    const warning = new RegExp(`image .*${image.digest}: .*the Docker host has the image`);
    assert.match(output, warning);
    const { intent } = lastVerified(stack.log()) ?? assert.fail(output);
    assert.equal(intent.to.release, "v1.2.0");
    assert.match(intent.warnings?.join("\n") ?? "", warning);
  });
});
