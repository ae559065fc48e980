import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { Client } from "pg";
import { parse } from "yaml";
import type { HistoryLine } from "../../cli/json/history";
import type { Update } from "../../cli/updates";
import { deployments, lastVerified } from "../../records/state";
import { fixtureFor, stack as name, type Fixture, type Ran } from "./fixture";
import { startMoto, type Moto } from "./moto";
import { configOf, edit, keepTheDatabase } from "./stack-edits";

/** What the engine needs to find a backend, and what has to be done before and after. */
interface Prepared {
  readonly variables: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

const prepare = {
  "file://": (): Promise<Prepared> => {
    const folder = mkdtempSync(join(tmpdir(), "rewind backend "));
    return Promise.resolve({
      // Packed, as a state that has grown large would be.
      variables: { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_DIY_BACKEND_GZIP: "true" },
      remove: () => {
        rmSync(folder, { recursive: true });
        return Promise.resolve();
      },
    });
  },
  "s3://": async (_: Fixture, test: Mocha.Context): Promise<Prepared> => {
    const moto: Moto = await startMoto(test);
    const store = new S3Client({
      ...{ endpoint: moto.endpoint, region: "eu-central-1", forcePathStyle: true, credentials: moto.keys },
    });
    const CreateBucketConfiguration = { LocationConstraint: "eu-central-1" } as const;
    await store.send(new CreateBucketCommand({ Bucket: "state", CreateBucketConfiguration }));
    store.destroy();
    const endpoint = moto.endpoint.slice("http://".length);
    return {
      variables: {
        PULUMI_BACKEND_URL: `s3://state/team/one?region=eu-central-1&endpoint=${endpoint}&disableSSL=true&s3ForcePathStyle=true`,
        AWS_ACCESS_KEY_ID: moto.keys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: moto.keys.secretAccessKey,
      },
      remove: () => moto.stop(),
    };
  },
  "postgres://": async ({ environment }: Fixture): Promise<Prepared> => {
    const { host, port, user, password } = environment.postgres;
    const administer = async (sql: string): Promise<void> => {
      const client = new Client({ host, port, user, password, database: "postgres" });
      await client.connect();
      await client.query(sql).finally(() => client.end());
    };
    await administer("drop database if exists pulumi with (force)");
    await administer("create database pulumi");
    const url = `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/pulumi?sslmode=disable`;
    return {
      variables: { PULUMI_BACKEND_URL: url },
      remove: () => administer("drop database pulumi with (force)"),
    };
  },
};

describe("state backends that a team shares", function () {
  let stack: Fixture;
  let original = "";
  let own: Record<string, string> = {};
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    own = { ...stack.variables };
    keepTheDatabase(stack);
    edit(stack, ["rewind:releases/v1.2.0/schema", { migration: "0002_add_locale" }]);
  });
  after(() => {
    writeFileSync(stack.stackFile, original);
  });

  for (const [scheme, prepared] of Object.entries(prepare)) {
    describe(scheme, function () {
      let backend: Prepared | undefined;
      let folder = "";
      let secrets: string[] = [];
      before(async function () {
        backend = await prepared(stack, this);
        Object.assign(stack.variables, backend.variables);
        folder = mkdtempSync(join(tmpdir(), "rewind-export-"));
        must(await stack.pulumi(["stack", "init"]));
        stack.pin("v1.2.0");
        await stack.up();
        secrets = await stack.secrets();
      });
      after(async () => {
        if (backend === undefined) return;
        await stack.empty();
        must(await stack.pulumi(["stack", "rm", "--yes", "--preserve-config"]));
        for (const key of Object.keys(backend.variables)) Reflect.deleteProperty(stack.variables, key);
        Object.assign(stack.variables, own);
        await backend.remove();
        rmSync(folder, { recursive: true, force: true });
      });

      it("of two updates at once the second is refused, and told whose the lock is", async () => {
        stack.pin("v1.2.1");
        let second: Promise<Ran> | undefined;
        const first = await stack.pulumi(["up", "--yes", "--skip-preview"], (text) => {
          if (text.includes("deployment log:")) second ??= stack.pulumi(["up", "--yes", "--skip-preview"]);
        });
        must(first);
        const refused = await second;
        assert.notEqual(refused?.code, 0, refused?.output);
        assert.match(refused?.output ?? "", /locked by 1 lock\(s\)[\s\S]*created by \S+@\S+ \(pid \d+\)/);
        assert.equal(lastVerified(stack.log())?.intent.to.release, "v1.2.1");
      });

      // Every other test of a rollback runs on a folder.
      const onFolder = scheme === "file://";
      if (!onFolder) {
        it("P1 · a rollback goes back to the release before", async () => {
          must(await stack.rewind("rollback", "--yes", "--reason", "a try"));
          assert.equal(configOf(stack)["rewind:release"], "v1.2.0");
          const rows = await stack.query("select value from app.scoring_config where key = 'results_version'");
          assert.deepEqual(rows, [{ value: "v1.2.0" }]);
          const { deployments: lines } = read(await stack.rewind("history", "--json")) as {
            deployments: HistoryLine[];
          };
          assert.deepEqual(
            lines.map(({ to, result }) => [to, result]),
            [
              ["v1.2.0", "passed"],
              ["v1.2.1", "passed"],
              ["v1.2.0", "passed"],
            ],
          );
        });
      }

      it("an entry is shown with the engine's own update, for each the one that was its own", async () => {
        const updates = [];
        for (const { intent } of deployments(stack.log())) {
          const said = read(await stack.rewind("history", intent.id, "--engine", "--json")) as { engine: Update };
          assert.equal(said.engine.result, "succeeded");
          assert.ok(Date.parse(said.engine.start) <= Date.parse(intent.at));
          updates.push(said.engine);
        }
        assert.equal(new Set(updates.map(({ id }) => id)).size, onFolder ? 2 : 3);
        assert.ok((updates[0]?.resourceChanges.create ?? 0) > 0);
        if (!onFolder) assert.match(updates[2]?.message ?? "", /v1\.2\.0/);
        const said = await stack.rewind("history", deployments(stack.log())[0]!.intent.id, "--engine");
        assert.match(said.stdout, /^Engine: {4}update succeeded, \S+Z to \S+Z: \d+ create$/m);
        const { password } = stack.environment.postgres;
        assert.ok(!said.output.includes(password), "the backend is named without its password");
      });

      it("S11 · what the engine kept of the first deployment is exported, whole and without a secret in clear", async () => {
        const first = deployments(stack.log())[0]!.intent;
        const place = join(folder, "audit");
        const said = must(await stack.rewind("history", first.id, "--export", place));
        assert.match(said.stdout, /^Exported: {2}.*checkpoint\.json/m);
        const files = readdirSync(place).sort();
        const expected = ["SHA256SUMS", "checkpoint.json", "deployment.json", "update.json", `Pulumi.${name}.yaml`];
        assert.deepEqual(files, expected.sort());
        execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: place });
        assert.equal(statSync(place).mode & 0o777, 0o700);
        for (const file of files) {
          const text = readFileSync(join(place, file), "utf8");
          assert.equal(statSync(join(place, file)).mode & 0o777, 0o600);
          for (const secret of secrets) assert.ok(!text.includes(secret), `a secret stands in ${file}`);
        }
        const { checkpoint } = JSON.parse(readFileSync(join(place, "checkpoint.json"), "utf8")) as {
          checkpoint: { latest: { resources: { type: string; outputs?: { release?: string } }[] } };
        };
        const root = checkpoint.latest.resources.find(({ type }) => type === "pulumi:pulumi:Stack");
        assert.equal(root?.outputs?.release, "v1.2.0");
        const exported = readFileSync(join(place, `Pulumi.${name}.yaml`), "utf8");
        stack.pin("v1.2.0");
        const held = readFileSync(stack.stackFile, "utf8");
        // Pinned at v1.2.0 again, the stack file says what it said then.
        assert.deepEqual(parse(exported), parse(held));

        const again = await stack.rewind("history", first.id, "--export", place);
        assert.equal(again.code, 10, again.output);
        assert.match(again.output, /is not an empty folder/);
      });

      it("an update of which the engine kept nothing is said, and nothing is written", async () => {
        const first = deployments(stack.log())[0]!.intent;
        const lines = readFileSync(stack.logFile, "utf8");
        // As if it had been another day: no update ran then.
        writeFileSync(stack.logFile, lines.replaceAll(first.at, "2025-09-17T03:30:00.000Z"));
        try {
          const place = join(folder, "none", "deep");
          const refused = await stack.rewind("history", first.id, "--export", place);
          assert.equal(refused.code, 10, refused.output);
          assert.match(
            refused.output,
            /the engine kept no update that ran at 2025-09-17[\s\S]*Next: pulumi stack history/,
          );
          assert.ok(!existsSync(join(folder, "none")));
        } finally {
          writeFileSync(stack.logFile, lines);
        }
      });
    });
  }
});

function must(ran: Ran): Ran {
  assert.equal(ran.code, 0, ran.output);
  return ran;
}

function read(ran: Ran): unknown {
  return JSON.parse(must(ran).stdout);
}
