import assert from "node:assert/strict";
import type { StackFile } from "../release/stack-files";
import { valueOfSecret } from "../release/stack-files";
import { declareStack, resourceOf } from "./declared";

interface Bucket {
  policy: { Statement: object[] };
  [setting: string]: unknown;
}

/** The documents of the pinned release, with more pinned of them. */
const pinning = (more: object) => (config: StackFile) => {
  const releases = config["rewind:releases"] as Record<string, { storage?: { documents: Bucket } }>;
  const { storage } = releases[config["rewind:release"] as string] ?? {};
  assert.ok(storage !== undefined);
  Object.assign(storage.documents, more);
};

describe("what a release pins of a bucket, on the engine's mocks", () => {
  it("declares its CORS rules in the vendor's words", async () => {
    const cors = [
      { origins: ["https://app.example.com"], methods: ["GET", "PUT"], headers: ["content-type"], maxAge: 600 },
    ];
    const declared = await declareStack("staging", pinning({ cors }));
    const { inputs } = resourceOf(declared, "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", "documents");
    assert.deepEqual(inputs.corsRules, [
      {
        allowedOrigins: ["https://app.example.com"],
        allowedMethods: ["GET", "PUT"],
        allowedHeaders: ["content-type"],
        maxAgeSeconds: 600,
      },
    ]);
  });

  it("W7 · lets AWS itself refuse what was signed longer ago than allowed, and asks no other store for it", async () => {
    const statements = async (stack: "staging" | "local") => {
      const declared = await declareStack(stack, pinning({ signedUrls: { longest: "15m" } }));
      const { inputs } = resourceOf(declared, "aws:s3/bucketPolicy:BucketPolicy", "documents");
      return JSON.parse(inputs.policy as string) as {
        Statement: { Sid: string; Condition: unknown; Effect: string }[];
      };
    };
    const age = (await statements("staging")).Statement.find(({ Sid }) => Sid === "RewindSignatureAge");
    assert.equal(age?.Effect, "Deny");
    assert.deepEqual(age.Condition, { NumericGreaterThan: { "s3:signatureAge": "900000" } });
    assert.ok((await statements("local")).Statement.every(({ Sid }) => Sid !== "RewindSignatureAge"));
  });
});

describe("background jobs, on the engine's mocks", () => {
  const type = "pulumi-nodejs:dynamic/rewind:JobCancelling";

  it("W8 · are cancelled by another release, and only suspended by a toggle", async () => {
    const inputs = async (change: (config: StackFile) => void) =>
      resourceOf(await declareStack("local", change), type, "autopilot").inputs;
    const plain = await inputs(() => undefined);
    const other = await inputs((config) => (config["rewind:release"] = "v1.2.0"));
    const toggled = await inputs((config) => (config["rewind:toggles"] = { AUTOPILOT_WORKER_DISABLED: true }));
    assert.notEqual(other.digest, plain.digest);
    assert.equal(toggled.digest, plain.digest);
    assert.deepEqual([plain.disabled, toggled.disabled], [false, true]);
    assert.ok(JSON.stringify(plain.url).includes(JSON.stringify(valueOfSecret("cache-url"))), "as a secret");
  });
});
