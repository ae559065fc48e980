import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeServicesCommand, DescribeTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import {
  GetAliasCommand,
  GetFunctionCommand,
  ListAliasesCommand,
  ListVersionsByFunctionCommand,
  UpdateAliasCommand,
} from "@aws-sdk/client-lambda";
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
} from "@aws-sdk/client-s3";
import { GetSecretValueCommand, ListSecretsCommand } from "@aws-sdk/client-secrets-manager";
import { stringify } from "yaml";
import { withPin } from "../../project/pin";
import { environmentVariables } from "../../local/variables";
import { readFileLog } from "../../records/log";
import { fillAccount, region, registry, type AwsAccount } from "./aws-account";
import { fixtureFor } from "./fixture";
import { checkout } from "./local-home";
import { startMoto, type Moto } from "./moto";

const stack = "test-aws";
const stackFile = join(checkout, `Pulumi.${stack}.yaml`);
const logFile = join(checkout, ".rewind", "records", `${stack}.jsonl`);
const bucket = "example-scoring-documents";
const password = "a password that nobody sees";

/** The engine reads YAML 1.1, to which a policy's version is a date. */
const quoted = { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" } as const;

describe("a stack on AWS", () => {
  let moto: Moto | undefined;
  let aws: AwsAccount;
  let variables: Record<string, string> | undefined;

  /** Runs the engine on the stack; nothing on standard input, all that it said together. */
  const pulumi = (args: readonly string[], input = ""): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      const env = { ...process.env, ...variables };
      const all = [...args, "--stack", stack, "--non-interactive", "--color", "never"];
      const child = execFile("pulumi", all, { cwd: checkout, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
      });
      child.stdin?.end(input);
    });
  const up = async () => {
    const { code, output } = await pulumi(["up", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    return output;
  };
  const pin = (release: string, pins: Record<string, string> = {}) => {
    writeFileSync(stackFile, withPin(readFileSync(stackFile, "utf8"), release, pins));
  };
  /** What the service runs, as AWS tells it. */
  const running = async () => {
    const { services = [] } = await aws.ecs.send(
      new DescribeServicesCommand({ cluster: "scoring", services: ["aws-test-api"] }),
    );
    const [service] = services.filter(({ status }) => status === "ACTIVE");
    if (service === undefined) return undefined;
    const asked = new DescribeTaskDefinitionCommand({ taskDefinition: service.taskDefinition });
    const { taskDefinition } = await aws.ecs.send(asked);
    return { service, revision: taskDefinition?.revision, container: taskDefinition?.containerDefinitions?.[0] };
  };
  /** What a function's alias leads to, as AWS tells it. */
  const live = async (name: string) => {
    const FunctionName = `aws-test-${name}`;
    const { FunctionVersion } = await aws.lambda.send(new GetAliasCommand({ FunctionName, Name: "live" }));
    const asked = new GetFunctionCommand({ FunctionName, Qualifier: FunctionVersion });
    const { Configuration, Code } = await aws.lambda.send(asked);
    return { version: FunctionVersion, variables: Configuration?.Environment?.Variables, Configuration, Code };
  };

  before(async function () {
    const { environment } = await fixtureFor(this);
    moto = await startMoto(this, { MOTO_LAMBDA_STUB_ECR: "false", MOTO_ECS_SERVICE_RUNNING: "1" });
    aws = await fillAccount(moto);
    variables = environmentVariables(environment, checkout);
    rmSync(logFile, { force: true });
    writeFileSync(stackFile, stringify({ config: configurationOf(aws, moto.endpoint) }, quoted));
    const chosen = await pulumi(["stack", "init"]);
    assert.equal(chosen.code, 0, chosen.output);
    const secrets = { "api-token": password, "access-key": "AKIAIOSFODNN7EXAMPLE", "secret-key": "not-a-secret" };
    const set = await pulumi(["config", "set", "--secret", "secrets"], JSON.stringify(secrets));
    assert.equal(set.code, 0, set.output);
  });

  after(async () => {
    if (variables !== undefined) {
      await pulumi(["destroy", "--yes", "--skip-preview"]);
      await pulumi(["stack", "rm", "--yes", "--force"]);
    }
    for (const file of [stackFile, logFile]) rmSync(file, { force: true });
    await moto?.stop();
  });

  it("W3 · runs each service from its image by digest, told where its secrets lie and never what they are", async () => {
    await up();
    const { service, container } = (await running())!;
    assert.equal(container?.image, `${registry}/engine@${aws.images["v1.2.1"]}`);
    assert.equal(service.runningCount, 1);
    assert.deepEqual(container.environment, [
      { name: "AUTOPILOT_WORKER_DISABLED", value: "false" },
      { name: "REWIND_RELEASE", value: "v1.2.1" },
    ]);
    const [secret] = container.secrets ?? [];
    assert.equal(secret?.name, "API_TOKEN");
    const [, SecretId = "", VersionId = ""] = /^(arn:.*):::([0-9a-f-]+)$/.exec(secret.valueFrom ?? "") ?? [];
    const kept = await aws.secrets.send(new GetSecretValueCommand({ SecretId, VersionId }));
    assert.equal(kept.SecretString, password);
  });

  it("keeps the values of secrets out of the state, the plan and the log in clear", async () => {
    const { output } = await pulumi(["stack", "export"]);
    assert.match(output, /containerDefinitions/);
    assert.ok(!output.includes(password));
    assert.ok(!readFileSync(logFile, "utf8").includes(password));
  });

  it("S4 · runs a function from its image and another from its bundle, each behind its alias", async () => {
    const [image, bundle] = [await live("finalizeAssessment"), await live("score_prism")];
    assert.equal(image.Code?.ImageUri, `${registry}/engine@${aws.images["v1.2.1"]}`);
    assert.equal(image.variables?.API_TOKEN, password);
    assert.deepEqual(image.Configuration?.ImageConfigResponse?.ImageConfig?.Command, ["finalizeAssessment"]);
    const hex = Buffer.from(bundle.Configuration?.CodeSha256 ?? "", "base64").toString("hex");
    assert.equal(`sha256:${hex}`, aws.bundles["v1.2.1"]);
    assert.equal(bundle.variables?.ENGINE_PARAMETERS, '{"precision":2}');
  });

  it("closes a bucket, encrypts it and cleans it up as pinned", async () => {
    const access = await aws.s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket }));
    assert.deepEqual(access.PublicAccessBlockConfiguration, {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    const encryption = await aws.s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
    const [rule] = encryption.ServerSideEncryptionConfiguration?.Rules ?? [];
    assert.deepEqual(rule?.ApplyServerSideEncryptionByDefault, { SSEAlgorithm: "aws:kms", KMSMasterKeyID: key });
    const lifecycle = await aws.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
    assert.deepEqual(
      lifecycle.Rules?.map(({ ID, Status, Expiration }) => [ID, Status, Expiration?.Days]),
      [["old-exports", "Enabled", 30]],
    );
  });

  it("changes nothing when nothing changed", async () => {
    const output = await up();
    assert.match(output, /\d+ unchanged/);
    assert.doesNotMatch(output, /created|updated|replaced/);
  });

  it("W3 · goes back by the pin alone: another revision of the service, other versions of the functions", async () => {
    const first = { service: await running(), prism: await live("score_prism") };
    pin("v1.2.0");
    await up();
    const after = { service: await running(), prism: await live("score_prism") };
    assert.equal(after.service?.container?.image, `${registry}/engine@${aws.images["v1.2.0"]}`);
    assert.ok(after.service.revision! > first.service!.revision!);
    const hex = Buffer.from(after.prism.Configuration?.CodeSha256 ?? "", "base64").toString("hex");
    assert.equal(`sha256:${hex}`, aws.bundles["v1.2.0"]);
    assert.notEqual(after.prism.version, first.prism.version);
    assert.equal(after.prism.variables?.ENGINE_PARAMETERS, '{"precision":1}');
    // The bucket's lifecycle is what v1.2.0 has: nothing that does anything.
    const { Rules } = await aws.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
    assert.deepEqual(
      Rules?.map(({ Status }) => Status),
      ["Disabled"],
    );
    // The revision that ran before is still there for whoever needs it.
    const asked = new DescribeTaskDefinitionCommand({ taskDefinition: `aws-test-api:${first.service!.revision!}` });
    assert.equal((await aws.ecs.send(asked)).taskDefinition?.status, "ACTIVE");
  });

  it("P4 · comes back to what ran, and the log says that each was verified", async () => {
    pin("v1.2.1");
    await up();
    assert.equal((await running())?.container?.image, `${registry}/engine@${aws.images["v1.2.1"]}`);
    const outcomes = readFileLog(logFile).flatMap((entry) => (entry.kind === "outcome" ? [entry] : []));
    assert.deepEqual(
      outcomes.map(({ result }) => result),
      ["passed", "passed", "passed"],
    );
    const names = outcomes.at(-1)?.checks.map(({ name }) => name) ?? [];
    for (const name of ["running services/api", "running functions/score_prism", "bucket settings documents"]) {
      assert.ok(names.includes(name), name);
    }
  });

  it("P4 · is verified again by rewind, which changes nothing", async () => {
    const before = { service: (await running())?.service.taskDefinition, version: (await live("score_prism")).version };
    const ran = await new Promise<{ code: number; output: string }>((resolve) => {
      const words = [join(checkout, "cli", "rewind.js"), "verify", "--stack", stack];
      const env = { ...process.env, ...variables };
      execFile(process.execPath, words, { cwd: checkout, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, output: stdout + stderr });
      });
    });
    assert.equal(ran.code, 0, ran.output);
    assert.match(ran.output, /running services\/api/);
    const after = { service: (await running())?.service.taskDefinition, version: (await live("score_prism")).version };
    assert.deepEqual(after, before);
  });

  it("S4 · moves one function alone, and leaves the others on the version that they have", async () => {
    const before = { prism: await live("score_prism"), finalize: await live("finalizeAssessment") };
    pin("v1.2.1", { "functions/score_prism": "v1.2.0" });
    await up();
    const after = { prism: await live("score_prism"), finalize: await live("finalizeAssessment") };
    assert.notEqual(after.prism.version, before.prism.version);
    assert.equal(after.prism.variables?.REWIND_RELEASE, "v1.2.0");
    assert.equal(after.finalize.version, before.finalize.version);
  });

  it("P4 · fails the verification when the alias leads elsewhere, and names the function", async () => {
    pin("v1.2.1");
    await up();
    const [FunctionName, Name] = ["aws-test-score_prism", "live"];
    const { version } = await live("score_prism");
    const { Versions = [] } = await aws.lambda.send(new ListVersionsByFunctionCommand({ FunctionName }));
    const pinned = Versions.find(({ Version }) => Version === version)?.CodeSha256;
    const other = Versions.find(({ Version, CodeSha256 }) => Version !== "$LATEST" && CodeSha256 !== pinned)?.Version;
    await aws.lambda.send(new UpdateAliasCommand({ FunctionName, Name, FunctionVersion: other }));
    // Only the bucket changes, so the engine does not come to look at the function.
    pin("v1.2.1", { storage: "v1.2.0" });
    const { code, output } = await pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /Verification failed after the change/);
    assert.match(
      output,
      /failed +running functions\/score_prism: aws-test-score_prism version \d+ has code with the hash/,
    );
    await aws.lambda.send(new UpdateAliasCommand({ FunctionName, Name, FunctionVersion: version }));
    pin("v1.2.1");
    await up();
  });

  it("refuses an image and a bundle that are not there, before anything is touched", async () => {
    const before = await running();
    pin("v9");
    const { code, output } = await pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /Refused before the first change; nothing was touched/);
    assert.match(output, /image .*engine@sha256:0{64}: not in its registry/);
    assert.match(output, /bundle sha256:0{64}: example-bundles has no bundles\/0{64}\.zip/);
    assert.equal((await running())?.service.taskDefinition, before?.service.taskDefinition);
    pin("v1.2.1");
  });

  it("leaves nothing behind when the stack is destroyed but the revisions that ran", async () => {
    const { code, output } = await pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    assert.equal(await running(), undefined);
    await assert.rejects(
      aws.lambda.send(new ListAliasesCommand({ FunctionName: "aws-test-score_prism" })),
      ({ name }: Error) => name === "ResourceNotFoundException",
    );
    assert.deepEqual((await aws.secrets.send(new ListSecretsCommand({}))).SecretList, []);
    await assert.rejects(aws.s3.send(new HeadBucketCommand({ Bucket: bucket })));
  });
});

const key = `arn:aws:kms:${region}:123456789012:key/01234567-89ab-cdef-0123-456789abcdef`;

/** A small stack that has one of everything on AWS, its releases differing in all of them. */
function configurationOf(aws: AwsAccount, endpoint: string): Record<string, unknown> {
  const policy = (action: string) => ({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Application",
        Effect: "Allow",
        Principal: { AWS: "${principal.application}" },
        Action: action,
        Resource: "arn:aws:s3:::${bucket}/*",
      },
    ],
  });
  const release = (image: string, bundle: string, precision: number, more: object) => ({
    services: { api: { image: `engine@${image}` } },
    functions: {
      finalizeAssessment: { image: `engine@${image}` },
      score_prism: { bundle, handler: "index.handler", runtime: "nodejs22.x", parameters: { precision } },
    },
    storage: { documents: { policy: policy("s3:GetObject"), ...more } },
    toggles: { AUTOPILOT_WORKER_DISABLED: precision === 1 },
  });
  const lifecycle = [{ id: "old-exports", prefix: "exports/", expire: 30 }];
  const nowhere = `sha256:${"0".repeat(64)}`;
  const credentials = { accessKey: "access-key", secretKey: "secret-key" };
  const secrets = { API_TOKEN: "api-token" };
  return {
    "rewind:release": "v1.2.1",
    "rewind:pins": {},
    "rewind:releases": {
      "v1.2.0": release(aws.images["v1.2.0"], aws.bundles["v1.2.0"], 1, {}),
      "v1.2.1": release(aws.images["v1.2.1"], aws.bundles["v1.2.1"], 2, {
        lifecycle,
        encryption: { algorithm: "aws:kms", key: "documents" },
      }),
      v9: release(nowhere, nowhere, 2, {}),
    },
    "rewind:verification": { timeout: "5s", deadline: "10s" },
    "rewind:environment": {
      name: "aws-test",
      kind: "local",
      registry,
      runtime: { services: "ecs", functions: "lambda" },
      aws: { region, endpoint, credentials },
      ecs: {
        cluster: "scoring",
        subnets: [aws.subnet],
        securityGroups: [aws.securityGroup],
        executionRole: aws.role,
        logGroup: "/ecs/scoring",
      },
      lambda: { role: aws.role, bundles: "example-bundles" },
      toggles: ["AUTOPILOT_WORKER_DISABLED"],
      services: {
        api: {
          command: ["api"],
          port: 8080,
          memory: 512,
          healthcheck: { command: ["/bin/node", "/app/main.js", "healthcheck"], interval: "5s" },
          secrets,
        },
      },
      functions: {
        finalizeAssessment: { command: ["finalizeAssessment"], memory: 256, secrets },
        score_prism: { memory: 256 },
      },
      objectStore: {
        endpoint,
        vendor: "aws",
        untried: { reason: "moto keeps policies and lets everybody read" },
        region,
        credentials,
        principals: { application: "arn:aws:iam::123456789012:user/application" },
        keys: { documents: key },
        buckets: { documents: bucket },
      },
    },
  };
}
