import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { artifactProbes } from "../../checks/artifacts";
import { dockerAt, type Clients } from "../../checks/clients";
import { measureContainer } from "../../checks/containers";
import { measureImage, measureImageForHost } from "../../checks/images";
import { runProbes } from "../../checks/probe";
import type { Settings } from "../../release/parse";
import { sha256 } from "../fixtures/signing";

const digest = sha256("image");
const registry = "registry.example.com/team";
const image = `${registry}/scoring@${digest}`;

/** What an engine answers when it is asked for an image in its registry; undefined: nothing at all. */
type RegistrySays = { readonly status: number; readonly message?: string; readonly digest?: string } | undefined;

describe("an image of a pin, asked of its registry and of the Docker host", () => {
  let engine: Server;
  let registrySays: RegistrySays;
  /** By the name under which the host is asked. */
  let onHost: Record<string, readonly string[] | null>;
  const docker = () => dockerAt(`tcp://127.0.0.1:${(engine.address() as AddressInfo).port}`);

  beforeEach(async () => {
    onHost = { [image]: [image] };
    registrySays = { status: 200, digest };
    engine = createServer((request, response) => {
      const url = decodeURIComponent(request.url ?? "");
      const answer = (status: number, body: object) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      const [, asked = "", name = ""] = /^\/(distribution|images|containers)\/(.*)\/json$/.exec(url) ?? [];
      if (asked === "distribution") {
        if (registrySays === undefined) return;
        const { status, message } = registrySays;
        answer(status, message === undefined ? { Descriptor: { digest: registrySays.digest } } : { message });
      } else if (asked === "containers") {
        answer(200, { State: { Running: true }, Image: "sha256:1d", Name: "/api" });
      } else {
        const RepoDigests = onHost[name];
        if (RepoDigests === undefined) answer(404, { message: `No such image: ${name}` });
        else answer(200, { Id: "sha256:1d", RepoDigests, RepoTags: [`${registry}/scoring:v1`] });
      }
    });
    await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
  });

  const measured = (asked = image, within?: number) =>
    measureImageForHost(docker(), asked, measureImage(docker(), asked), within);

  it("is in its registry, which is all that is said then", async () => {
    assert.deepEqual(await measured(), { result: "passed", evidence: digest });
  });

  const away: readonly [string, RegistrySays, string][] = [
    [
      "refuses connections",
      {
        status: 500,
        message: 'Get "https://registry.example.com/v2/": dial tcp 10.0.0.9:443: connect: connection refused',
      },
      "the registry does not answer",
    ],
    [
      "has no address",
      {
        status: 500,
        message: "Get https://registry.example.com/v2/: dial tcp: lookup registry.example.com: no such host",
      },
      "the registry does not answer",
    ],
    [
      "cannot be reached in time",
      {
        status: 500,
        message: 'Get "https://registry.example.com/v2/": net/http: request canceled (Client.Timeout exceeded)',
      },
      "the registry does not answer",
    ],
    ["fails itself", { status: 503, message: "received unexpected HTTP status: 503" }, "the registry does not answer"],
    [
      "has a certificate that is over",
      { status: 500, message: "tls: failed to verify certificate: x509: certificate has expired or is not yet valid" },
      "the registry does not answer",
    ],
    [
      "lets nobody pull for a while",
      { status: 429, message: "toomanyrequests: You have reached your pull rate limit" },
      "the registry does not answer",
    ],
    [
      "has no such manifest any longer",
      { status: 404, message: `manifest unknown: manifest sha256:… is not found` },
      "the registry no longer has the image",
    ],
    [
      "has no such repository any longer",
      { status: 404, message: "name unknown: repository name not known to registry" },
      "the registry no longer has the image",
    ],
  ];
  for (const [what, says, reason] of away) {
    it(`passes when the registry ${what} and the host has the very digest, with a warning that says so`, async () => {
      registrySays = says;
      const { result, warning, evidence } = await measured();
      assert.deepEqual([result, warning], ["passed", true], evidence);
      assert.ok(evidence.startsWith(`${reason}; the Docker host has the image (`), evidence);
      assert.ok(evidence.includes(says?.message ?? ""), evidence);
    });

    it(`does not pass when the registry ${what} and the host does not have it, and says both`, async () => {
      registrySays = says;
      onHost = {};
      const { result, warning, evidence } = await measured();
      assert.notEqual(result, "passed");
      assert.equal(warning, undefined);
      assert.match(evidence, /; nor does the Docker host have it$/);
    });
  }

  it("passes when the registry says nothing at all, as behind a firewall that drops", async () => {
    registrySays = undefined;
    const { result, warning, evidence } = await measured(image, 20);
    assert.deepEqual([result, warning], ["passed", true]);
    assert.equal(evidence, "the registry does not answer within 20 ms; the Docker host has the image");
  });

  it("waits for a slow registry where the host does not have it", async () => {
    onHost = {};
    const slow = new Promise<{ result: "passed"; evidence: string }>((resolve) => {
      setTimeout(resolve, 60, { result: "passed", evidence: digest });
    });
    assert.deepEqual(await measureImageForHost(docker(), image, slow, 5), { result: "passed", evidence: digest });
  });

  const refused: readonly [string, RegistrySays][] = [
    ["401", { status: 401, message: "unauthorized: authentication required" }],
    ["403", { status: 403, message: "denied: requested access to the resource is denied" }],
    ["no credentials, as 500", { status: 500, message: 'Head "https://r/v2/": no basic auth credentials' }],
    [
      "wrong ones, as 500",
      { status: 500, message: "Get https://auth/token: unauthorized: incorrect username or password" },
    ],
    [
      "401 in words, as 500",
      { status: 500, message: "failed to fetch oauth token: unexpected status: 401 Unauthorized" },
    ],
    [
      "a repository that might be private, as 404",
      { status: 404, message: "pull access denied, repository does not exist" },
    ],
    ["403 of a page, as 500", { status: 500, message: "error parsing HTTP 403 response body: invalid character '<'" }],
  ];
  for (const [what, says] of refused) {
    it(`does not pass where the registry lets nobody in (${what}), whatever the host has`, async () => {
      registrySays = says;
      const { result, evidence } = await measured();
      assert.notEqual(result, "passed", evidence);
    });
  }

  it("is not taken for refused because of a word in its own name", async () => {
    const named = `registry.example.com/authentication/password@${digest}`;
    onHost = { [named]: [named] };
    registrySays = {
      status: 500,
      message: `https://registry.example.com/v2/authentication/password/manifests: refused`,
    };
    assert.equal((await measured(named)).result, "passed");
  });

  it("does not pass where the registry has another image under the name", async () => {
    registrySays = { status: 200, digest: sha256("another") };
    assert.deepEqual(await measured(), { result: "failed", evidence: `the registry has ${sha256("another")}` });
  });

  const others: readonly [string, readonly string[] | null][] = [
    ["another digest of the repository", [`${registry}/scoring@${sha256("another")}`]],
    ["the digest in another repository", [`${registry}/other@${digest}`]],
    ["the digest of another registry", [`mirror.example.com/team/scoring@${digest}`]],
    ["a name that only begins so", [`${image}0`]],
    ["no digest, as of an image that was built there", []],
    ["no list of digests", null],
  ];
  for (const [what, digests] of others) {
    it(`does not pass where the host has ${what}`, async () => {
      registrySays = { status: 404, message: "manifest unknown" };
      onHost = { [image]: digests };
      assert.equal((await measured()).result, "failed");
    });
  }

  it("is never taken from the host by a tag", async () => {
    const tagged = `${registry}/scoring:v1`;
    onHost = { [tagged]: [image, tagged] };
    registrySays = { status: 500, message: "connection refused" };
    assert.equal((await measured(tagged)).result, "error");
  });

  it("is known by the engine's own name for images of Docker Hub", async () => {
    registrySays = { status: 503, message: "Service Unavailable" };
    for (const [asked, name] of [
      [`docker.io/acme/scoring@${digest}`, `acme/scoring@${digest}`],
      [`docker.io/library/nginx@${digest}`, `nginx@${digest}`],
      [`docker.io/nginx@${digest}`, `nginx@${digest}`],
    ] as const) {
      onHost = { [asked]: [name], "sha256:1d": [name] };
      assert.equal((await measured(asked)).result, "passed", asked);
      assert.equal((await measureContainer(docker(), "c1", asked)).result, "passed", `a container of ${asked}`);
      onHost = { [asked]: [`evil/${name}`], "sha256:1d": [`evil/${name}`] };
      assert.notEqual((await measured(asked)).result, "passed", asked);
      assert.equal((await measureContainer(docker(), "c1", asked)).result, "failed");
    }
  });

  it("says what it said before where the engine itself does not answer", async () => {
    const closed = dockerAt("tcp://127.0.0.1:1");
    const { result } = await measureImageForHost(closed, image, measureImage(closed, image));
    assert.equal(result, "error");
  });

  describe("in the gate before the change", () => {
    const settings = (runtime: object) =>
      ({
        environment: { registry, runtime },
        pinned: {
          facets: {
            services: { api: { image: `scoring:v1@${digest}` } },
            functions: { score: { image: `scoring:v1@${digest}` } },
          },
        },
      }) as unknown as Settings;
    const probesOf = (runtime: object) => artifactProbes(settings(runtime), { docker: docker() } as unknown as Clients);
    beforeEach(() => {
      registrySays = { status: 500, message: "connection refused" };
    });

    it("passes on one Docker host", async () => {
      const [check, ...others] = await runProbes(probesOf({}));
      assert.deepEqual([others.length, check?.result, check?.warning, check?.attempts], [0, "passed", true, 1]);
    });

    for (const runtime of [{ services: "swarm" }, { services: "ecs" }, { functions: "lambda" }]) {
      it(`does not where others pull it, too: ${JSON.stringify(runtime)}`, async () => {
        const [probe = assert.fail("no probe")] = probesOf(runtime);
        const { result, evidence } = await probe.ask(AbortSignal.timeout(5_000));
        assert.equal(result, "error");
        assert.match(evidence, /connection refused$/);
      });
    }
  });
});
