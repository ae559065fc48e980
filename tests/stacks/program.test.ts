import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { digestOf } from "../../release/canonical";
import { rowsDigest, rowsPath } from "../../release/rows";
import type { Row } from "../../release/schema/rows";
import { project, realStackFiles, secretsFor, valueOfSecret, type RealStack } from "../release/stack-files";
import { declareStack, resourceOf, type DeclaredStack } from "./declared";

const types = {
  bucket: "aws:s3/bucket:Bucket",
  cache: "pulumi-nodejs:dynamic/rewind:CacheClearing",
  container: "docker:index/container:Container",
  database: "postgresql:index/database:Database",
  grant: "postgresql:index/grant:Grant",
  healthy: "pulumi-nodejs:dynamic/rewind:HealthyContainers",
  image: "docker:index/remoteImage:RemoteImage",
  ownership: "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  policy: "aws:s3/bucketPolicy:BucketPolicy",
  role: "postgresql:index/role:Role",
  rows: "pulumi-nodejs:dynamic/rewind:ConfigRows",
  schema: "postgresql:index/schema:Schema",
  versioning: "aws:s3/bucketVersioning:BucketVersioning",
};
const engine = "registry.example.com/scoring/engine@sha256:";
const v1_2_0 = "9babc51c1369860d3215969ec21391c90eaa46064101b07d9a453e2ad1711b57";
const v1_2_1 = "cd363fde3ff8859f18ff85737cef36bc43ff62b08855855ddcc0ed18c12abc9c";

/** How the SDK hands a secret to the engine. */
const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

/** A value without anything that the engine would keep encrypted. */
function inTheClear(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value) return "[secret]";
  if (Array.isArray(value)) return value.map(inTheClear);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inTheClear(inner)]));
}

/** The resources of which inputs differ between two declarations, and those that only one of them has. */
function changed(before: DeclaredStack, after: DeclaredStack): string[] {
  const names = new Set([...before.resources.keys(), ...after.resources.keys()]);
  const inputs = ({ resources }: DeclaredStack, name: string) => JSON.stringify(resources.get(name)?.inputs);
  return [...names].filter((name) => inputs(before, name) !== inputs(after, name)).sort();
}

const rows = (version: string, weights: readonly number[], share: number) => [
  { key: "results_version", value: version },
  {
    key: "prism_weights",
    value: { analysis: weights[0], drive: weights[1], empathy: weights[2], order: weights[3] },
  },
  { key: "fc_share", value: share },
];

/** What the state holds of those rows. */
const pinnedRows = (...of: Parameters<typeof rows>) => {
  const pinned = rowsDigest({ rows: rows(...of) as Row[] });
  return { ...pinned, file: rowsPath(".rewind/records", pinned.digest) };
};

describe("the program on the engine's mocks", () => {
  let prod: DeclaredStack;
  let staging: DeclaredStack;
  let local: DeclaredStack;
  before(async () => {
    prod = await declareStack("prod");
    staging = await declareStack("staging");
    local = await declareStack("local");
  });
  const stacks = (): Record<RealStack, DeclaredStack> => ({ prod, staging, local });

  for (const stack of Object.keys(realStackFiles) as RealStack[]) {
    it(`declares for ${stack} one resource per thing that is pinned`, () => {
      const kinds = [...stacks()[stack].resources.values()].map(({ type }) => type);
      const count = (type: string) => kinds.filter((kind) => kind === type).length;
      const counts = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, count(type)]));
      assert.deepEqual(counts, {
        ...Object.fromEntries(Object.keys(types).map((name) => [name, 1])),
        grant: 2,
        // Only the containers are elsewhere: production has services on ECS and functions on Lambda.
        container: stack === "prod" ? 0 : 4,
        healthy: stack === "prod" ? 0 : 1,
        image: stack === "prod" ? 0 : 1,
        // The embedded stack has a role of its members, too.
        role: stack === "local" ? 2 : 1,
      });
    });

    it(`hands every secret of ${stack} to the engine as one`, () => {
      for (const { type, name, inputs } of stacks()[stack].resources.values()) {
        const clear = JSON.stringify(inTheClear(inputs));
        for (const value of Object.values(secretsFor(stack))) assert.ok(!clear.includes(value), `${type} ${name}`);
      }
    });
  }

  it("runs each container from its image by digest, with its limits, labels and health check", () => {
    const { inputs } = resourceOf(staging, types.container, "score_prism");
    const pin = staging.settings.pinned.facets.functions.score_prism;
    assert.equal(resourceOf(staging, types.image, "engine-cd363fde3ff8").inputs.name, `${engine}${v1_2_1}`);
    assert.deepEqual(inputs, {
      image: `id of ${engine}${v1_2_1}`,
      command: ["score_prism"],
      envs: secret([
        `API_TOKEN=${valueOfSecret("api-token")}`,
        "AUTOPILOT_WORKER_DISABLED=false",
        "CORRELATION_ID_ENABLED=true",
        `DATABASE_URL=${valueOfSecret("database-url")}`,
        "DB_SCHEMA=app",
        'ENGINE_PARAMETERS={"precision":2}',
        "REWIND_RELEASE=v1.2.1",
      ]),
      labels: [
        { label: "rewind.stack", value: "staging" },
        { label: "rewind.entry", value: "functions/score_prism" },
        { label: "rewind.release", value: "v1.2.1" },
        { label: "rewind.digest", value: digestOf(pin) },
      ],
      networksAdvanced: [{ name: "rewind-staging", aliases: ["score_prism"] }],
      hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
      ports: [{ internal: 8080, ip: "10.20.0.12" }],
      memory: 256,
      memorySwap: 256,
      restart: "unless-stopped",
      init: true,
      mustRun: true,
      stopTimeout: 10,
      destroyGraceSeconds: 10,
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      healthcheck: {
        tests: ["CMD", "/bin/node", "/app/main.js", "healthcheck"],
        interval: "5s",
        timeout: "3s",
        startPeriod: "10s",
        retries: 10,
      },
    });
  });

  it("W3 · makes the new container before the old one goes, also where only its health check changes", () => {
    const containers = [...staging.resources.values(), ...local.resources.values()].filter(
      ({ type }) => type === types.container,
    );
    assert.ok(containers.length > 0);
    for (const { name, deleteBeforeReplace, replaceOnChanges } of containers) {
      assert.deepEqual([deleteBeforeReplace, replaceOnChanges], [false, ["healthcheck"]], name);
    }
  });

  it("W3 · waits for every container to be healthy before anything that comes after, as long as its start may take", () => {
    const { inputs } = resourceOf(staging, types.healthy, "healthy");
    const entries = [
      "services/api",
      "functions/finalizeAssessment",
      "functions/score_fc_session",
      "functions/score_prism",
    ];
    const expected = entries.map((path) => [path, { container: `${path.replace(/.*\//, "")}-id`, patience: 70_000 }]);
    assert.deepEqual(inputs.containers, Object.fromEntries(expected));
  });

  it("publishes ports on the loopback unless the environment says where", () => {
    const { ports } = resourceOf(local, types.container, "api").inputs;
    assert.deepEqual(ports, [{ internal: 8080, ip: "127.0.0.1" }]);
  });

  it("pins the rows by their digest alone, with the administrator's password as a secret", () => {
    const { __provider: code, ...inputs } = resourceOf(prod, types.rows, "rows").inputs;
    assert.equal(typeof code, "string");
    assert.deepEqual(inputs, {
      connection: {
        host: "scoring-db.prod.example.com",
        port: 5432,
        sslmode: "verify-full",
        user: "rewind",
        database: "scoring",
      },
      password: secret(valueOfSecret("database-administrator-password")),
      records: ".rewind/records",
      tables: {
        scoring_config: {
          schema: "app",
          definition: { key: "key", columns: { key: "text", value: "jsonb" }, touched: "updated_at" },
          release: "v1.2.1",
          ...pinnedRows("v1.2.1", [30, 25, 25, 20], 0.35),
        },
      },
    });
  });

  it("writes the inline rows where the provider finds them, under their digest", () => {
    const { file } = pinnedRows("v1.2.1", [30, 25, 25, 20], 0.35);
    const lines = readFileSync(join(project, file), "utf8").split("\n").slice(0, -1);
    const written = lines.map((line) => JSON.parse(line) as { key: string }).sort((a, b) => (a.key > b.key ? -1 : 1));
    assert.deepEqual(
      written,
      rows("v1.2.1", [30, 25, 25, 20], 0.35).sort((a, b) => (a.key > b.key ? -1 : 1)),
    );
  });

  it("pins a row file by its path, digest and count, and reads nothing of it", async () => {
    const pinned = { file: "rows/scoring_config.jsonl", digest: `sha256:${"a".repeat(64)}`, count: 100_000 };
    const declared = await declareStack("staging", (config) => {
      const releases = config["rewind:releases"] as Record<string, { config: Record<string, unknown> }>;
      for (const id of ["v1.2.0", "v1.2.1"]) releases[id]!.config = { scoring_config: pinned };
      Reflect.deleteProperty(config, "rewind:verification");
    });
    const { tables } = resourceOf(declared, types.rows, "rows").inputs as { tables: Record<string, object> };
    assert.deepEqual({ ...tables.scoring_config, ...pinned }, tables.scoring_config);
  });

  it("keeps of a provider in the state where its code lies, and finds it there as the engine does", () => {
    const dynamic = [...prod.resources.values(), ...local.resources.values()].filter(({ type }) =>
      type.startsWith("pulumi-nodejs:dynamic/"),
    );
    assert.ok(dynamic.length > 8);
    for (const { name, inputs } of dynamic) {
      const code = String(inputs.__provider);
      assert.ok(code.length < 300, code);
      const found: { handler?: () => pulumi.dynamic.ResourceProvider } = {};
      runInNewContext(code, { exports: found, process });
      assert.equal(typeof found.handler?.().create, "function", name);
    }
  });

  it("gives the application a role of its own, which may read what is pinned and no more", () => {
    assert.deepEqual(resourceOf(prod, types.role, "role").inputs, {
      name: "scoring_app",
      login: true,
      superuser: false,
      createRole: false,
      createDatabase: false,
      replication: false,
      bypassRowLevelSecurity: false,
      password: secret(valueOfSecret("database-role-password")),
      connectionLimit: 80,
    });
    assert.deepEqual(resourceOf(prod, types.grant, "grant-scoring_app-table-app-scoring_config").inputs, {
      database: "scoring",
      role: "scoring_app",
      schema: "app",
      objectType: "table",
      objects: ["scoring_config"],
      privileges: ["SELECT"],
    });
  });

  const guarded = ({ resources }: DeclaredStack) =>
    [...resources.values()]
      .filter(({ protect }) => protect)
      .map(({ type }) => type)
      .sort();
  const holding = [types.bucket, types.database, types.schema].sort();

  it("W1 · protects what holds data everywhere but on a developer's machine", () => {
    assert.deepEqual(guarded(prod), holding);
    assert.deepEqual(guarded(staging), holding);
    assert.deepEqual(guarded(local), []);
  });

  it("W1 · protects it there, too, where the environment says so, and not what the stack file lets go", async () => {
    const asked = await declareStack("local", (config) => {
      (config["rewind:environment"] as Record<string, unknown>).protect = true;
    });
    assert.deepEqual(guarded(asked), holding);
    const letting = await declareStack("prod", (config) => {
      config["rewind:letGo"] = { database: "moved to another server; ticket 123" };
    });
    assert.deepEqual(guarded(letting), [types.bucket]);
  });

  it("W1 · keeps a bucket and a volume that the pinned release does not name", async () => {
    const older = await declareStack("staging", (config) => {
      const releases = config["rewind:releases"] as Record<string, Record<string, unknown>>;
      releases["v0.9.0"] = { toggles: {} };
      config["rewind:release"] = "v0.9.0";
      Reflect.deleteProperty(config, "rewind:verification");
      const { services } = config["rewind:environment"] as { services: Record<string, Record<string, unknown>> };
      services.api!.volumes = { data: "/var/lib/scoring" };
    });
    assert.deepEqual(guarded(older), [...holding, "docker:index/volume:Volume"].sort());
    const { inputs } = resourceOf(older, "docker:index/volume:Volume", "api-data");
    assert.deepEqual(inputs, { name: "rewind-staging-api-data", driver: "local" });
  });

  it("mounts a service's volumes by name", async () => {
    const stack = await declareStack("staging", (config) => {
      const { services } = config["rewind:environment"] as { services: Record<string, Record<string, unknown>> };
      services.api!.volumes = { data: "/var/lib/scoring" };
    });
    assert.deepEqual(resourceOf(stack, types.container, "api").inputs.volumes, [
      { volumeName: "rewind-staging-api-data", containerPath: "/var/lib/scoring" },
    ]);
  });

  it("empties a bucket and drops a schema only where nothing is protected", () => {
    const destructive = (declared: DeclaredStack) => [
      resourceOf(declared, types.bucket, "documents").inputs.forceDestroy,
      resourceOf(declared, types.schema, "schema").inputs.dropCascade,
    ];
    assert.deepEqual(destructive(local), [true, true]);
    assert.deepEqual(destructive(staging), [false, false]);
    assert.deepEqual(destructive(prod), [false, false]);
  });

  it("sets the pinned policy of a bucket, filled in, as canonical JSON", () => {
    const bucket = "example-scoring-staging-documents";
    const principal = "arn:aws:iam::444455556666:user/scoring-application";
    const { inputs } = resourceOf(staging, types.policy, "documents");
    assert.equal(
      inputs.policy,
      `{"Statement":[` +
        `{"Action":["s3:GetObject","s3:PutObject"],"Effect":"Allow","Principal":{"AWS":"${principal}"},` +
        `"Resource":"arn:aws:s3:::${bucket}/documents/*","Sid":"ApplicationReadsAndWrites"},` +
        `{"Action":"s3:ListBucket","Effect":"Allow","Principal":{"AWS":"${principal}"},` +
        `"Resource":"arn:aws:s3:::${bucket}","Sid":"ApplicationLists"},` +
        `{"Action":"s3:*","Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny","Principal":"*",` +
        `"Resource":["arn:aws:s3:::${bucket}","arn:aws:s3:::${bucket}/*"],"Sid":"OnlyEncryptedConnections"}],` +
        `"Version":"2012-10-17"}`,
    );
    assert.equal(inputs.bucket, bucket);
    const versioning = resourceOf(staging, types.versioning, "documents").inputs;
    assert.deepEqual(versioning.versioningConfiguration, { status: "Enabled" });
    const ownership = resourceOf(staging, types.ownership, "documents").inputs;
    assert.deepEqual(ownership.rule, { objectOwnership: "BucketOwnerEnforced" });
  });

  it("asks AWS itself with the machine's identity, and the embedded store with its own", () => {
    const provider = (declared: DeclaredStack) => resourceOf(declared, "pulumi:providers:aws", "object-store").inputs;
    assert.equal(provider(prod).region, "eu-central-1");
    for (const key of ["accessKey", "secretKey", "endpoints"]) assert.equal(provider(prod)[key], undefined, key);
    assert.deepEqual(provider(local).accessKey, secret(valueOfSecret("store-access-key")));
    assert.equal(provider(local).endpoints, '[{"s3":"http://127.0.0.1:9000"}]');
  });

  it("declares the same twice, so that an apply without a change changes nothing", async () => {
    assert.deepEqual(changed(prod, await declareStack("prod")), []);
  });

  it("S4 · moves one container, and nothing else that runs, when one function is pinned apart", async () => {
    const apart = await declareStack("staging", (config) => {
      config["rewind:pins"] = { "functions/score_prism": "v1.2.0" };
    });
    assert.deepEqual(changed(staging, apart), [
      `${types.container} score_prism`,
      // Its image is pulled beside the others', and what was cached belongs to another pin.
      `${types.image} engine-9babc51c1369`,
      `${types.cache} scoring`,
    ]);
    const { inputs } = resourceOf(apart, types.container, "score_prism");
    assert.equal(inputs.image, `id of ${engine}${v1_2_0}`);
    const labels = inputs.labels as { label: string; value: string }[];
    assert.equal(labels.find(({ label }) => label === "rewind.release")?.value, "v1.2.0");
  });

  it("S4 · moves the functions together when their facet is pinned apart, each with its own parameters", async () => {
    const apart = await declareStack("staging", (config) => (config["rewind:pins"] = { functions: "v1.2.0" }));
    const containers = changed(staging, apart).filter((name) => name.startsWith(types.container));
    assert.deepEqual(
      containers,
      ["finalizeAssessment", "score_fc_session", "score_prism"].map((name) => `${types.container} ${name}`),
    );
    const { value } = resourceOf(apart, types.container, "score_fc_session").inputs.envs as { value: string[] };
    assert.ok(value.includes("FC_VERSION=v1.1"));
  });

  it("moves only rows, and clears what was cached of them, when the configuration is pinned apart", async () => {
    const apart = await declareStack("staging", (config) => (config["rewind:pins"] = { config: "v1.2.0" }));
    assert.deepEqual(changed(staging, apart), [`${types.cache} scoring`, `${types.rows} rows`]);
    const { tables } = resourceOf(apart, types.rows, "rows").inputs as { tables: Record<string, object> };
    const expected = pinnedRows("v1.2.0", [40, 20, 20, 20], 0.3);
    assert.deepEqual({ ...tables.scoring_config, ...expected }, tables.scoring_config);
  });

  it("goes to an older release and back without a trace", async () => {
    const older = await declareStack("staging", (config) => (config["rewind:release"] = "v1.1.0"));
    assert.ok(changed(staging, older).includes(`${types.policy} documents`));
    assert.deepEqual(changed(staging, await declareStack("staging")), []);
  });

  it("ends before it declares anything when the configuration is malformed, and lists every problem", async () => {
    const malformed = declareStack("prod", (config) => {
      config["rewind:release"] = "v9";
      config["rewind:relaese"] = "v1.2.0";
    });
    await assert.rejects(malformed, (error: Error) => {
      assert.match(error.message, /^Pulumi\.prod\.yaml relaese: no such key; a stack has release, /);
      assert.match(error.message, /\nPulumi\.prod\.yaml release: no release "v9"; the catalogue has v1\.1\.0, /);
      return true;
    });
  });
});
