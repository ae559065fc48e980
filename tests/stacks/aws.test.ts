import assert from "node:assert/strict";
import { digestOf } from "../../release/canonical";
import { valueOfSecret } from "../release/stack-files";
import { declareStack, resourceOf, type DeclaredStack } from "./declared";

const types = {
  alias: "aws:lambda/alias:Alias",
  block: "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  encryption: "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  function: "aws:lambda/function:Function",
  lifecycle: "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  revision: "aws:ecs/taskDefinition:TaskDefinition",
  secret: "aws:secretsmanager/secret:Secret",
  service: "aws:ecs/service:Service",
  version: "aws:secretsmanager/secretVersion:SecretVersion",
};
const image =
  "111122223333.dkr.ecr.eu-central-1.amazonaws.com/scoring/engine@sha256:cd363fde3ff8859f18ff85737cef36bc43ff62b08855855ddcc0ed18c12abc9c";
const earlier = "9babc51c1369860d3215969ec21391c90eaa46064101b07d9a453e2ad1711b57";
const kmsKey = "arn:aws:kms:eu-central-1:111122223333:key/0f2b6d0c-4a8e-4c6e-9f53-6f0d2a7c1b11";

/** How the SDK hands a secret to the engine. */
const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

const changed = (before: DeclaredStack, after: DeclaredStack): string[] =>
  [...new Set([...before.resources.keys(), ...after.resources.keys()])]
    .filter((name) => {
      const [a, b] = [before.resources.get(name)?.inputs, after.resources.get(name)?.inputs];
      return JSON.stringify(a) !== JSON.stringify(b);
    })
    .sort();

describe("production on the engine's mocks: ECS, Lambda and S3", () => {
  let prod: DeclaredStack;
  before(async () => {
    prod = await declareStack("prod");
  });
  const inputsOf = (type: keyof typeof types, name: string) => resourceOf(prod, types[type], name).inputs;

  it("asks the account of services and functions with the machine's identity, and no engine of Docker's", () => {
    const { inputs } = resourceOf(prod, "pulumi:providers:aws", "aws");
    assert.equal(inputs.region, "eu-central-1");
    for (const key of ["accessKey", "secretKey", "endpoints"]) assert.equal(inputs[key], undefined, key);
    assert.ok(![...prod.resources.keys()].some((name) => name.includes("docker")));
  });

  it("asks it with keys and at an endpoint where the environment says so, the keys as secrets", async () => {
    const stack = await declareStack("prod", (config) => {
      const environment = structuredClone(config["rewind:environment"]) as { aws: Record<string, unknown> };
      environment.aws.credentials = { accessKey: "application-access-key", secretKey: "application-secret-key" };
      environment.aws.endpoint = "http://127.0.0.1:5000";
      config["rewind:environment"] = environment;
    });
    const { inputs } = resourceOf(stack, "pulumi:providers:aws", "aws");
    assert.deepEqual(inputs.accessKey, secret(valueOfSecret("application-access-key")));
    assert.deepEqual(inputs.secretKey, secret(valueOfSecret("application-secret-key")));
    const endpoint = "http://127.0.0.1:5000";
    assert.equal(inputs.endpoints, JSON.stringify([{ ecs: endpoint, lambda: endpoint, secretsmanager: endpoint }]));
  });

  it("W3 · makes the new revision and the new version of a secret before the old ones go, whatever the plugin says", () => {
    const moved = [...prod.resources.values()].filter(({ type }) => type === types.revision || type === types.version);
    assert.ok(moved.length > 1);
    for (const { name, deleteBeforeReplace } of moved) assert.equal(deleteBeforeReplace, false, name);
  });

  it("W3 · registers a revision with the image by digest and the place of every secret", () => {
    const { containerDefinitions, ...inputs } = inputsOf("revision", "api");
    const tags = { "rewind.stack": "production", "rewind.entry": "services/api" };
    assert.deepEqual(inputs, {
      family: "production-api",
      requiresCompatibilities: ["FARGATE"],
      networkMode: "awsvpc",
      cpu: "512",
      memory: "1024",
      executionRoleArn: "arn:aws:iam::111122223333:role/scoring-execution",
      taskRoleArn: "arn:aws:iam::111122223333:role/scoring-task",
      runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: "ARM64" },
      skipDestroy: true,
      tags,
    });
    const place = (key: string) => `arn of ${key}:::version of ${key}`;
    assert.deepEqual(JSON.parse(containerDefinitions as string), [
      {
        name: "api",
        image,
        essential: true,
        command: ["api"],
        environment: [
          { name: "AUTOPILOT_WORKER_DISABLED", value: "false" },
          { name: "BUCKET", value: "example-scoring-production-documents" },
          { name: "CORRELATION_ID_ENABLED", value: "true" },
          { name: "DB_SCHEMA", value: "app" },
          { name: "REWIND_RELEASE", value: "v1.2.1" },
          { name: "S3_ENDPOINT", value: "https://s3.eu-central-1.amazonaws.com" },
          { name: "S3_REGION", value: "eu-central-1" },
        ],
        secrets: [
          { name: "API_TOKEN", valueFrom: place("api-token") },
          { name: "DATABASE_URL", valueFrom: place("database-url") },
          { name: "S3_ACCESS_KEY", valueFrom: place("application-access-key") },
          { name: "S3_SECRET_KEY", valueFrom: place("application-secret-key") },
        ],
        dockerLabels: {
          ...tags,
          "rewind.release": "v1.2.1",
          "rewind.digest": digestOf(prod.settings.pinned.facets.services.api),
        },
        portMappings: [{ containerPort: 8080, hostPort: 8080, protocol: "tcp" }],
        healthCheck: {
          command: ["CMD", "/bin/node", "/app/main.js", "healthcheck"],
          interval: 5,
          timeout: 3,
          startPeriod: 10,
          retries: 3,
        },
        linuxParameters: { initProcessEnabled: true, capabilities: { drop: ["ALL"] } },
        stopTimeout: 10,
        logConfiguration: {
          logDriver: "awslogs",
          options: {
            "awslogs-group": "/ecs/scoring",
            "awslogs-region": "eu-central-1",
            "awslogs-stream-prefix": "api",
          },
        },
      },
    ]);
  });

  it("W3 · lets the old tasks go only when the new ones are healthy, and goes back when they never are", () => {
    assert.deepEqual(inputsOf("service", "api"), {
      name: "production-api",
      cluster: "scoring",
      taskDefinition: "arn of production-api",
      desiredCount: 3,
      launchType: "FARGATE",
      networkConfiguration: {
        subnets: ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5061728"],
        securityGroups: ["sg-0a1b2c3d4e5f60718"],
        assignPublicIp: false,
      },
      deploymentMinimumHealthyPercent: 100,
      deploymentMaximumPercent: 200,
      deploymentCircuitBreaker: { enable: true, rollback: true },
      waitForSteadyState: true,
      loadBalancers: [
        {
          targetGroupArn:
            "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/scoring-api/6d0ecf831eec9f09",
          containerName: "api",
          containerPort: 8080,
        },
      ],
      propagateTags: "SERVICE",
      tags: { "rewind.stack": "production", "rewind.entry": "services/api" },
    });
  });

  it("keeps each secret of a service once, its value marked as one", () => {
    const names = [...prod.resources.values()].filter(({ type }) => type === types.secret).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["api-token", "application-access-key", "application-secret-key", "database-url"]);
    assert.deepEqual(inputsOf("secret", "api-token"), {
      name: "rewind/production/api-token",
      description: "api-token of the stack production, kept by Rewind",
      recoveryWindowInDays: 0,
      kmsKeyId: kmsKey,
    });
    assert.deepEqual(inputsOf("version", "api-token"), {
      secretId: "arn of api-token",
      secretString: secret(valueOfSecret("api-token")),
    });
  });

  it("keeps a secret whatever is pinned, for one that went could not come back under its name", async () => {
    const without = await declareStack("prod", (config) => {
      const releases = structuredClone(config["rewind:releases"]) as Record<string, { services: object }>;
      releases["v1.2.0"]!.services = {};
      config["rewind:releases"] = releases;
      config["rewind:pins"] = { services: "v1.2.0" };
      config["rewind:verification"] = { checks: {} };
    });
    const secrets = ({ resources }: DeclaredStack) =>
      [...resources.keys()].filter((name) => name.startsWith("aws:secretsmanager"));
    assert.deepEqual(secrets(without), secrets(prod));
    assert.ok(![...without.resources.keys()].some((name) => name.startsWith(types.service)));
  });

  it("S4 · publishes each function with its own image and parameters, its variables marked as secret", () => {
    assert.deepEqual(inputsOf("function", "score_prism"), {
      name: "production-score_prism",
      description: "functions/score_prism of v1.2.1",
      packageType: "Image",
      imageUri: image,
      imageConfig: { commands: ["score_prism"] },
      role: "arn:aws:iam::111122223333:role/scoring-functions",
      publish: true,
      architectures: ["arm64"],
      memorySize: 512,
      timeout: 30,
      environment: secret({
        variables: {
          API_TOKEN: valueOfSecret("api-token"),
          AUTOPILOT_WORKER_DISABLED: "false",
          CORRELATION_ID_ENABLED: "true",
          DATABASE_URL: valueOfSecret("database-url"),
          DB_SCHEMA: "app",
          ENGINE_PARAMETERS: '{"precision":2}',
          REWIND_RELEASE: "v1.2.1",
        },
      }),
      kmsKeyArn: kmsKey,
      vpcConfig: {
        subnetIds: ["subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5061728"],
        securityGroupIds: ["sg-0a1b2c3d4e5f60718"],
      },
      tags: {
        "rewind.stack": "production",
        "rewind.entry": "functions/score_prism",
        "rewind.digest": digestOf(prod.settings.pinned.facets.functions.score_prism),
      },
    });
    assert.deepEqual(inputsOf("alias", "score_prism"), {
      name: "live",
      functionName: "production-score_prism",
      functionVersion: "version of production-score_prism",
      description: "what the pin of production runs",
    });
  });

  it("S4 · publishes a bundle by the digest of its bytes, from the bucket of bundles", async () => {
    const bundle = `sha256:${"ab".repeat(32)}`;
    const stack = await declareStack("prod", (config) => {
      const releases = structuredClone(config["rewind:releases"]) as Record<string, { functions: object }>;
      const entry = { bundle, handler: "index.handler", runtime: "nodejs22.x" };
      releases["v1.2.1"]!.functions = { ...releases["v1.2.1"]!.functions, score_fc_session: entry };
      config["rewind:releases"] = releases;
    });
    const { inputs } = resourceOf(stack, types.function, "score_fc_session");
    assert.equal(inputs.packageType, "Zip");
    assert.equal(inputs.s3Bucket, "example-scoring-production-artifacts");
    assert.equal(inputs.s3Key, `bundles/${"ab".repeat(32)}.zip`);
    assert.equal(inputs.sourceCodeHash, Buffer.alloc(32, 0xab).toString("base64"));
    assert.deepEqual([inputs.handler, inputs.runtime], ["index.handler", "nodejs22.x"]);
    for (const key of ["imageUri", "imageConfig"]) assert.equal(inputs[key], undefined, key);
  });

  it("S4 · moves one function, and nothing else that runs, when it is pinned apart", async () => {
    const apart = await declareStack("prod", (config) => {
      config["rewind:pins"] = { "functions/score_prism": "v1.2.0" };
    });
    const caches = "pulumi-nodejs:dynamic/rewind:CacheClearing scoring";
    assert.deepEqual(changed(prod, apart), [`${types.function} score_prism`, caches]);
    const { inputs } = resourceOf(apart, types.function, "score_prism");
    assert.ok(String(inputs.imageUri).endsWith(`@sha256:${earlier}`));
  });

  it("S4 · moves all functions together when their facet is pinned apart", async () => {
    const apart = await declareStack("prod", (config) => (config["rewind:pins"] = { functions: "v1.2.0" }));
    const moved = changed(prod, apart).filter((name) => name.startsWith("aws:"));
    const names = ["finalizeAssessment", "score_fc_session", "score_prism"];
    assert.deepEqual(
      moved,
      names.map((name) => `${types.function} ${name}`),
    );
  });

  it("moves the service, by another revision, and no function, when only services are pinned apart", async () => {
    const apart = await declareStack("prod", (config) => (config["rewind:pins"] = { services: "v1.2.0" }));
    const moved = changed(prod, apart).filter((name) => name.startsWith("aws:"));
    // Mocks give every revision of a family one ARN; in an account the service moves to the new one.
    assert.deepEqual(moved, [`${types.revision} api`]);
  });

  it("starts a service anew when the value of a secret changes, for its place has the version", () => {
    const [definition] = JSON.parse(inputsOf("revision", "api").containerDefinitions as string) as {
      secrets: { valueFrom: string }[];
    }[];
    for (const { valueFrom } of definition!.secrets) assert.match(valueFrom, /:::version of /);
  });

  it("closes the bucket to everybody, encrypts it with the environment's key, and cleans it up", () => {
    assert.deepEqual(inputsOf("block", "documents"), {
      bucket: "example-scoring-production-documents",
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.deepEqual(inputsOf("encryption", "documents").rules, [
      {
        applyServerSideEncryptionByDefault: {
          sseAlgorithm: "aws:kms",
          kmsMasterKeyId: "arn:aws:kms:eu-central-1:111122223333:key/7c1b11aa-4a8e-4c6e-9f53-6f0d2a7c1b11",
        },
        bucketKeyEnabled: true,
      },
    ]);
    assert.deepEqual(inputsOf("lifecycle", "documents").rules, [
      {
        id: "unfinished-uploads",
        status: "Enabled",
        filter: { prefix: "" },
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      },
      {
        id: "old-versions",
        status: "Enabled",
        filter: { prefix: "documents/" },
        noncurrentVersionExpiration: { noncurrentDays: 365 },
      },
    ]);
  });

  it("puts back what a release leaves out, instead of deleting it after verification", async () => {
    const older = await declareStack("prod", (config) => (config["rewind:release"] = "v1.1.0"));
    const [encryption] = resourceOf(older, types.encryption, "documents").inputs.rules as object[];
    assert.deepEqual(encryption, {
      applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" },
      bucketKeyEnabled: false,
    });
    const [rule] = resourceOf(older, types.lifecycle, "documents").inputs.rules as { status: string }[];
    assert.equal(rule?.status, "Disabled");
    assert.equal(resourceOf(older, types.block, "documents").inputs.blockPublicPolicy, true);
  });

  it("asks no other store for what only AWS has", async () => {
    const local = await declareStack("local");
    for (const type of [types.block, types.encryption, types.lifecycle]) {
      assert.ok(![...local.resources.values()].some((each) => each.type === type), type);
    }
  });
});

describe("staging on the engine's mocks: a remote Docker engine", () => {
  it("shows the registry who pulls, the password as a secret", async () => {
    const staging = await declareStack("staging");
    const { inputs } = resourceOf(staging, "pulumi:providers:docker", "docker");
    assert.equal(inputs.host, "ssh://deploy@scoring.staging.example.com");
    assert.deepEqual(
      inputs.registryAuth,
      secret(
        JSON.stringify([
          {
            address: "registry.example.com",
            username: "rewind-staging",
            password: valueOfSecret("registry-password"),
          },
        ]),
      ),
    );
  });
});
