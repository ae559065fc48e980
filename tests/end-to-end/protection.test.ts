import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument, type Document } from "yaml";
import { deployments } from "../../records/state";
import { fixtureFor, type Fixture } from "./fixture";
import { patientUp } from "./patient";

const at = "rewind:environment";
const bucket = "scoring-documents";
const reason = "moved to another account; ticket 123";

/** A stack that holds data and does little else: one service, whose health check a busy machine passes, too. */
function slim(file: Document): void {
  const releases = ["v1.2.0", "v1.2.1", "v1.2.2"].map((id) => ["rewind:releases", id]);
  for (const path of [[at], ...releases]) file.deleteIn(["config", ...path, "functions"]);
  file.deleteIn(["config", "rewind:verification"]);
  const healthcheck = ["config", at, "services", "api", "healthcheck"];
  file.setIn([...healthcheck, "timeout"], "20s");
  file.setIn([...healthcheck, "retries"], 20);
  file.setIn(["config", at, "protect"], true);
}

/** The engine forgets the protection where the environment does not ask for it any more. */
async function unprotected(stack: Fixture, original: string): Promise<void> {
  const file = parseDocument(original);
  slim(file);
  file.deleteIn(["config", at, "protect"]);
  writeFileSync(stack.stackFile, file.toString({ lineWidth: 0 }));
  await patientUp(stack);
  writeFileSync(stack.stackFile, original);
}

describe("what holds customer data, on real components and the real engine", function () {
  let stack: Fixture;
  let original: string;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    edit((file) => {
      slim(file);
      file.setIn(["config", at, "services", "api", "volumes"], { data: "/var/lib/scoring" });
    });
    await patientUp(stack);
    await stack.query("create table app.customers (name text)");
    await stack.query("insert into app.customers values ('Ada')");
  });
  after(async function () {
    this.timeout(600_000);
    await unprotected(stack, original);
    await stack.docker
      .getVolume(volume())
      .remove({ force: true })
      .catch(() => undefined);
    await stack.empty();
  });

  /** Changes the stack file, and returns what puts it back. */
  function edit(change: (file: Document) => void): () => void {
    const before = readFileSync(stack.stackFile, "utf8");
    const file = parseDocument(before);
    change(file);
    writeFileSync(stack.stackFile, file.toString({ lineWidth: 0 }));
    return () => {
      writeFileSync(stack.stackFile, before);
    };
  }
  const volume = () => `rewind-local-${stack.environment.id}-api-data`;
  const customers = async () =>
    (await stack.query<{ name: string }>("select name from app.customers")).map((r) => r.name);
  const isThere = async () => {
    assert.deepEqual(await customers(), ["Ada"]);
    assert.equal((await stack.docker.getVolume(volume()).inspect()).Name, volume());
  };
  const refused = async (args: readonly string[]): Promise<string> => {
    const { code, output } = await stack.pulumi(args);
    assert.notEqual(code, 0, output);
    return output;
  };
  const preview = ["preview"];
  const up = ["up", "--yes", "--skip-preview"];

  it("W1 · is in the deployment log by name, and the engine holds it as protected and retained", async () => {
    const held = deployments(stack.log()).at(-1)?.intent.snapshot.holds ?? [];
    assert.deepEqual(
      held.map(({ path, name }) => `${path} ${name}`),
      [
        "database scoring",
        "database/schema scoring.app",
        "config/scoring_config scoring.app.scoring_config",
        `storage/documents ${bucket}`,
        `services/api/data ${volume()}`,
      ],
    );
    const { stdout } = await stack.pulumi(["stack", "export"]);
    interface Exported {
      deployment: { resources: { type: string; protect?: boolean; retainOnDelete?: boolean }[] };
    }
    const { resources } = (JSON.parse(stdout) as Exported).deployment;
    const guarded = resources.filter(({ protect }) => protect === true);
    assert.deepEqual(guarded.map(({ type }) => type).sort(), [
      "aws:s3/bucket:Bucket",
      "docker:index/volume:Volume",
      "postgresql:index/database:Database",
      "postgresql:index/schema:Schema",
    ]);
    assert.ok(guarded.every(({ retainOnDelete }) => retainOnDelete === true));
    const [api = ""] = Object.entries(await stack.containers()).flatMap(([entry, id]) =>
      entry === "services/api" ? [id] : [],
    );
    const { Mounts } = await stack.docker.getContainer(api).inspect();
    assert.deepEqual(
      Mounts.map(({ Name, Destination }) => [Name, Destination]),
      [[volume(), "/var/lib/scoring"]],
    );
  });

  const losses: readonly [string, (file: Document) => void, RegExp][] = [
    [
      "renamed bucket",
      (file) => {
        file.setIn(["config", at, "objectStore", "buckets", "documents"], "other-documents");
      },
      /storage\/documents holds data \(scoring-documents\) and would become other-documents: put it back, or state why/,
    ],
    [
      "database of another name",
      (file) => {
        file.setIn(["config", at, "database", "name"], "other");
      },
      /database holds data \(scoring\) and would become other: .*rewind:letGo \{"database": "<reason>"\}/,
    ],
    [
      "schema of another name",
      (file) => {
        file.setIn(["config", at, "database", "schema"], "other");
        file.setIn(["config", at, "database", "functions", "is_member_of", "searchPath"], ["other"]);
      },
      /database\/schema holds data \(scoring\.app\) and would become scoring\.other/,
    ],
    [
      "volume that is gone from the environment",
      (file) => {
        file.deleteIn(["config", at, "services", "api", "volumes"]);
      },
      /services\/api\/data holds data \(.*-api-data\) and is gone from the environment: put it back; to let it go/,
    ],
    [
      "removed database section",
      (file) => {
        file.deleteIn(["config", at, "database"]);
        for (const id of ["v1.2.0", "v1.2.1", "v1.2.2"]) {
          for (const facet of ["config", "schema"]) file.deleteIn(["config", "rewind:releases", id, facet]);
        }
      },
      /database holds data \(scoring\) and is gone from the environment/,
    ],
  ];
  for (const [what, change, words] of losses) {
    it(`W1 · a ${what} is refused in the preview and in the update, by name, before anything is touched`, async () => {
      const before = { containers: await stack.containers(), log: stack.log().length };
      const back = edit(change);
      try {
        for (const args of [preview, up]) {
          const output = await refused(args);
          assert.match(output, /Refused before the first change; nothing was touched/);
          assert.match(output, words);
        }
      } finally {
        back();
      }
      await isThere();
      assert.deepEqual({ containers: await stack.containers(), log: stack.log().length }, before);
    });
  }

  it("W1 · a destroy is refused by the engine itself, and nothing that holds data is gone", async () => {
    const output = await refused(["destroy", "--yes"]);
    assert.match(output, /cannot be deleted\s+because it is protected/);
    await isThere();
  });

  it("W1 · let go with a reason it is unprotected first, then forgotten, and the data stays where it was", async () => {
    const path = "services/api/data";
    edit((file) => {
      file.setIn(["config", "rewind:letGo"], { [path]: reason });
    });
    const early = edit((file) => {
      file.deleteIn(["config", at, "services", "api", "volumes"]);
    });
    assert.match(
      await refused(preview),
      /services\/api\/data .*the engine still protects it: put it back for one more/,
    );
    early();
    await patientUp(stack);
    assert.deepEqual(
      deployments(stack.log())
        .at(-1)
        ?.intent.snapshot.holds?.find((held) => held.path === path),
      { path, name: volume(), letGo: reason },
    );
    edit((file) => {
      file.deleteIn(["config", at, "services", "api", "volumes"]);
    });
    await patientUp(stack);
    const { stdout } = await stack.pulumi(["stack", "export"]);
    assert.ok(!stdout.includes("docker:index/volume:Volume"), "the engine has forgotten it");
    await isThere();
    const holds = deployments(stack.log()).at(-1)?.intent.snapshot.holds ?? [];
    assert.ok(!holds.some((held) => held.path === path));
  });
});

describe("a release that was applied, on the real engine", function () {
  let stack: Fixture;
  let original: string;
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    const file = parseDocument(original);
    slim(file);
    writeFileSync(stack.stackFile, file.toString({ lineWidth: 0 }));
    await patientUp(stack);
  });
  after(async function () {
    this.timeout(600_000);
    await unprotected(stack, original);
    await stack.empty();
  });

  it("P4 · is refused under its id with another record, in the preview too, with both digests and what to do", async () => {
    stack.pin("v1.2.0");
    await patientUp(stack);
    stack.pin("v1.2.1");
    const before = readFileSync(stack.stackFile, "utf8");
    const file = parseDocument(before);
    file.setIn(["config", "rewind:releases", "v1.2.1", "description"], "Something else");
    writeFileSync(stack.stackFile, file.toString({ lineWidth: 0 }));
    try {
      for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
        const { code, output } = await stack.pulumi(args);
        assert.notEqual(code, 0, output);
        assert.match(
          output,
          /releases\.v1\.2\.1 was applied as sha256:[0-9a-f]{64} and is now sha256:[0-9a-f]{64}: a release is immutable/,
        );
        assert.match(output, /rewind release add <id> --from v1\.2\.1/);
      }
      const verb = await stack.rewind("rollback", "v1.2.1", "--yes");
      assert.equal(verb.code, 17, verb.output);
      assert.match(verb.output, /a release is immutable once applied/);
      const shown = await stack.rewind("release", "show", "v1.2.1");
      assert.match(shown.output, /Changed: {2}applied as sha256:/);
    } finally {
      writeFileSync(stack.stackFile, before);
    }
    await patientUp(stack);
  });
});
