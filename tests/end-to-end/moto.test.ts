import assert from "node:assert/strict";
import { CreateBucketCommand, ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { startMoto } from "./moto";

describe("the server that answers for AWS", () => {
  it("takes real calls over HTTP and is gone when it is stopped", async function () {
    const moto = await startMoto(this);
    const store = new S3Client({
      region: "us-east-1",
      endpoint: moto.endpoint,
      forcePathStyle: true,
      credentials: moto.keys,
      maxAttempts: 1,
    });
    await store.send(new CreateBucketCommand({ Bucket: "somewhere" }));
    const { Buckets } = await store.send(new ListBucketsCommand({}));
    assert.deepEqual(
      Buckets?.map(({ Name }) => Name),
      ["somewhere"],
    );
    await moto.stop();
    await assert.rejects(store.send(new ListBucketsCommand({})));
  });
});
