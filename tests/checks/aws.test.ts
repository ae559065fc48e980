import assert from "node:assert/strict";
import { addressOnAws } from "../../checks/aws";
import { measureEcsService } from "../../checks/ecs";
import { measureLambda } from "../../checks/lambda";
import { engineAuth, registryAuthorization } from "../../checks/registry-credentials";
import { loadReal } from "../release/stack-files";

/** A client that answers each call, by the name of its command, from a table; an Error is thrown. */
function answering(answers: Readonly<Record<string, unknown>>): never {
  return {
    send: (command: object) => {
      const answer = answers[command.constructor.name];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  } as never;
}

const { signal } = new AbortController();
const image = `registry.example.com/engine@sha256:${"a".repeat(64)}`;
const digest = `sha256:${"b".repeat(64)}`;

describe("a service on ECS", () => {
  const healthy = {
    status: "ACTIVE",
    taskDefinition: "production-api:7",
    runningCount: 2,
    desiredCount: 2,
    deployments: [{ rolloutState: "COMPLETED" }],
  };
  const measure = (service: object | undefined, runs = image) => {
    const containerDefinitions = [{ name: "api", image: runs }];
    const client = answering({
      DescribeServicesCommand: { services: service === undefined ? [] : [service] },
      DescribeTaskDefinitionCommand: {
        taskDefinition: { family: "production-api", revision: 7, containerDefinitions },
      },
    });
    const expected = { cluster: "scoring", service: "production-api", container: "api", image, replicas: 2 };
    return measureEcsService(client, expected, signal);
  };

  it("passes when its one rollout is completed and everything runs the pinned image", async () => {
    const { result, evidence } = await measure(healthy);
    assert.equal(result, "passed", evidence);
    assert.match(evidence, /\(production-api:7\), 2 of 2 tasks$/);
  });

  const failures: readonly [string, object | undefined, RegExp][] = [
    ["it is not there", undefined, /is not among the services of the cluster scoring/],
    ["it is going away", { ...healthy, status: "DRAINING" }, /is not among the services/],
    [
      "its rollout goes on",
      { ...healthy, deployments: [{ rolloutState: "IN_PROGRESS" }] },
      /rollout that is IN_PROGRESS/,
    ],
    [
      "its rollout failed",
      { ...healthy, deployments: [{ rolloutState: "FAILED", rolloutStateReason: "tasks failed to start" }] },
      /FAILED: tasks failed to start/,
    ],
    ["old tasks still run", { ...healthy, deployments: [{}, {}] }, /has 2 rollouts at once/],
    ["tasks are missing", { ...healthy, runningCount: 1 }, /runs 1 of 2 tasks/],
    ["somebody scaled it", { ...healthy, runningCount: 1, desiredCount: 1 }, /the environment wants 2$/],
  ];
  for (const [when, service, evidence] of failures) {
    it(`fails when ${when}`, async () => {
      const measured = await measure(service);
      assert.equal(measured.result, "failed");
      assert.match(measured.evidence, evidence);
    });
  }

  it("fails, naming both images, when the circuit breaker went back to the earlier revision", async () => {
    const earlier = `registry.example.com/engine@sha256:${"c".repeat(64)}`;
    const measured = await measure(healthy, earlier);
    assert.deepEqual(measured, {
      result: "failed",
      evidence: `production-api runs ${earlier} (production-api:7), pinned is ${image}`,
    });
  });
});

describe("a function on Lambda", () => {
  const measure = (answers: Readonly<Record<string, unknown>>, expected: Parameters<typeof measureLambda>[2]) =>
    measureLambda(answering(answers), "production-score", expected, signal);
  const alias = { GetAliasCommand: { FunctionVersion: "4" } };
  const ofImage = { ...alias, GetFunctionCommand: { Configuration: { State: "Active" }, Code: { ImageUri: image } } };
  const CodeSha256 = Buffer.alloc(32, 0xbb).toString("base64");
  const ofBundle = { ...alias, GetFunctionCommand: { Configuration: { CodeSha256 } } };

  it("S4 · passes when the version behind its alias is the pinned image, or the pinned bundle", async () => {
    assert.equal((await measure(ofImage, { image })).result, "passed");
    assert.equal((await measure(ofBundle, { bundle: digest })).result, "passed");
  });

  const gone = Object.assign(new Error("no such function"), { name: "ResourceNotFoundException" });
  const failures: readonly [string, Readonly<Record<string, unknown>>, RegExp][] = [
    ["it is not there", { GetAliasCommand: gone }, /is not there: no such function/],
    ["its alias leads to $LATEST", { GetAliasCommand: { FunctionVersion: "$LATEST" } }, /on no published version/],
    [
      "a part of its calls goes elsewhere",
      { GetAliasCommand: { FunctionVersion: "4", RoutingConfig: { AdditionalVersionWeights: { 3: 0.1 } } } },
      /sends a part of its calls to version 3/,
    ],
    [
      "its version cannot be called",
      { ...alias, GetFunctionCommand: { Configuration: { State: "Failed" }, Code: { ImageUri: image } } },
      /version 4 is Failed/,
    ],
    ["it is another image", { ...alias, GetFunctionCommand: { Code: { ImageUri: "other" } } }, /version 4 runs other/],
  ];
  for (const [when, answers, evidence] of failures) {
    it(`fails when ${when}`, async () => {
      const measured = await measure(answers, { image });
      assert.equal(measured.result, "failed");
      assert.match(measured.evidence, evidence);
    });
  }

  it("fails when its code is another bundle's", async () => {
    const other = await measure(ofBundle, { bundle: `sha256:${"c".repeat(64)}` });
    assert.match(other.evidence, /has code with the hash u7u7.*, pinned is zMzM/);
  });

  it("lets an account that does not answer be an error, not a no", async () => {
    await assert.rejects(measure({ GetAliasCommand: new Error("connect ECONNREFUSED") }, { image }), /ECONNREFUSED/);
  });
});

describe("the address of an entry", () => {
  it("is what the environment says on ECS and Lambda, and the engine's business elsewhere", async () => {
    const prod = loadReal("prod").settings.environment;
    assert.equal(await addressOnAws(prod, "services/api"), "https://scoring.example.com");
    assert.equal(await addressOnAws(prod, "functions/score_prism"), "https://prism.functions.scoring.example.com");
    await assert.rejects(addressOnAws(prod, "services/other")!, /services\/other has no url/);
    assert.equal(addressOnAws(loadReal("staging").settings.environment, "services/api"), undefined);
  });
});

describe("the credentials of a registry", () => {
  const registryCredentials = { user: "rewind", password: "registry-password" };
  const environment = { registry: "registry.example.com:5000/team", registryCredentials };
  const secret = (name: string) => `value of ${name}`;
  const noAccount = { ecr: () => Promise.reject(new Error("nobody asked for AWS")) };

  it("are shown to that registry alone", async () => {
    const authorize = registryAuthorization(environment, secret, noAccount);
    const expected = `Basic ${Buffer.from("rewind:value of registry-password").toString("base64")}`;
    assert.equal(await authorize("registry.example.com:5000"), expected);
    for (const other of ["registry.example.com", "example.com", "registry.example.com:5001", ""]) {
      assert.equal(await authorize(other), undefined, other);
    }
  });

  it("go with the engine that pulls", () => {
    const serveraddress = "registry.example.com:5000";
    const shown = { username: "rewind", password: "value of registry-password", serveraddress };
    assert.deepEqual(engineAuth(environment, secret), shown);
    assert.equal(engineAuth({ registry: environment.registry }, secret), undefined);
  });

  it("are a token of the account's on ECR, asked for once", async () => {
    let asked = 0;
    const send = () => {
      asked += 1;
      return Promise.resolve({ authorizationData: [{ authorizationToken: "QVdTOnRva2Vu" }] });
    };
    const host = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
    const ecr = (region?: string) => {
      assert.equal(region, "eu-central-1");
      return Promise.resolve({ send } as never);
    };
    const authorize = registryAuthorization({ registry: `${host}/team` }, secret, { ecr });
    assert.deepEqual([await authorize(host), await authorize(host)], ["Basic QVdTOnRva2Vu", "Basic QVdTOnRva2Vu"]);
    assert.equal(asked, 1);
    assert.equal(await authorize("registry.example.com"), undefined);
  });
});
