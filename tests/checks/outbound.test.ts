import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { connect, type AddressInfo, type Server as TcpServer } from "node:net";
import { tmpdir } from "node:os";

import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { openAws } from "../../checks/aws-clients";
import { dockerAt } from "../../checks/clients";
import { measureRequests } from "../../checks/http";
import { awsOutbound, fetchOutside, proxyFor, proxyName } from "../../checks/outbound";
import { describeError } from "../../checks/probe";
import { measureProxy } from "../../checks/proxy";
import { fetchBundles } from "../../checks/referrers";
import { tokenFor } from "../../checks/registry-token";
import { describeProxies } from "../../cli/machine-checks";
import { sha256 } from "../fixtures/signing";

const variables = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]);
const original = Object.fromEntries(variables.map((name) => [name, process.env[name]]));

/** The variables of a machine behind a proxy, and no others of the kind. */
function set(values: Readonly<Record<string, string>>): void {
  for (const name of variables) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, values);
}
const forget = () => {
  set(
    Object.fromEntries(
      Object.entries(original).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  );
};

const listen = async (server: TcpServer): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

describe("the proxy of the machine", () => {
  afterEach(forget);
  const chosen = (url: string) => {
    const proxy = proxyFor(new URL(url));
    return proxy === undefined ? "direct" : proxyName(proxy);
  };
  const [web, secure] = ["http://web.example.com:3128", "http://secure.example.com:3129"];

  it("is that of the scheme, in either case, the lower one first, and else that for all", () => {
    set({ HTTP_PROXY: web, HTTPS_PROXY: secure });
    assert.deepEqual([chosen("http://a.example.org"), chosen("https://a.example.org")], [web, secure]);
    set({ http_proxy: web, HTTP_PROXY: secure, https_proxy: secure });
    assert.deepEqual([chosen("http://a.example.org"), chosen("https://a.example.org")], [web, secure]);
    set({ ALL_PROXY: web, https_proxy: "" });
    assert.deepEqual([chosen("http://a.example.org"), chosen("https://a.example.org")], [web, web]);
    set({ HTTP_PROXY: web });
    assert.equal(chosen("https://a.example.org"), "direct");
  });

  it("is named without its credentials, and with its port", () => {
    set({ HTTPS_PROXY: "http://operator:s3cret@proxy.example.com" });
    assert.equal(chosen("https://a.example.org"), "http://proxy.example.com:80");
    set({ HTTPS_PROXY: "https://proxy.example.com/" });
    assert.equal(chosen("https://a.example.org"), "https://proxy.example.com:443");
    set({ HTTPS_PROXY: "proxy.example.com:3128" });
    assert.equal(chosen("https://a.example.org"), "http://proxy.example.com:3128");
  });

  for (const value of [
    "socks5://u:s3cret@proxy:1080",
    "http://u:s3cret@",
    "http://u:s3cret@proxy:port",
    "file:///s3cret",
  ]) {
    it(`is refused where it is none, without its value: ${value.replace("s3cret", "…")}`, () => {
      set({ https_proxy: value });
      assert.throws(() => chosen("https://a.example.org"), {
        message: "https_proxy is not the URL of an HTTP proxy, such as http://proxy.example.com:3128",
      });
    });
  }

  const exempt: readonly [string, string, boolean][] = [
    ["*", "https://a.example.org", true],
    ["example.org", "https://example.org", true],
    ["example.org", "https://a.example.org", true],
    ["example.org", "https://notexample.org", false],
    ["example.org", "https://example.org.evil.test", false],
    [".example.org", "https://a.b.example.org", true],
    ["*.example.org", "https://a.example.org", true],
    ["EXAMPLE.org", "https://A.Example.ORG", true],
    ["a.test, example.org", "https://example.org", true],
    ["a.test example.org", "https://example.org", true],
    ["example.org:5000", "https://example.org:5000", true],
    ["example.org:5000", "https://example.org", false],
    ["example.org:443", "https://example.org", true],
    ["10.1.2.3", "http://10.1.2.3:9000", true],
    ["10.1.2.3", "http://10.1.2.30:9000", false],
    ["10.0.0.0/8", "http://10.9.8.7", true],
    ["10.0.0.0/8", "http://11.0.0.1", false],
    ["10.0.0.0/8", "https://ten.example.org", false],
    ["10.0.0.0/33", "http://10.9.8.7", false],
    ["/", "http://10.9.8.7", false],
    ["fd00::/8", "http://[fd12::1]:9000", true],
    ["fd00::/8", "http://[fe80::1]:9000", false],
    ["fd12::1", "http://[fd12::1]", true],
    ["[fd12::1]:9000", "http://[fd12::1]:9000", true],
    ["[fd12::1]:9000", "http://[fd12::1]", false],
    ["registry.internal.", "https://registry.internal", false],
    ["registry.internal", "https://registry.internal.", true],
    [",, ,", "https://example.org", false],
    ["", "https://example.org", false],
  ];
  for (const [list, url, isDirect] of exempt) {
    it(`${isDirect ? "is passed by" : "is used"} with NO_PROXY="${list}" for ${url}`, () => {
      set({ ALL_PROXY: web, NO_PROXY: list });
      assert.equal(chosen(url), isDirect ? "direct" : web);
      set({ ALL_PROXY: web, no_proxy: list });
      assert.equal(chosen(url), isDirect ? "direct" : web);
    });
  }

  it("is never used for this machine itself", () => {
    set({ ALL_PROXY: web });
    const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => `127.${parts.join(".")}`);
    const host = fc.oneof(
      address,
      address.map((each) => `[::ffff:${each}]`),
      fc.constantFrom("localhost", "LOCALHOST", "localhost.", "app.localhost", "[::1]", "127.1", "0x7f000001"),
    );
    fc.assert(
      fc.property(host, fc.constantFrom("http", "https"), fc.integer({ min: 1, max: 65_535 }), (name, scheme, port) => {
        assert.equal(chosen(`${scheme}://${name}:${port}/`), "direct");
      }),
    );
    for (const other of ["http://128.0.0.1", "http://localhost.example.org", "http://mylocalhost"]) {
      assert.equal(chosen(other), web, other);
    }
  });

  it("is what the doctor names, without credentials", () => {
    set({});
    assert.deepEqual(describeProxies(), { result: "passed", evidence: "none: outside systems are asked directly" });
    set({ HTTPS_PROXY: "http://operator:s3cret@proxy.example.com:3128", HTTP_PROXY: web });
    assert.deepEqual(describeProxies(), {
      result: "passed",
      evidence: `https:// through http://proxy.example.com:3128, http:// through ${web}`,
    });
    set({ HTTPS_PROXY: "socks5://operator:s3cret@proxy.example.com:1080" });
    const { result, evidence, next } = describeProxies();
    assert.equal(result, "failed");
    assert.ok(next);
    assert.doesNotMatch(evidence, /s3cret|operator/);
  });
});

describe("a request to a system outside, from behind a proxy", () => {
  let proxy: Server;
  let target: Server;
  /** Where every tunnel ends, whatever it was asked for. */
  let end: number;
  /** What the proxy answers when it is asked for a tunnel. */
  let answer: number;
  let tunnels: { readonly to: string; readonly authorization: string | undefined }[];
  let requests: { readonly line: string; readonly headers: IncomingHttpHeaders }[];
  let port: number;
  /** Sockets of tunnels, which a server no longer counts as its own. */
  const open = new Set<Duplex>();

  beforeEach(async () => {
    [tunnels, requests, answer] = [[], [], 200];
    open.clear();
    target = createServer((request, response) => {
      requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
      response.end('{"ok":true}');
    });
    end = await listen(target);
    proxy = createServer((request, response) => {
      requests.push({ line: `not through a tunnel: ${request.url}`, headers: request.headers });
      response.writeHead(403).end();
    });
    proxy.on("connect", (request, socket) => {
      open.add(socket);
      tunnels.push({ to: request.url ?? "", authorization: request.headers["proxy-authorization"] });
      socket.on("error", () => undefined);
      if (answer !== 200) {
        socket.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const onward = connect(end, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("close", () => onward.destroy());
    });
    port = await listen(proxy);
    const url = `http://operator:s%2F3cret@127.0.0.1:${port}`;
    set({ HTTP_PROXY: url, HTTPS_PROXY: url });
  });
  afterEach(async () => {
    forget();
    for (const socket of open) socket.destroy();
    for (const server of [proxy, target]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  const authorization = `Basic ${Buffer.from("operator:s/3cret").toString("base64")}`;
  const signal = () => AbortSignal.timeout(5_000);
  const reasonOf = async (work: Promise<unknown>): Promise<string> => {
    const reason = await work.then(
      (value) => assert.fail(`it answered ${JSON.stringify(value)}`),
      (error: unknown) => describeError(error),
    );
    assert.doesNotMatch(reason, /3cret|operator/);
    return reason;
  };

  it("goes through a tunnel, and the proxy's credentials go to the proxy alone", async () => {
    const response = await fetchOutside("http://store.example.com/a?b=c", {
      method: "PUT",
      headers: { authorization: "Bearer of-the-store" },
      body: "x",
      redirect: "manual",
      signal: signal(),
    });
    assert.deepEqual([response.status, await response.json()], [200, { ok: true }]);
    assert.deepEqual(tunnels, [{ to: "store.example.com:80", authorization }]);
    const [{ line, headers } = assert.fail("nothing arrived")] = requests;
    assert.equal(line, "PUT /a?b=c");
    assert.deepEqual([headers.host, headers.authorization], ["store.example.com", "Bearer of-the-store"]);
    assert.equal(headers["proxy-authorization"], undefined);
  });

  it("goes directly where NO_PROXY says it, and to this machine", async () => {
    assert.equal((await fetchOutside(`http://127.0.0.1:${end}/`)).status, 200);
    assert.equal((await fetchOutside(`http://localhost:${end}/`)).status, 200);
    process.env.NO_PROXY = "store.invalid";
    await assert.rejects(fetchOutside(`http://store.invalid:${end}/`, { signal: signal() }));
    assert.deepEqual(tunnels, []);
    assert.equal(requests.length, 2);
  });

  for (const status of [403, 407, 502]) {
    it(`is not answered by a proxy that says ${status}: it failed, and the reason names the proxy`, async () => {
      answer = status;
      const reason = await reasonOf(fetchOutside("http://store.example.com/", { signal: signal() }));
      assert.ok(reason.startsWith(`through the proxy http://127.0.0.1:${port}: `), reason);
      assert.equal(requests.length, 0);
    });
  }

  it("names a proxy that does not answer, without its credentials", async () => {
    process.env.HTTPS_PROXY = "http://operator:s3cret@127.0.0.1:1";
    const reason = await reasonOf(fetchOutside("https://store.example.com/", { signal: signal() }));
    assert.match(reason, /^through the proxy http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  });

  it("names a password that is not encoded as in a URL by no more than that", async () => {
    process.env.HTTPS_PROXY = `http://operator:s3cret%@127.0.0.1:${port}`;
    const reason = await reasonOf(fetchOutside("https://store.example.com/", { signal: signal() }));
    assert.match(reason, /^through the proxy http:\/\/127\.0\.0\.1:/);
  });

  it("ends when its time is over, with the reason of its signal", async () => {
    target.removeAllListeners("request");
    await assert.rejects(fetchOutside("http://store.example.com/", { signal: AbortSignal.timeout(30) }), {
      name: "TimeoutError",
    });
  });

  it("proves the certificate of the system at the end of the tunnel", async function () {
    const folder = mkdtempSync(join(tmpdir(), "rewind-proxy-"));
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
    const files = ["-subj", "/CN=store.example.com", "-keyout", join(folder, "key"), "-out", join(folder, "cert")];
    try {
      execFileSync("openssl", [...words, ...files], { stdio: "ignore" });
    } catch {
      rmSync(folder, { recursive: true });
      this.skip();
    }
    const names: string[] = [];
    const [key, cert] = [readFileSync(join(folder, "key")), readFileSync(join(folder, "cert"))];
    rmSync(folder, { recursive: true });
    const SNICallback = (name: string, done: (error: null) => void): void => {
      names.push(name);
      done(null);
    };
    const stranger = createTlsServer({ key, cert, SNICallback });
    stranger.on("tlsClientError", () => undefined);
    end = await listen(stranger);
    const s3 = new S3Client({ ...connection("https://store.example.com"), ...awsOutbound() });
    try {
      const reasons = [
        await reasonOf(fetchOutside("https://store.example.com/", { signal: signal() })),
        await reasonOf(s3.send(new HeadBucketCommand({ Bucket: "b" }))),
      ];
      for (const reason of reasons) assert.match(reason, /self-signed certificate/);
      assert.deepEqual(names, ["store.example.com", "store.example.com"]);
      assert.deepEqual(tunnels, Array(2).fill({ to: "store.example.com:443", authorization }));
    } finally {
      s3.destroy();
      stranger.close();
    }
  });

  const connection = (endpoint: string) => ({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  });

  it("is how registries, their token servers and entries outside are asked; entries on the Docker engine are not", async () => {
    const image = `registry.example.com/team/scoring@${sha256("image")}`;
    await reasonOf(fetchBundles(image, signal()));
    const challenge = 'Bearer realm="https://auth.example.com/token",service="registry"';
    await reasonOf(tokenFor(challenge, "https:", "team/scoring", undefined, signal()));
    const ask = (isInside: boolean, address: string) =>
      measureRequests(
        [{ to: "services/api", path: "/health", expect: { status: 200 } }],
        {
          addressOf: () => Promise.resolve(address),
          isInside: () => isInside,
          secret: () => "",
          pinned: () => undefined,
        },
        signal(),
      );
    assert.equal((await ask(false, "http://api.example.com:8080")).result, "passed");
    await assert.rejects(ask(true, "http://docker.invalid:32768"));
    assert.deepEqual(
      tunnels.map(({ to }) => to),
      ["registry.example.com:443", "auth.example.com:443", "api.example.com:8080"],
    );
  });

  it("is never how the proxy's admin API and the Docker engine are asked", async () => {
    await assert.rejects(measureProxy({ admin: "http://caddy.invalid:2019", server: "rewind" }));
    await assert.rejects(dockerAt("tcp://docker.invalid:2375").ping());
    assert.deepEqual(tunnels, []);
  });

  describe("by a client of AWS", () => {
    const head = async (endpoint: string) => {
      const client = new S3Client({ ...connection(endpoint), ...awsOutbound() });
      try {
        return (await client.send(new HeadBucketCommand({ Bucket: "documents" }))).$metadata.httpStatusCode;
      } finally {
        client.destroy();
      }
    };

    it("goes through a tunnel, too", async () => {
      assert.equal(await head("http://store.example.com"), 200);
      assert.deepEqual(tunnels, [{ to: "store.example.com:80", authorization }]);
      assert.deepEqual(
        requests.map(({ line, headers }) => [line, headers["proxy-authorization"]]),
        [["HEAD /documents/", undefined]],
      );
    });

    it("goes directly to this machine and where NO_PROXY says it", async () => {
      assert.equal(await head(`http://127.0.0.1:${end}`), 200);
      process.env.NO_PROXY = ".invalid";
      await reasonOf(head("http://store.invalid"));
      assert.deepEqual(tunnels, []);
    });

    it("is not answered by the proxy: a 403 of the proxy is no denial of the store", async () => {
      answer = 403;
      const client = new S3Client({ ...connection("http://store.example.com"), ...awsOutbound() });
      const error = await client.send(new HeadBucketCommand({ Bucket: "b" })).then(
        () => assert.fail("it answered"),
        (thrown: unknown) => thrown,
      );
      assert.equal((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode, undefined);
      assert.match(describeError(error), new RegExp(`through the proxy http://127.0.0.1:${port}: it answers 403`));
    });

    it("names a proxy that does not answer, without its credentials", async () => {
      process.env.HTTP_PROXY = "http://operator:s3cret@127.0.0.1:1";
      assert.match(
        await reasonOf(head("http://store.example.com")),
        /through the proxy http:\/\/127\.0\.0\.1:1: .*ECONN/,
      );
    });

    it("goes so for every service of an account, and as ever without a proxy", async () => {
      const aws = openAws(
        { aws: { region: "eu-central-1", credentials: { accessKey: "a", secretKey: "b" } } },
        (name) => name,
      );
      await reasonOf((await aws.ecr()).send(new DescribeRepositoriesCommand({})));
      await reasonOf((await aws.s3()).send(new HeadBucketCommand({ Bucket: "b" })));
      aws.close();
      assert.deepEqual(
        tunnels.map(({ to }) => to),
        ["api.ecr.eu-central-1.amazonaws.com:443", "s3.eu-central-1.amazonaws.com:443"],
      );
      set({});
      assert.deepEqual(awsOutbound(), {});
    });
  });
});
