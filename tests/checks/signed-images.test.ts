import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { runProbes } from "../../checks/probe";
import { signatureProbes } from "../../checks/signed-images";
import type { ProjectFiles } from "../../release/project-files";
import type { Signatures } from "../../release/schema/signatures";
import type { Check } from "../../release/verdict";
import { identity, issuer, sha256, signingSetUp, type Signing } from "../fixtures/signing";

const manifest = Buffer.from("the image's manifest");
const digest = sha256(manifest);
const hex = digest.replace("sha256:", "");

describe("the images of a pin", () => {
  let signing: Signing;
  let good: string;
  before(async () => {
    signing = await signingSetUp();
    good = JSON.stringify(await signing.bundle({ digest }));
  });

  /** What the probe of one image says, with these files in the project. */
  async function ask(registry: string, files: Readonly<Record<string, string>>, given = {}): Promise<Check> {
    const all: Record<string, string> = { "root.json": signing.root, ...files };
    const project: ProjectFiles = {
      locate: (path) => path,
      list: (folder) => Object.keys(all).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(8)] : [])),
      read: (path) => Buffer.from(all[path] ?? assert.fail(`no file ${path}`)),
    };
    const signatures: Signatures = {
      trustedRoot: { file: "root.json", digest: sha256(signing.root) },
      identities: [{ issuer, identity }],
      bundles: "bundles",
      ...given,
    };
    const probes = signatureProbes(signatures, [`${registry}/scoring@${digest}`], project);
    const [check] = await runProbes(probes, { timeout: "2s", deadline: "1s" });
    return check ?? assert.fail("no check");
  }

  /** A registry that holds the image and no bundle. */
  async function withRegistry(work: (registry: string) => Promise<void>): Promise<void> {
    const server = createServer((request, response) => {
      const found = request.url === `/v2/scoring/manifests/${digest}`;
      response.writeHead(found ? 200 : 404).end(found ? manifest : "");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await work(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const nowhere = "127.0.0.1:1";

  it("pass by a bundle of the project without their registry", async () => {
    const check = await ask(nowhere, { [`bundles/${hex}.sigstore.json`]: good });
    assert.equal(check.name, `signature ${nowhere}/scoring@${digest}`);
    assert.equal(check.result, "passed", check.evidence);
    assert.equal(check.evidence, `signed by ${identity} (issuer ${issuer})`);
  });

  it("pass by one of several bundles of the project", async () => {
    const files = { [`bundles/${hex}.build.sigstore.json`]: "{}", [`bundles/${hex}.release.sigstore.json`]: good };
    assert.equal((await ask(nowhere, files)).result, "passed");
  });

  it("are not helped by a good bundle under another image's name", async () => {
    await withRegistry(async (registry) => {
      const { result, evidence, attempts } = await ask(registry, { [`bundles/${"0".repeat(64)}.sigstore.json`]: good });
      assert.equal(result, "failed");
      assert.match(evidence, /: no signature found$/);
      assert.equal(attempts, 1, "what is a fact is not asked again");
    });
  });

  it("pass by a signature over their manifest, which comes from the registry", async () => {
    const message = JSON.stringify(await signing.bundle({ digest, message: manifest }));
    await withRegistry(async (registry) => {
      const { result, evidence } = await ask(registry, { [`bundles/${hex}.sigstore.json`]: message });
      assert.equal(result, "passed", evidence);
    });
  });

  it("are asked for again where the registry does not answer, and then it is an error", async () => {
    const { result, evidence, attempts } = await ask(nowhere, {});
    assert.equal(result, "error");
    assert.match(evidence, /fetch failed/);
    assert.ok(attempts > 1);
  });

  it("fail at once, all of them, by a trusted root that was swapped", async () => {
    const swapped = await ask(nowhere, { "root.json": (await signingSetUp()).root });
    assert.equal(swapped.result, "failed");
    assert.match(swapped.evidence, /^root\.json has sha256:.* it is not the file that the stack pins/);
    assert.equal(swapped.attempts, 1);
  });

  it("fail where they are pinned by a tag", async () => {
    const signatures = { trustedRoot: { file: "root.json", digest: sha256(signing.root) } };
    const project = { locate: (path: string) => path, list: () => [], read: () => Buffer.from(signing.root) };
    const [check] = await runProbes(signatureProbes(signatures, ["127.0.0.1:1/scoring:v1"], project));
    assert.equal(check?.result, "failed");
    assert.match(check.evidence, /signatures are over digests/);
  });
});
