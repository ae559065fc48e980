import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { readBeginning, readBody } from "../../checks/bounded";
import type { Clients } from "../../checks/clients";
import { measureServed } from "../../checks/frontend";
import { measureRequests, type HttpContext } from "../../checks/http";
import { linesIn, measureLogs } from "../../checks/logs";
import { runProbes } from "../../checks/probe";
import { readRoute } from "../../checks/proxy";
import { tokenFor } from "../../checks/registry-token";
import { fetchManifest, measureBuild } from "../../checks/stored-build";
import { digestOf } from "../../release/canonical";
import { sha256 } from "../fixtures/signing";

const megabyte = 1024 ** 2;

/** A server that everybody is sent the same answer by, and how many bytes of it went out. */
class Hostile {
  sent = 0;
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(answer: (hostile: { sent: number }) => RequestListener): Promise<Hostile> {
    const counted = { sent: 0 };
    const server = createServer(answer(counted));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const hostile = new Hostile(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    Object.defineProperty(hostile, "sent", { get: () => counted.sent });
    return hostile;
  }

  /** One that never comes to an end: a chunked answer of blanks behind some bytes that look right. */
  static endless(begins = "", headers: Record<string, string> = {}): Promise<Hostile> {
    return Hostile.start((counted) => (_, response) => {
      response.writeHead(200, headers);
      response.write(begins);
      const piece = Buffer.alloc(256 * 1024, " ");
      const send = (): void => {
        while (!response.destroyed && counted.sent < 300 * megabyte) {
          counted.sent += piece.length;
          if (!response.write(piece)) {
            response.once("drain", send);
            return;
          }
        }
        response.end();
      };
      send();
    });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** What is on its way when a reader has had enough: the buffers of the connection, on both sides. */
const onTheWay = 24 * megabyte;

describe("answers of a compromised service, registry or store", function () {
  this.timeout(60_000);
  const open: Hostile[] = [];
  const endless = async (begins?: string, headers?: Record<string, string>): Promise<Hostile> => {
    const hostile = await Hostile.endless(begins, headers);
    open.push(hostile);
    return hostile;
  };
  afterEach(() => {
    for (const each of open.splice(0)) each.stop();
  });
  const signal = (): AbortSignal => AbortSignal.timeout(30_000);
  const storeAt = (url: string): Pick<Clients, "objectStore"> => {
    const client = new S3Client({
      endpoint: url,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
    });
    return { objectStore: () => client };
  };

  it("SEC-M6 · of a service that never ends is read up to its limit, and fails what looks into it", async () => {
    const hostile = await endless('{"status":"ok"');
    const context: HttpContext = {
      addressOf: () => Promise.resolve(hostile.url),
      isInside: () => true,
      secret: () => "",
      pinned: () => undefined,
    };
    const expect = { status: 200, json: { status: "ok" } };
    const seen = await measureRequests([{ to: "services/api", path: "/health", expect }], context, signal());
    assert.deepEqual(seen, { result: "failed", evidence: "GET services/api/health → 200, more than 1048576 bytes" });
    assert.ok(hostile.sent < onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · of a service whose status alone is asked for passes by it, without the rest", async () => {
    const hostile = await endless();
    const context: HttpContext = {
      addressOf: () => Promise.resolve(hostile.url),
      isInside: () => true,
      secret: () => "",
      pinned: () => undefined,
    };
    const request = { to: "services/api" as const, path: "/", expect: { status: 200 } };
    assert.equal((await measureRequests([request], context, signal())).result, "passed");
    assert.ok(hostile.sent < onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · of a registry's token service is no token", async () => {
    const hostile = await endless('{"token":"a"}');
    const challenge = `Bearer realm="${hostile.url}/token"`;
    assert.equal(await tokenFor(challenge, "http:", "team/app", undefined, signal()), undefined);
    assert.ok(hostile.sent < onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · of a proxy's admin API is no configuration", async () => {
    const hostile = await endless("{");
    const asked = readRoute({ admin: hostile.url, server: "rewind" }, "rewind.a.route.b");
    await assert.rejects(asked, /the proxy's configuration has more than 33554432 bytes/);
    assert.ok(hostile.sent < 32 * megabyte + onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · of a store is no manifest, though it does not say how long it is", async () => {
    const hostile = await endless("[");
    const build = digestOf("x");
    const asked = fetchManifest(storeAt(hostile.url), "site", build, signal());
    await assert.rejects(asked, new RegExp(`the manifest of ${build} has more than 8388608 bytes`));
    assert.ok(hostile.sent < onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · of a store is not the file of a build that begins like it", async () => {
    const manifest = [{ path: "index.html", bytes: 4, sha256: sha256("page").slice(7), contentType: "text/html" }];
    const build = digestOf(manifest);
    const listed = `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>builds/${build.slice(7)}/files/index.html</Key><Size>4</Size></Contents></ListBucketResult>`;
    const hostile = await Hostile.start((counted) => (request, response) => {
      if (request.url?.includes("list-type") === true) return response.end(listed);
      if (request.url?.includes("manifest.json") === true) return response.end(JSON.stringify(manifest));
      const piece = Buffer.alloc(256 * 1024, " ");
      response.write("page");
      const send = (): void => {
        while (!response.destroyed && counted.sent < 300 * megabyte) {
          counted.sent += piece.length;
          if (!response.write(piece)) return void response.once("drain", send);
        }
        response.end();
      };
      send();
      return response;
    });
    open.push(hostile);
    const seen = await measureBuild(storeAt(hostile.url), "site", "web", build, signal());
    assert.equal(seen.evidence, `index.html of ${build} is not the file that was published`);
    assert.ok(hostile.sent < onTheWay, String(hostile.sent));
    const place = { url: hostile.url, bucket: "site" };
    const served = await measureServed(
      storeAt(hostile.url) as Clients,
      { name: "web", build, place, bucket: "site" },
      signal(),
    );
    assert.match(served.evidence, /is not of the pinned build/);
    assert.ok(hostile.sent < 2 * onTheWay, String(hostile.sent));
  });

  it("SEC-M6 · that is small and unpacks to a gigabyte is read up to its limit", async () => {
    const { gzipSync } = await import("node:zlib");
    const bomb = gzipSync(Buffer.alloc(200 * megabyte));
    const hostile = await Hostile.start(
      () => (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    );
    open.push(hostile);
    const before = process.memoryUsage().rss;
    const { bytes, whole } = await readBeginning((await fetch(hostile.url)).body, megabyte);
    assert.deepEqual([bytes.length, whole], [megabyte, false]);
    assert.ok(process.memoryUsage().rss - before < 100 * megabyte);
  });

  it("SEC-M6 · is read whole up to a limit, whatever the pieces, and never past it", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.nat(400), async (given, most) => {
        const all = Buffer.concat(given);
        const stream = () => Readable.from(given.map((each) => Buffer.from(each)));
        const { bytes, whole } = await readBeginning(stream(), most);
        assert.deepEqual([bytes.equals(all.subarray(0, most)), whole], [true, all.length <= most]);
        const read = await readBody(stream(), most, "it").catch((error: unknown) => (error as Error).message);
        assert.deepEqual(read, all.length <= most ? all : `it has more than ${most} bytes`);
      }),
    );
  });
});

describe("what a container writes into its log", function () {
  this.timeout(60_000);
  async function* raw(...pieces: readonly string[]): AsyncGenerator<Buffer> {
    for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
  }

  it("SEC-M7 · cannot hold up the update by a line that an expression takes for ever on", async () => {
    const line = `${"a".repeat(40)}!\n`;
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 50);
    const ask = (signal: AbortSignal) =>
      measureLogs(() => Promise.resolve(raw(line)), { of: "services/api", without: "^(?:a+)+$" }, undefined, signal);
    const [check] = await runProbes([{ name: "logs", ask, timeout: "20s", deadline: "100ms", factual: true }]);
    clearInterval(ticking);
    // The probe's deadline came first; and the process went on meanwhile.
    assert.equal(check?.result, "error");
    assert.ok(ticks > 0);
    await assert.rejects(ask(AbortSignal.timeout(20_000)), /the regular expression \^\(\?:a\+\)\+\$ takes too long/);
  });

  it("SEC-M7 · is looked at up to four KiB of each line, and none of it is kept beyond that", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      const piece = Buffer.alloc(megabyte, "x");
      for (; sent < 500; sent += 1) yield await Promise.resolve(piece);
      yield Buffer.from("\nnext\n");
    }
    const lines: string[] = [];
    for await (const line of linesIn(endless())) lines.push(line);
    assert.deepEqual(
      lines.map(({ length }) => length),
      [4_096, 4],
    );
    assert.equal(sent, 500);
  });

  it("SEC-M7 · is searched with every kind of expression that the stack file takes", async () => {
    const found = (without: string) =>
      measureLogs(
        () => Promise.resolve(raw("error: ignored\nerror: real\n")),
        { of: "services/api", without },
        undefined,
        AbortSignal.timeout(20_000),
      );
    assert.equal((await found("error: (?!ignored)")).evidence, "1 of 2 lines of services/api: error: real");
    assert.equal((await found("(?<=error: )\\p{L}+")).result, "failed");
    assert.equal((await found("fatal")).result, "passed");
  });

  it("SEC-M7 · may claim frames of any length and kind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), async (given) => {
        async function* hostile(): AsyncGenerator<Buffer> {
          for (const piece of given) yield await Promise.resolve(Buffer.from(piece));
        }
        let length = 0;
        for await (const line of linesIn(hostile())) length += Buffer.byteLength(line);
        // A byte that is no UTF-8 is shown as a character of three.
        assert.ok(length <= 3 * given.reduce((sum, each) => sum + each.length, 0));
      }),
      { numRuns: 500 },
    );
  });
});
