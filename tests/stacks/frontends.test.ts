import assert from "node:assert/strict";
import { InvalidConfiguration } from "../../release/config";
import { loadReal, valueOfSecret, type StackFile } from "../release/stack-files";
import { declareStack, resourceOf } from "./declared";

const [older, newer] = ["0", "1"].map((digit) => digit.repeat(64)) as [string, string];
const store = "arn:aws:cloudfront::123456789012:key-value-store/00000000-1111-2222-3333-444444444444";
const distribution = { id: "E2QWRUHAPOMQZL", keyValueStore: store, invalidate: ["/tasks", "/documents/*"] };
const onAws = { bucket: "example-frontends", url: "https://app.example.com", distribution };

const types = {
  key: "aws:cloudfront/keyvaluestoreKey:KeyvaluestoreKey",
  route: "pulumi-nodejs:dynamic/rewind:FrontendRoute",
  invalidation: "pulumi-nodejs:dynamic/rewind:Invalidation",
};

/** A stack file with a frontend: the place in the environment, a build in each of two releases. */
const withFrontend =
  (place: object, more: (config: StackFile) => void = () => undefined) =>
  (config: StackFile): void => {
    (config["rewind:environment"] as Record<string, unknown>).frontends = { web: place };
    const releases = config["rewind:releases"] as Record<string, Record<string, unknown>>;
    for (const [version, hex] of [
      ["v1.2.0", older],
      ["v1.2.1", newer],
    ] as const) {
      releases[version]!.frontend = { web: { build: `sha256:${hex}` } };
    }
    config["rewind:release"] = "v1.2.1";
    more(config);
  };
const problemsOf = (stack: "prod" | "local", change: (config: StackFile) => void): string => {
  try {
    loadReal(stack, change);
  } catch (error) {
    if (error instanceof InvalidConfiguration) return error.message;
    throw error;
  }
  return "";
};

describe("frontends on the engine's mocks", () => {
  it("W2 · on AWS the pin is one key of a KeyValueStore, and the declared paths are cleared after it", async () => {
    const declared = await declareStack("staging", withFrontend(onAws));
    const { inputs } = resourceOf(declared, types.key, "web");
    assert.deepEqual(inputs, { key: "web", value: newer, keyValueStoreArn: store });
    const { __provider, ...invalidation } = resourceOf(declared, types.invalidation, "web").inputs;
    assert.ok(__provider);
    assert.deepEqual(invalidation, {
      distribution: "E2QWRUHAPOMQZL",
      paths: ["/tasks", "/documents/*"],
      build: `sha256:${newer}`,
      milliseconds: 600_000,
      region: "us-east-1",
    });
    const back = await declareStack(
      "staging",
      withFrontend(onAws, (config) => (config["rewind:pins"] = { "frontend/web": "v1.2.0" })),
    );
    assert.equal(resourceOf(back, types.key, "web").inputs.value, older);
    const differing = [...declared.resources.keys()].filter(
      (key) =>
        JSON.stringify(declared.resources.get(key)?.inputs) !== JSON.stringify(back.resources.get(key)?.inputs) &&
        !key.includes("CacheClearing"),
    );
    assert.deepEqual(differing, [`${types.key} web`, `${types.invalidation} web`]);
  });

  it("hands keys for CloudFront over as secrets", async () => {
    const credentials = { accessKey: "stranger-access-key", secretKey: "stranger-secret-key" };
    const place = { ...onAws, distribution: { ...distribution, timeout: "90s" } };
    const declared = await declareStack(
      "staging",
      withFrontend(place, (config) => {
        (config["rewind:environment"] as Record<string, unknown>).aws = { region: "eu-central-1", credentials };
      }),
    );
    const { inputs } = resourceOf(declared, types.invalidation, "web");
    assert.equal(inputs.milliseconds, 90_000);
    const text = JSON.stringify(inputs.secretKey);
    assert.match(text, /1b47061264138c4ac30d75fd1eb44270/, "marked as a secret");
    assert.ok(text.includes(valueOfSecret("stranger-secret-key")));
  });

  it("refuses a frontend that nothing would move, and one that two things would", () => {
    const cleared = { id: distribution.id, invalidate: distribution.invalidate };
    assert.match(
      problemsOf("prod", withFrontend({ ...onAws, distribution: cleared })),
      /environment\.frontends\.web: nothing would move with the pin/,
    );
    const route = {};
    assert.match(problemsOf("prod", withFrontend({ ...onAws, route })), /would both say which build is served/);
  });

  it("refuses a frontend that the environment does not have, and a browser check of one that is not pinned", () => {
    const unknown = withFrontend(onAws, (config) => {
      (config["rewind:environment"] as Record<string, unknown>).frontends = {};
    });
    assert.match(
      problemsOf("prod", unknown),
      /releases\.v1\.2\.0\.frontend\.web: the environment .* has no such entry/,
    );
    const check = { kind: "browser", to: "frontend/admin", path: "/" };
    const unpinned = withFrontend(onAws, (config) => {
      (config["rewind:verification"] as { checks: object }).checks = { pages: check };
    });
    assert.match(
      problemsOf("prod", unpinned),
      /verification\.checks\.pages\.to: the pinned release has no "frontend\/admin"/,
    );
  });
});
