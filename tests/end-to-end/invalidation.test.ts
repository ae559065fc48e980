import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  CloudFrontClient,
  CreateDistributionCommand,
  GetInvalidationCommand,
  ListInvalidationsCommand,
} from "@aws-sdk/client-cloudfront";
import type { InvalidationInputs, InvalidationState } from "../../stacks/invalidation";
import { callerReference, create, diff, update } from "../../stacks/invalidation.provider";
import { startMoto, type Moto } from "./moto";

const paths = ["/tasks", "/documents", "/onboarding", "/assistant"];
const [older, newer] = ["0", "1"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];

describe("clearing CloudFront", function () {
  let moto: Moto | undefined;
  let client: CloudFrontClient;
  let inputs: InvalidationInputs;

  before(async function () {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
    moto = await startMoto(this);
    const { endpoint, keys } = moto;
    client = new CloudFrontClient({ region: "us-east-1", endpoint, credentials: keys });
    const origin = {
      Id: "builds",
      DomainName: "builds.s3.amazonaws.com",
      S3OriginConfig: { OriginAccessIdentity: "" },
    };
    const { Distribution } = await client.send(
      new CreateDistributionCommand({
        DistributionConfig: {
          CallerReference: "test",
          Comment: "",
          Enabled: true,
          Origins: { Quantity: 1, Items: [origin] },
          DefaultCacheBehavior: { TargetOriginId: "builds", ViewerProtocolPolicy: "https-only" },
        },
      }),
    );
    inputs = {
      distribution: Distribution?.Id ?? "",
      paths,
      build: older,
      milliseconds: 10_000,
      region: "us-east-1",
      endpoint,
      accessKey: keys.accessKeyId,
      secretKey: keys.secretAccessKey,
    };
  });
  after(async () => {
    client.destroy();
    await moto?.stop();
  });

  /** What the distribution was asked to clear, oldest first. */
  const asked = async () => {
    const { InvalidationList } = await client.send(
      new ListInvalidationsCommand({ DistributionId: inputs.distribution }),
    );
    return await Promise.all(
      (InvalidationList?.Items ?? []).map(async ({ Id }) => {
        const found = await client.send(new GetInvalidationCommand({ DistributionId: inputs.distribution, Id }));
        return found.Invalidation?.InvalidationBatch;
      }),
    );
  };

  it("W2 · clears the declared paths at every flip, forth and back, each under a name of its own", async () => {
    const { outs: first } = await create(inputs);
    const second = (await update(first!, { ...inputs, build: newer })).outs!;
    await update(second, inputs);
    const batches = await asked();
    assert.equal(batches.length, 3);
    for (const batch of batches) assert.deepEqual(batch?.Paths?.Items, paths);
    assert.equal(new Set(batches.map((batch) => batch?.CallerReference)).size, 3);
  });

  it("W2 · is the same invalidation when an update is tried again, and another at the next flip to the same build", () => {
    const state: InvalidationState = { ...inputs, line: "one", count: 1 };
    assert.equal(callerReference(state), callerReference({ ...state }));
    const others = [
      { ...state, count: 3 },
      { ...state, line: "two" },
      { ...state, build: newer },
    ];
    for (const other of others) assert.notEqual(callerReference(other), callerReference(state));
    assert.ok(callerReference(state).length <= 128);
  });

  it("is due when the build, the paths or the distribution change, and not because of keys", async () => {
    const state: InvalidationState = { ...inputs, line: "one", count: 1 };
    assert.equal((await diff(state, { ...inputs, secretKey: "another" })).changes, false);
    for (const other of [{ build: newer }, { paths: ["/tasks"] }, { distribution: "E2QWRUHAPOMQZL" }]) {
      assert.equal((await diff(state, { ...inputs, ...other })).changes, true);
    }
  });

  it("W2 · says which distribution it could not find, and never the key", async () => {
    await assert.rejects(create({ ...inputs, distribution: "E2QWRUHAPOMQZL" }), (error: Error) => {
      assert.match(
        error.message,
        /^CloudFront distribution E2QWRUHAPOMQZL, invalidation of \/tasks .*NoSuchDistribution/,
      );
      assert.match(error.message, /correct environment\.frontends\.\*\.distribution\.id$/);
      return !error.message.includes(inputs.secretKey ?? "");
    });
  });

  /** Answers as CloudFront does while it is busy, or when it says no. moto does neither. */
  const answering = async (status: number, body: string, work: (endpoint: string) => Promise<void>): Promise<void> => {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(status, { "content-type": "text/xml" }).end(`<?xml version="1.0"?>${body}`);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  it("W2 · waits for the edges no longer than it may", async () => {
    await answering(201, "<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>", async (endpoint) => {
      const waiting = create({ ...inputs, endpoint, milliseconds: 1_200 });
      await assert.rejects(waiting, /the invalidation I1 is InProgress after 1200 ms; pulumi up tries again$/);
    });
  });

  it("W2 · says what to allow when AWS denies it", async () => {
    const said =
      "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>";
    await answering(403, said, async (endpoint) => {
      await assert.rejects(
        create({ ...inputs, endpoint }),
        /AccessDenied: not authorized; allow cloudfront:CreateInvalidation/,
      );
    });
  });
});
