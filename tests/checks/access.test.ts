import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { S3Client } from "@aws-sdk/client-s3";
import { measureAccess } from "../../checks/access";
import type { Clients, Identity } from "../../checks/clients";
import type { Bucket, ObjectStore, Statement } from "../../release/schema/storage";

type Deed = "get" | "list" | "put" | "delete";

/** A store with one bucket, which does what it was told for each identity and keeps every version of an object. */
class StandIn {
  /** Who asks is an access key, or `anonymous`. */
  permits: (who: string, deed: Deed, key: string) => boolean = () => false;
  readonly versions: { readonly key: string; readonly id: string }[] = [];
  private next = 0;

  answer({ url = "", method = "GET", headers }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, "http://store");
    const key = decodeURIComponent(pathname.split("/").slice(2).join("/"));
    const who = /Credential=([^/]+)/.exec(headers.authorization ?? "")?.[1] ?? "anonymous";
    const reading = searchParams.has("list-type") ? "list" : "get";
    const deed = method === "PUT" ? "put" : method === "DELETE" ? "delete" : reading;
    const about = deed === "list" ? (searchParams.get("prefix") ?? "") : key;
    if (who !== "own" && !this.permits(who, deed, about)) return void response.writeHead(403).end();
    if (deed === "put") this.versions.push({ key, id: `v${(this.next += 1)}` });
    if (deed === "delete") {
      const id = searchParams.get("versionId");
      const at = this.versions.findIndex((version) => version.id === id);
      if (at >= 0) this.versions.splice(at, 1);
      return void response.writeHead(204).end();
    }
    const of = this.versions.filter((version) => version.key === searchParams.get("prefix"));
    const listed = of.map(({ key, id }) => `<Version><Key>${key}</Key><VersionId>${id}</VersionId></Version>`);
    if (searchParams.has("versions"))
      return void response.end(`<ListVersionsResult>${listed.join("")}</ListVersionsResult>`);
    response.end(deed === "list" ? "<ListBucketResult></ListBucketResult>" : "probe");
  }
}

describe("what a bucket's policy lets everybody do, tried", () => {
  let server: Server;
  let store: StandIn;
  let endpoint = "";
  const clients = new Map<string, S3Client>();
  const clientOf = (identity: Identity): S3Client => {
    const key = typeof identity === "string" ? identity : identity.principal;
    const made = clients.get(key);
    if (made !== undefined) return made;
    const credentials = { accessKeyId: key, secretAccessKey: "secret" };
    const client = new S3Client({
      ...{ endpoint, credentials },
      region: "eu-central-1",
      forcePathStyle: true,
      maxAttempts: 1,
    });
    clients.set(key, client);
    return client;
  };

  beforeEach((done) => {
    const served = (store = new StandIn());
    server = createServer((request, response) => {
      request.resume().on("end", () => {
        served.answer(request, response);
      });
    });
    server.listen(0, "127.0.0.1", () => {
      endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });
  afterEach((done) => {
    for (const client of clients.values()) client.destroy();
    clients.clear();
    server.close(done);
    server.closeAllConnections();
  });

  const base = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::docs/public/*" } as const;
  const measure = async (Statement: Statement[]) => {
    const keys = { accessKey: "key", secretKey: "secret" };
    const objectStore = {
      ...{ endpoint, region: "eu-central-1", buckets: { documents: "docs" }, stranger: keys },
      ...{ identities: { app: keys }, principals: { app: "APP" } },
    } as unknown as ObjectStore;
    const pin = { policy: { Version: "2012-10-17", Statement } } as unknown as Bucket;
    const asked = { objectStore: clientOf } as unknown as Clients;
    const measured = await measureAccess(asked, objectStore, "docs", pin, AbortSignal.timeout(10_000));
    assert.deepEqual(store.versions, [], "a probe was left behind");
    return { ...measured, evidence: measured.evidence.replace(/rewind-probe-[0-9a-f-]+/g, "PROBE") };
  };
  const forCloudFront: Statement = {
    ...base,
    Sid: "Cdn",
    Principal: { Service: "cloudfront.amazonaws.com" },
    Condition: { StringEquals: { "aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1" } },
  };

  it("passes where a policy is for CloudFront alone and nobody else may do anything, and says what was not probed", async () => {
    assert.deepEqual(await measure([forCloudFront]), {
      result: "passed",
      evidence:
        "24 attempts on docs by anonymous, app, stranger ended as its policy says" +
        "; unprobed: Cdn (no keys of cloudfront.amazonaws.com)",
    });
  });

  it("fails where a policy is for CloudFront alone and the bucket lets anybody read", async () => {
    store.permits = (_, deed) => deed === "get";
    const { result, evidence } = await measure([forCloudFront]);
    assert.equal(result, "failed");
    assert.match(evidence, /^anonymous: get docs\/public\/PROBE answered 200, but the policy does not allow it; app: /);
  });

  it("is inconclusive where everything depends on what is not known here, and says what was not probed", async () => {
    const office = { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } };
    const all = {
      ...base,
      Principal: "*" as const,
      Action: "s3:*",
      Resource: ["arn:aws:s3:::docs", "arn:aws:s3:::docs/*"],
    };
    assert.deepEqual(await measure([{ ...all, Condition: office }, forCloudFront]), {
      result: "inconclusive",
      evidence:
        "nothing of docs could be tried; 24 attempts not tried: only the store knows what they depend on" +
        "; unprobed: Statement 0 (its condition holds for some requests only), Cdn (no keys of cloudfront.amazonaws.com)",
    });
  });

  it("tries what a named identity may, and says nothing of probes where every statement was tried", async () => {
    const ofApp: Statement = { ...base, Principal: { AWS: "APP" } };
    store.permits = (who, deed, key) => who === "app" && deed === "get" && key.startsWith("public/");
    const passed = await measure([ofApp]);
    const evidence = "24 attempts on docs by anonymous, app, stranger ended as its policy says";
    assert.deepEqual(passed, { result: "passed", evidence });
    store.permits = () => false;
    assert.deepEqual(await measure([ofApp]), {
      result: "failed",
      evidence: "app: get docs/public/PROBE answered 403, but the policy allows it",
    });
  });
});
