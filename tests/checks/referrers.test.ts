import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describeError } from "../../checks/probe";
import { fetchBundles } from "../../checks/referrers";
import { sha256 } from "../fixtures/signing";

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

describe("the bundles beside an image in its registry", () => {
  let server: Server;
  let answers: Record<string, Answer>;
  let asked: { readonly path: string; readonly authorization: string | undefined }[];
  let image = "";
  const digest = sha256("image");
  const tag = digest.replace(":", "-");

  beforeEach(async () => {
    answers = {};
    asked = [];
    server = createServer((request, response) => {
      const path = (request.url ?? "").replace("/v2/team/scoring/", "");
      asked.push({ path, authorization: request.headers.authorization });
      const { status = 200, body = "", headers = {} } = answers[path] ?? { status: 404, body: "404 page not found" };
      response.writeHead(status, headers).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    image = `127.0.0.1:${(server.address() as AddressInfo).port}/team/scoring@${digest}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const fetchAll = (authorize?: Parameters<typeof fetchBundles>[2]) =>
    fetchBundles(image, AbortSignal.timeout(5_000), authorize);
  /** Serves an artifact with a bundle, and returns its descriptor. */
  const artifact = (text: string, change: object = {}) => {
    const layers = [{ mediaType: bundleType, digest: sha256(text), size: text.length }];
    const manifest = JSON.stringify({ schemaVersion: 2, subject: { digest }, layers, ...change });
    answers[`manifests/${sha256(manifest)}`] = { body: manifest };
    answers[`blobs/${sha256(text)}`] = { body: text };
    return { mediaType: manifestType, digest: sha256(manifest), size: manifest.length };
  };
  const index = (...manifests: readonly object[]) => JSON.stringify({ schemaVersion: 2, manifests });
  const offer = (...manifests: readonly object[]): void => {
    answers[`referrers/${digest}`] = { body: index(...manifests), headers: { "content-type": indexType } };
  };
  const failsWith = async (reason: RegExp): Promise<void> => {
    await assert.rejects(fetchAll(), (error) => {
      assert.match(describeError(error), reason);
      return true;
    });
  };

  it("are its referrers, by the registry's own list", async () => {
    offer(artifact("one"), artifact("two"));
    const { bundles, reasons } = await fetchAll();
    assert.deepEqual(
      bundles.map(({ text }) => text),
      ["one", "two"],
    );
    assert.deepEqual(reasons, []);
  });

  it("are those under the tag sha256-<hex> where the registry has no such list", async () => {
    answers[`manifests/${tag}`] = { body: index(artifact("one")) };
    assert.deepEqual(
      (await fetchAll()).bundles.map(({ text }) => text),
      ["one"],
    );
  });

  it("are none where there are none", async () => {
    assert.deepEqual(await fetchAll(), { bundles: [], reasons: [] });
  });

  it("are not attestations, nor artifacts of another kind", async () => {
    const annotations = { "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1" };
    const other = artifact("{}", { layers: [{ mediaType: "application/spdx+json", digest, size: 2 }] });
    offer({ ...artifact("attestation"), annotations }, other, artifact("signature"));
    assert.deepEqual(
      (await fetchAll()).bundles.map(({ text }) => text),
      ["signature"],
    );
    assert.ok(!asked.some(({ path }) => path.includes(sha256("attestation"))), "nothing of it was fetched");
  });

  it("come with the image's manifest where they sign that", async () => {
    answers[`manifests/${digest}`] = { body: "image" };
    offer(artifact('{"messageSignature":{}}'));
    assert.equal((await fetchAll()).bundles[0]?.artifact?.toString(), "image");
  });

  for (const { what, serve, reason } of [
    {
      what: "refers to another image",
      serve: () => artifact("x", { subject: { digest: sha256("another") } }),
      reason: /refers to "sha256:/,
    },
    { what: "refers to nothing", serve: () => artifact("x", { subject: undefined }), reason: /refers to nothing/ },
    { what: "is not there", serve: () => ({ mediaType: manifestType, digest }), reason: /listed and not there/ },
    { what: "is no manifest", serve: () => artifact("x", { layers: "none" }), reason: /no manifest of an artifact/ },
    {
      what: "is larger than a bundle may be",
      serve: () => artifact("x", { layers: [{ mediaType: bundleType, digest: sha256("x"), size: 10_000_000 }] }),
      reason: /a bundle of 10000000 bytes; at most 262144/,
    },
    {
      what: "has a bundle that is gone",
      serve: () => artifact("x", { layers: [{ mediaType: bundleType, digest: sha256("gone"), size: 4 }] }),
      reason: /its bundle is not there/,
    },
  ]) {
    it(`are found beside a referrer that ${what}, which is named`, async () => {
      offer(serve(), artifact("good"));
      const { bundles, reasons } = await fetchAll();
      assert.deepEqual(
        bundles.map(({ text }) => text),
        ["good"],
      );
      assert.equal(reasons.length, 1);
      assert.match(reasons[0] ?? "", reason);
    });
  }

  it("must have the digest under which they are kept", async () => {
    offer(artifact("one"));
    answers[`blobs/${sha256("one")}`] = { body: "two" };
    await failsWith(/the registry has sha256:[0-9a-f]{64} under sha256:[0-9a-f]{64}/);
  });

  it("are at most thirty-two", async () => {
    offer(...Array.from({ length: 40 }, (_, index) => artifact(`bundle ${index}`)));
    const { bundles, reasons } = await fetchAll();
    assert.equal(bundles.length, 32);
    assert.deepEqual(reasons, ["more than 32 referrers, of which the first were looked at"]);
  });

  it("end where an answer grows past its bound, whatever its list said", async () => {
    offer(artifact("x"));
    answers[`blobs/${sha256("x")}`] = { body: "x".repeat(300 * 1024) };
    await failsWith(/has more than 262144 bytes/);
  });

  for (const status of [400, 404, 405, 406, 410, 415, 422]) {
    it(`are those under the tag where the registry answers ${status} for a list that it does not have`, async () => {
      const body = JSON.stringify({ errors: [{ code: "UNSUPPORTED", message: "The operation is unsupported." }] });
      answers[`referrers/${digest}`] = { status, body, headers: { "content-type": "application/json" } };
      answers[`manifests/${tag}`] = { body: index(artifact("one")) };
      assert.deepEqual(
        (await fetchAll()).bundles.map(({ text }) => text),
        ["one"],
      );
    });
  }

  for (const [how, link] of [
    ["a path of the registry", (query: string) => `</v2/team/scoring/referrers/${digest}${query}>; rel="next"`],
    ["a query alone", (query: string) => `<${query}>; rel="next"`],
    [
      "a whole address, behind a proxy of another name",
      (query: string) => `<https://inner:5000/v2/team/scoring/referrers/${digest}${query}>; rel=next`,
    ],
    ["one link of several", (query: string) => `</v2/>; rel="first", <${query}>; title="x"; rel="next"`],
  ] as const) {
    it(`are those on every page of the list, which goes on at ${how}`, async () => {
      const page = (text: string, query: string, next?: string): void => {
        const headers = { "content-type": indexType, ...(next === undefined ? {} : { link: link(next) }) };
        answers[`referrers/${digest}${query}`] = { body: index(artifact(text)), headers };
      };
      page("one", "", "?n=1&last=a");
      page("two", "?n=1&last=a", "?n=1&last=b");
      page("three", "?n=1&last=b");
      assert.deepEqual(
        (await fetchAll()).bundles.map(({ text }) => text),
        ["one", "two", "three"],
      );
    });
  }

  it("are not looked for in another list, nor on pages without an end", async () => {
    const headers = (link: string) => ({ "content-type": indexType, link });
    for (const link of [
      `</v2/other/referrers/${digest}>; rel="next"`,
      "</v2/_catalog>; rel=next",
      "<http://[>; rel=next",
    ]) {
      answers[`referrers/${digest}`] = { body: index(), headers: headers(link) };
      await failsWith(/the list of referrers goes on at ".*, which is not followed/);
    }
    answers[`referrers/${digest}`] = { body: index(), headers: headers('<?last=a>; rel="next"') };
    answers[`referrers/${digest}?last=a`] = { body: index(), headers: headers('<?last=a>; rel="next"') };
    await failsWith(/more than 8 pages of referrers/);
  });

  it("are not guessed at where the registry refuses, is busy or is broken", async () => {
    for (const status of [401, 403, 429, 500, 503]) {
      answers[`referrers/${digest}`] = { status };
      await failsWith(new RegExp(`the registry answers ${status} for referrers`));
    }
    answers = { [`manifests/${tag}`]: { body: "<html>" } };
    await failsWith(/the registry's list of referrers is not one/);
  });

  it("are not fetched from another host or over another scheme", async () => {
    for (const location of ["http://127.0.0.2:1/x", "https://127.0.0.1/x", "file:///etc/passwd", "ftp://127.0.0.1/"]) {
      answers[`referrers/${digest}`] = { status: 307, headers: { location } };
      await failsWith(/sends on to .*, which is not followed/);
    }
    const itself = `/v2/team/scoring/referrers/${digest}`;
    answers[`referrers/${digest}`] = { status: 307, headers: { location: itself } };
    await failsWith(/sends on more than 3 times/);
    assert.equal(asked.filter(({ path }) => !path.startsWith("referrers/")).length, 0);
  });

  it("are asked for with a token where the registry wants one, to read this repository and no more", async () => {
    offer(artifact("one"));
    const good = answers;
    const realm = `http://${image.split("/")[0] ?? ""}/token`;
    const challenge = { "www-authenticate": `Bearer realm="${realm}",service="registry",scope="repository:*:push"` };
    server.removeAllListeners("request");
    server.on("request", (request, response) => {
      const { authorization } = request.headers;
      asked.push({ path: request.url ?? "", authorization });
      if (request.url?.startsWith("/token") === true) response.end(JSON.stringify({ token: "t0ken" }));
      else if (authorization !== "Bearer t0ken") response.writeHead(401, challenge).end();
      else {
        const {
          status = 200,
          body = "",
          headers = {},
        } = good[request.url?.replace("/v2/team/scoring/", "") ?? ""] ?? {};
        response.writeHead(status, headers).end(body);
      }
    });
    assert.equal((await fetchAll(() => Promise.resolve("Basic eDp5"))).bundles.length, 1);
    const tokens = asked.filter(({ path }) => path.startsWith("/token"));
    const expected = "/token?service=registry&scope=repository%3Ateam%2Fscoring%3Apull";
    assert.deepEqual(tokens, [{ path: expected, authorization: "Basic eDp5" }], "once, and then it is known");
  });

  it("are not asked for in a circle where the registry wants a token and gives none", async () => {
    for (const challenge of ['Bearer realm="file:///etc/passwd"', 'Bearer realm="https://127.0.0.1/t"', "Basic", ""]) {
      answers[`referrers/${digest}`] = { status: 401, headers: { "www-authenticate": challenge } };
      await failsWith(/the registry answers 401 for referrers/);
    }
  });

  it("are asked for with the credentials of their registry", async () => {
    offer(artifact("one"));
    await fetchAll((registry) => Promise.resolve(registry.startsWith("127.0.0.1:") ? "Basic eDp5" : undefined));
    assert.deepEqual([...new Set(asked.map(({ authorization }) => authorization))], ["Basic eDp5"]);
  });
});
