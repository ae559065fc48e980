import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import type { Clients } from "../../checks/clients";
import { measurePolicy } from "../../checks/policy";

/** A bucket that keeps versions and, when `open`, lets anybody write. The keys of a version are what is asked of it. */
class VersionedBucket {
  open = false;
  listing = 200;
  deleting = 204;
  next = 0;
  versions: { id: string; body: string }[] = [];
  plainDeletes = 0;

  answer(request: IncomingMessage, body: string, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://bucket");
    const key = pathname.split("/").slice(2).join("/");
    const known = request.headers.authorization !== undefined || searchParams.has("X-Amz-Signature");
    if (!known && !this.open) return void response.writeHead(403).end();
    if (request.method === "PUT") {
      // The SDK frames what it sends; the framing is not what is tested.
      this.versions.push({ id: `v${(this.next += 1)}`, body: known ? "probe" : body });
      return void response.writeHead(200).end();
    }
    if (request.method === "DELETE") {
      const id = searchParams.get("versionId");
      if (id === null) this.plainDeletes += 1;
      else if (this.deleting === 204) this.versions = this.versions.filter((version) => version.id !== id);
      return void response.writeHead(id === null ? 204 : this.deleting).end();
    }
    if (searchParams.has("versions")) {
      const prefix = searchParams.get("prefix") ?? "";
      const listed = this.versions.map(
        ({ id }) => `<Version><Key>${prefix}</Key><VersionId>${id}</VersionId></Version>`,
      );
      const xml = `<ListVersionsResult>${listed.join("")}</ListVersionsResult>`;
      return void response.writeHead(this.listing).end(this.listing === 200 ? xml : "");
    }
    assert.notEqual(key, "");
    response.writeHead(200).end(this.versions.at(-1)?.body);
  }
}

describe("the probe of a policy", () => {
  let server: Server;
  let store: S3Client;
  let bucket: VersionedBucket;

  beforeEach((done) => {
    bucket = new VersionedBucket();
    const served = bucket;
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
      request.on("end", () => {
        served.answer(request, body, response);
      });
    });
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      store = new S3Client({
        endpoint: `http://127.0.0.1:${port}`,
        region: "eu-central-1",
        forcePathStyle: true,
        maxAttempts: 1,
        credentials: { accessKeyId: "own", secretAccessKey: "own" },
      });
      done();
    });
  });
  afterEach((done) => {
    store.destroy();
    server.close(done);
    server.closeAllConnections();
  });

  const measure = (signal = AbortSignal.timeout(5_000)) => {
    const clients = { objectStore: () => store } as unknown as Clients;
    return measurePolicy(clients, "documents", "public/", false, signal);
  };

  it("passes where nobody may, and leaves nothing behind", async () => {
    const { result, evidence } = await measure();
    assert.equal(result, "passed", evidence);
    assert.deepEqual(bucket.versions, []);
    assert.equal(bucket.plainDeletes, 0);
  });

  it("removes what an intruder wrote, version by version", async () => {
    bucket.open = true;
    const { result, evidence } = await measure();
    assert.equal(result, "failed");
    assert.match(evidence, /^anonymous reading documents\/public\/rewind-probe-.* answered 200$/);
    assert.deepEqual(bucket.versions, []);
  });

  it("keeps its finding and deletes plainly where versions may not be listed or removed", async () => {
    bucket.open = true;
    bucket.listing = 403;
    assert.equal((await measure()).result, "failed");
    assert.equal(bucket.plainDeletes, 1);
    bucket.listing = 200;
    bucket.deleting = 403;
    assert.equal((await measure()).result, "failed");
    assert.equal(bucket.plainDeletes, 2);
  });
});
