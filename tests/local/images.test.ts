import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { librariesOf } from "../../local/images/base";
import { bundle, hashSources } from "../../local/images/bundle";
import { digestOfTag, hasWholeImage } from "../../local/images/registry";

describe("the workload's images", () => {
  it("are bundled to the same bytes again, and to others for another version", async () => {
    const [first, again, other] = [await bundle("v1.2.0"), await bundle("v1.2.0"), await bundle("v1.2.1")];
    assert.ok(first.equals(again));
    assert.ok(!first.equals(other));
    assert.equal(await hashSources(), await hashSources());
  });

  it("take the libraries that ldd names, of glibc and of musl", () => {
    const glibc = `	linux-vdso.so.1 (0x00007ffd)
	libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f01)
	libgone.so.1 => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f02)
`;
    assert.deepEqual(librariesOf(glibc), ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]);
    const musl = "\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7e)\n";
    assert.deepEqual(librariesOf(musl), ["/lib/ld-musl-x86_64.so.1", "/usr/lib/libstdc++.so.6"]);
  });
});

describe("an image in a registry", () => {
  const manifest = JSON.stringify({ config: { digest: "sha256:c" }, layers: [{ digest: "sha256:a" }] });
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  const held = new Map<string, string>();
  let server: Server;
  let registry: string;

  before(async () => {
    server = createServer(({ url = "" }, response) => {
      const body = held.get(url);
      response.writeHead(body === undefined ? 404 : 200, { "docker-content-digest": digest }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  after(() => {
    server.closeAllConnections();
    server.close();
  });

  beforeEach(() => {
    held.clear();
    held.set(`/v2/scoring/manifests/${digest}`, manifest).set("/v2/scoring/manifests/v1.2.0", manifest);
    held.set("/v2/scoring/blobs/sha256:c", "{}").set("/v2/scoring/blobs/sha256:a", "layer");
  });

  it("is whole when its manifest and every blob are there", async () => {
    assert.equal(await digestOfTag(registry, "scoring", "v1.2.0"), digest);
    assert.equal(await digestOfTag(registry, "scoring", "v9"), undefined);
    assert.equal(await hasWholeImage(registry, "scoring", digest), true);
  });

  it("is not whole without one of its layers, or with a manifest of another digest", async () => {
    held.delete("/v2/scoring/blobs/sha256:a");
    assert.equal(await hasWholeImage(registry, "scoring", digest), false);
    held.set(`/v2/scoring/manifests/${digest}`, `${manifest} `);
    assert.equal(await hasWholeImage(registry, "scoring", digest), false);
  });

  it("cannot be asked for when the registry does not answer, and the message names it", async () => {
    await assert.rejects(
      hasWholeImage("127.0.0.1:1", "scoring", digest),
      /the registry 127\.0\.0\.1:1 does not answer/,
    );
  });
});
