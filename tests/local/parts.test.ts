import assert from "node:assert/strict";
import * as fs from "node:fs";
import { createServer } from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { findIn } from "../../local/machine";
import { remember } from "../../local/part";
import { candidates as dockerPlaces, docker } from "../../local/parts/docker";
import { candidates as pluginPlaces } from "../../local/parts/plugins";
import { candidates as postgresPlaces } from "../../local/parts/postgres-source";
import { candidates as pulumiPlaces, pulumiVersion } from "../../local/parts/pulumi";
import { serverCandidates } from "../../local/server";
import { type Candidate, firstOf, type Source } from "../../local/source";
import { contextOn } from "./context";

const sourcesOf = (places: readonly Candidate<unknown>[]): Source[] => places.map(({ source }) => source);

describe("where each part is looked for", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rewind-parts-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** An executable shell script at a path below the test's folder; returns where it lies. */
  const program = (name: string, script = "exit 0"): string => {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  it("a program on the PATH, but never one of node_modules, where npx puts a downloader called pulumi", () => {
    program("node_modules/.bin/pulumi");
    program("bin/pulumi");
    fs.writeFileSync(path.join(folder, "pulumi"), "not executable");
    const folders = [path.join(folder, "node_modules", ".bin"), "", ".", folder, path.join(folder, "bin")];
    assert.equal(findIn(folders, "pulumi"), path.join(folder, "bin", "pulumi"));
    assert.equal(findIn(folders, "dockerd"), undefined);
  });

  it("Pulumi: the machine, what was fetched or built before, the vendor, a build", () => {
    const order: Source[] = ["machine", "vendor", "built", "vendor", "built"];
    assert.deepEqual(sourcesOf(pulumiPlaces(contextOn({}))), order);
  });

  it("Pulumi on the PATH counts only in the pinned version and with its language host", async () => {
    const find = (): string => path.join(folder, "bin", "pulumi");
    const context = contextOn({ find }, { cache: path.join(folder, "cache") });
    const [place] = pulumiPlaces(context);
    assert.ok(place !== undefined);
    program("bin/pulumi", "echo v3.100.0");
    program("bin/pulumi-language-nodejs");
    assert.ok("lacks" in (await place.find()));
    program("bin/pulumi", `echo v${pulumiVersion}`);
    assert.deepEqual(await place.find(), { found: path.join(folder, "bin", "pulumi") });
    fs.rmSync(path.join(folder, "bin", "pulumi-language-nodejs"));
    assert.ok("lacks" in (await place.find()));
  });

  it("Pulumi from the vendor's own npm package, kept in the cache and not fetched twice", async () => {
    const cache = path.join(folder, "cache");
    const fetcher = path.join(folder, "node_modules", "pulumi", "lib", "resolve.js");
    fs.mkdirSync(path.dirname(fetcher), { recursive: true });
    fs.writeFileSync(
      fetcher,
      `const fs = require("fs"), bin = process.env.PULUMI_HOME + "/versions/" + process.env.PULUMI_VERSION + "/bin";
       exports.resolve = async () => {
         fs.mkdirSync(bin, { recursive: true });
         fs.writeFileSync(bin + "/pulumi", "#!/bin/sh\\necho v" + process.env.PULUMI_VERSION, { mode: 0o755 });
       };`,
    );
    const open = contextOn({ reachable: () => Promise.resolve(true) }, { checkout: folder, cache });
    const got = await firstOf("pulumi", pulumiPlaces(open));
    assert.equal(got.source, "vendor");
    assert.ok(got.found.startsWith(cache) && fs.existsSync(got.found));
    const closed = contextOn({}, { checkout: folder, cache });
    assert.deepEqual(await firstOf("pulumi", pulumiPlaces(closed)), got);
  });

  it("Pulumi on a closed network without Go: every reason is named", async () => {
    await assert.rejects(firstOf("pulumi", pulumiPlaces(contextOn({}, { cache: folder }))), (error: Error) => {
      for (const reason of ["on the PATH", "get.pulumi.com does not answer", "Go 1.26"]) {
        assert.ok(error.message.includes(reason), reason);
      }
      return true;
    });
  });

  it("plugins: a Pulumi home, the vendor, our stand-in; once chosen, the stand-in stays", async () => {
    const context = contextOn({}, { cache: folder, checkout: path.resolve(__dirname, "../..") });
    const places = pluginPlaces(context, "docker", "0.0.1", false);
    assert.deepEqual(sourcesOf(places), ["machine", "vendor", "ours"]);
    const { source, found } = await firstOf("plugins", places);
    assert.equal(source, "ours");
    assert.ok("script" in found && found.script.includes(path.join(folder, "stand-ins-")));
    assert.deepEqual(sourcesOf(pluginPlaces(context, "docker", "0.0.1", true)), ["ours"]);
  });

  it("plugins that were fetched before need no network", async () => {
    program("plugin-docker-0.0.1/plugins/resource-docker-v0.0.1/pulumi-resource-docker");
    const places = pluginPlaces(contextOn({}, { cache: folder }), "docker", "0.0.1", false);
    assert.equal((await firstOf("plugins", places)).source, "vendor");
  });

  it("Docker: an engine that answers, one to start, one to install, the last only where none is installed", () => {
    if (process.platform !== "linux") return;
    assert.deepEqual(sourcesOf(dockerPlaces(contextOn({}), undefined)), ["machine", "machine", "debian"]);
    const installed = contextOn({ find: () => "/usr/sbin/dockerd" });
    assert.deepEqual(sourcesOf(dockerPlaces(installed, undefined)), ["machine", "machine"]);
  });

  it("Docker: only root starts an engine; an engine of ours that has containers is preferred to any other", async () => {
    if (process.platform !== "linux") return;
    const find = (): string => "/usr/sbin/dockerd";
    const own = { dockerd: find(), subnet: { gateway: "10.64.0.1", pool: "10.64.8.0/21" } };
    const { found } = await firstOf("docker", dockerPlaces(contextOn({ find, root: true }), own));
    assert.deepEqual(found, { dockerd: "/usr/sbin/dockerd" });
    const user = firstOf("docker", dockerPlaces(contextOn({ find }), own));
    await assert.rejects(user, /only root may start an engine .* Type: sudo systemctl start docker/);
  });

  it("Docker: an engine that is too busy to say where its bridge is tells the other parts nothing wrong", async () => {
    const socket = path.join(folder, "docker.sock");
    const engine = createServer((request, response) => {
      if (request.url === "/version") response.end(JSON.stringify({ Version: "28.0.0" }));
      else request.socket.destroy();
    });
    await new Promise<void>((resolve) => engine.listen(socket, resolve));
    const announced: unknown[] = [];
    const context = contextOn({}, { folder, announceGateway: (gateway) => announced.push(gateway) });
    const running = { host: `unix://${socket}`, gateway: "10.64.0.1", version: "28.0.0", source: "machine" } as const;
    try {
      assert.equal(await docker.answers(context, running), false);
      assert.deepEqual(announced, []);
      // An engine of our own need not be asked.
      const own = { dockerd: "/usr/sbin/dockerd", subnet: { gateway: "10.64.0.1", pool: "10.64.8.0/21" } };
      remember(context, "docker", { own });
      assert.equal(await docker.answers(context, running), true);
      assert.deepEqual(announced, [{ listen: ["127.0.0.1", "10.64.0.1"], forContainers: "10.64.0.1" }]);
    } finally {
      engine.close();
    }
  });

  it("servers: a program, the official image on an engine, a Debian package", async () => {
    const wanted = { program: "redis-server", packages: ["redis-server"], image: "redis@sha256:0" };
    const places = serverCandidates(contextOn({ reachable: () => Promise.resolve(true) }), wanted);
    assert.deepEqual(sourcesOf(places), ["machine", "image", "debian"]);
    await assert.rejects(firstOf("redis", places), /not on the PATH; there is no Docker engine .* nothing can be inst/);
    const debian = contextOn({ install: (name) => Promise.resolve({ found: `/usr/bin/${name}` }) });
    const got = await firstOf("redis", serverCandidates(debian, wanted));
    assert.deepEqual(got, { source: "debian", found: { program: "/usr/bin/redis-server" } });
  });

  it("PostgreSQL: server and tools of one place, newest first, but the major version that made the data", async () => {
    const programs = ["postgres", "initdb", "psql", "pg_dump", "pg_basebackup"];
    const install = (major: string, without?: string): void => {
      for (const name of programs.filter((each) => each !== without)) {
        program(`${major}/bin/${name}`, `echo "postgres (PostgreSQL) ${major}.3 (Debian ${major}.3-1)"`);
      }
    };
    ["13", "15", "16"].forEach((major) => {
      install(major);
    });
    install("17", "pg_dump");
    const context = contextOn({ list: () => ["13", "15", "16", "17"], find: () => undefined });
    const places = (made?: number): Candidate<{ version: string }>[] => postgresPlaces(context, made, folder);
    assert.equal((await firstOf("postgres", places())).found.version, "16.3");
    assert.equal((await firstOf("postgres", places(15))).found.version, "15.3");
    await assert.rejects(firstOf("postgres", places(13)), /PostgreSQL 13/);
  });
});
