import assert from "node:assert/strict";
import { InvalidConfiguration } from "../../release/config";
import { ecrOf, isOnAws } from "../../release/runtime";
import { loadReal, type StackFile } from "./stack-files";

type Json = Record<string, unknown>;

/** Production after a value at a path was put there, or taken away with `undefined`. */
function putting(...changes: readonly [string, unknown][]): string[] {
  try {
    loadReal("prod", (config: StackFile) => {
      for (const key of ["rewind:environment", "rewind:releases"]) config[key] = structuredClone(config[key]);
      for (const [path, value] of changes) {
        const [first = "", ...rest] = path.split("/");
        const last = rest.pop() ?? "";
        const holder = rest.reduce((at, key) => at[key] as Json, config[`rewind:${first}`] as Json);
        if (value === undefined) Reflect.deleteProperty(holder, last);
        else holder[last] = value;
      }
    });
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfiguration)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

const bundle = `sha256:${"b".repeat(64)}`;
const prism = "releases/v1.2.0/functions/score_prism";
const documents = "releases/v1.2.0/storage/documents";

/** What each change to production is answered with, each problem once and nothing besides. */
const refusals: readonly [string, readonly [string, unknown][], readonly RegExp[]][] = [
  [
    "ECS without a cluster",
    [["environment/ecs", undefined]],
    [/^environment\.ecs: missing: the runtime ecs needs it$/],
  ],
  [
    "Lambda without a role",
    [["environment/lambda", undefined]],
    [/^environment\.lambda: missing: the runtime lambda needs it$/],
  ],
  ["no account", [["environment/aws", undefined]], [/^environment\.aws: missing/]],
  [
    "a cluster by its ARN",
    [["environment/ecs/cluster", "arn:aws:ecs:eu-central-1:1:cluster/x"]],
    [/^environment\.ecs\.cluster: expected the name of a cluster/],
  ],
  [
    "a role that is none",
    [["environment/ecs/executionRole", "scoring"]],
    [/^environment\.ecs\.executionRole: expected an ARN such as arn:aws:iam/],
  ],
  [
    "a subnet that is none",
    [["environment/ecs/subnets", ["subnet-0a1b2c3d", "vpc-0a1b2c3d"]]],
    [/^environment\.ecs\.subnets\.1: expected a subnet such as/],
  ],
  [
    "a service that checks cannot reach",
    [["environment/services/api/url", undefined]],
    [/^verification\.checks\.health: |services\/api has no url/, /services\/api has no url in the environment$/],
  ],
  [
    "a health check that ECS would refuse",
    [["environment/services/api/healthcheck/interval", "1s"]],
    [/healthcheck\.interval: expected whole seconds from 5s to 300s on ECS, got 1s$/],
  ],
  [
    "an invocation longer than Lambda allows",
    [["environment/functions/score_prism/executionTimeout", "16m"]],
    [/executionTimeout: expected whole seconds, at most 900s, got 16m$/],
  ],
  [
    "subnets without security groups",
    [["environment/lambda/securityGroups", undefined]],
    [/^environment\.lambda: subnets and securityGroups go together$/],
  ],
  [
    "an image and a bundle at once",
    [
      [`${prism}/bundle`, bundle],
      [`${prism}/handler`, "index.handler"],
      [`${prism}/runtime`, "nodejs22.x"],
    ],
    [/functions\.score_prism: expected an image or a bundle, got both$/],
  ],
  [
    "a bundle that nothing enters",
    [[prism, { bundle, runtime: "nodejs22.x" }]],
    [/handler: missing: a bundle needs one$/],
  ],
  ["an image with a handler", [[`${prism}/handler`, "index.handler"]], [/handler and runtime belong to a bundle/]],
  [
    "a bundle where containers run",
    [
      [prism, { bundle, handler: "index.handler", runtime: "nodejs22.x" }],
      ["environment/docker", { host: "unix:///var/run/docker.sock" }],
      ["environment/runtime/functions", "container"],
      ...["finalizeAssessment", "score_prism", "score_fc_session"].flatMap((name): [string, unknown][] => [
        [`environment/functions/${name}/healthcheck`, { command: ["true"] }],
        [`environment/functions/${name}/port`, 8080],
      ]),
    ],
    [/only Lambda runs a bundle; set environment\.runtime\.functions: lambda$/],
  ],
  [
    "a bundle and no bucket for it",
    [
      [prism, { bundle, handler: "index.handler", runtime: "nodejs22.x" }],
      ["environment/lambda/bundles", undefined],
    ],
    [/^environment\.lambda\.bundles: missing: functions\/score_prism is a bundle$/],
  ],
  [
    "a key that the environment does not have",
    [[`${documents}/encryption`, { algorithm: "aws:kms", key: "other" }]],
    [/encryption\.key: no key other in environment\.objectStore\.keys; it has documents$/],
  ],
  [
    "a key for AWS's own encryption",
    [[`${documents}/encryption`, { algorithm: "AES256", key: "documents" }]],
    [/encryption\.key: a key belongs to the algorithm aws:kms$/],
  ],
  [
    "a lifecycle that does nothing",
    [[`${documents}/lifecycle`, [{ id: "idle" }]]],
    [/lifecycle\.0: a rule that does nothing$/],
  ],
  [
    "two rules of one name",
    [
      [
        `${documents}/lifecycle`,
        [
          { id: "a", abortUploads: 1 },
          { id: "a", abortUploads: 2 },
        ],
      ],
    ],
    [/lifecycle\.1\.id: a second rule a$/],
  ],
  [
    "a lifecycle that would empty the bucket",
    [[`${documents}/lifecycle`, [{ id: "all", expire: 1, prefix: "" }]]],
    [/without it every object of the bucket would be removed$/],
  ],
  [
    "keys of an account that are no secrets of the stack",
    [["environment/aws/credentials", { accessKey: "aws-access-key", secretKey: "aws-secret-key" }]],
    [/^environment\.aws\.credentials\.accessKey: no secret/, /^environment\.aws\.credentials\.secretKey: no secret/],
  ],
  [
    "a registry's password that is no secret of the stack",
    [["environment/registryCredentials", { user: "rewind", password: "registry-password" }]],
    [/^environment\.registryCredentials\.password: no secret "registry-password"/],
  ],
];

describe("what AWS would refuse in the middle of a change", () => {
  for (const [name, changes, expected] of refusals) {
    it(`is refused before it begins: ${name}`, () => {
      const problems = putting(...changes);
      for (const pattern of expected)
        assert.ok(
          problems.some((each) => pattern.test(each)),
          problems.join("\n"),
        );
      const others = problems.filter((each) => !expected.some((pattern) => pattern.test(each)));
      assert.deepEqual(others, []);
    });
  }

  it("is not found where there is nothing of the kind", () => {
    assert.deepEqual(putting(), []);
    assert.deepEqual(putting([prism, { bundle, handler: "index.handler", runtime: "nodejs22.x" }]), []);
  });
});

describe("where things are", () => {
  it("tells Amazon's registry from others that look like it", () => {
    const ours = { account: "111122223333", region: "eu-central-1" };
    assert.deepEqual(ecrOf("111122223333.dkr.ecr.eu-central-1.amazonaws.com/scoring"), ours);
    assert.deepEqual(ecrOf("111122223333.dkr.ecr.eu-central-1.amazonaws.com"), ours);
    for (const other of [
      "registry.example.com",
      "111122223333.dkr.ecr.eu-central-1.amazonaws.com.example.com",
      "1.dkr.ecr.eu-central-1.amazonaws.com",
    ]) {
      assert.equal(ecrOf(other), undefined, other);
    }
  });

  it("takes a store for AWS where it has no endpoint, or says so", () => {
    const store = { region: "eu-central-1", buckets: {} };
    assert.equal(isOnAws({}), false);
    assert.equal(isOnAws({ objectStore: store }), true);
    assert.equal(isOnAws({ objectStore: { ...store, endpoint: "http://127.0.0.1:9000" } }), false);
    assert.equal(isOnAws({ objectStore: { ...store, endpoint: "http://127.0.0.1:9000", vendor: "aws" } }), true);
    assert.equal(isOnAws({ objectStore: { ...store, vendor: "other" } }), false);
  });
});
