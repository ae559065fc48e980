import {
  DeleteObjectCommand,
  PutObjectCommand,
  S3Client,
  CreateBucketCommand,
  ListObjectsV2Command,
} from "@aws-sdk/client-s3";
import Docker from "dockerode";
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { type Available, down, type LocalEnvironment, status, up, upAvailable } from "../../local/environment";
import { readEnvironment } from "../../local/environment-file";
import { isAlive, type ProcessIdentity } from "../../local/identity";
import { ensureBase } from "../../local/images/base";
import { run } from "../../local/run";
import { readJson } from "../../local/state";
import { environmentVariables } from "../../local/variables";
import { checkout, optionsIn, processesNaming, serversOf, wholeOrSkip, writeProgram } from "./local-home";

describe("the embedded environment", function () {
  let folder: string;
  let home: string;
  let available: Available;

  before(async () => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "rewind-e2e-")));
    // Root's own temporary folders are closed to PostgreSQL's user; this one is open, as a checkout often is.
    fs.chmodSync(folder, 0o755);
    home = path.join(folder, "a");
    available = await upAvailable(optionsIn(home));
  });
  after(async () => {
    for (const name of ["a", "b"]) await down({ ...optionsIn(path.join(folder, name)), purge: true });
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const whole = (test: Mocha.Context): LocalEnvironment => wholeOrSkip(available, test);

  it("is up as a whole and recorded for its owner only", function () {
    const environment = whole(this);
    assert.deepEqual(readEnvironment(home), environment);
    assert.equal(fs.statSync(path.join(home, "environment.json")).mode & 0o777, 0o600);
  });

  it("is up again with the same ports, and without starting anything", async function () {
    const environment = whole(this);
    const servers = serversOf(home);
    assert.deepEqual(await up(optionsIn(home)), environment);
    assert.deepEqual(serversOf(home), servers);
    assert.deepEqual(new Set((await status(optionsIn(home))).map(({ state }) => state)), new Set(["up"]));
  });

  it("keeps no secret on any command line", function () {
    const { postgres, redis, objectStore } = whole(this);
    const secrets = [postgres.password, redis.password, objectStore.secretKey, objectStore.foreign.secretKey];
    for (const line of processesNaming(home)) {
      for (const secret of secrets) assert.ok(!line.includes(secret), line.split(" ")[0]);
    }
  });

  it("starts again what was killed, and only that", async function () {
    const environment = whole(this);
    for (const victim of ["redis", "docker"] as const) {
      const { pid } = readJson(path.join(home, victim, "process.json")) as ProcessIdentity;
      const others = serversOf(home).filter((server) => server.pid !== pid);
      process.kill(pid, "SIGKILL");
      while (serversOf(home).every(isAlive)) await sleep(10);
      const states = await status(optionsIn(home));
      assert.deepEqual(
        states.filter(({ state }) => state !== "up").map(({ part }) => part),
        [victim],
      );
      assert.deepEqual(await up(optionsIn(home)), environment);
      assert.ok(others.every(isAlive), "the others were left alone");
    }
  });

  it("gives PostgreSQL that keeps what it is told, and refuses who has no password", async function () {
    const { postgres } = whole(this);
    const at = { host: postgres.host, port: postgres.port, user: postgres.user, database: "postgres" };
    const client = new Client({ ...at, password: postgres.password });
    await client.connect();
    const { rows } = await client.query<{ fsync: string }>("select current_setting('fsync') as fsync");
    assert.deepEqual(rows, [{ fsync: "on" }]);
    await client.end();
    await assert.rejects(new Client({ ...at, password: "wrong" }).connect(), /password authentication failed/);
  });

  it("gives an object store that keeps strangers out", async function () {
    const { endpoint, region, foreign, ...root } = whole(this).objectStore;
    const clientOf = ({ accessKey, secretKey }: typeof foreign): S3Client =>
      new S3Client({
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      });
    const owner = clientOf(root);
    await owner.send(new CreateBucketCommand({ Bucket: "probe" }));
    await owner.send(new PutObjectCommand({ Bucket: "probe", Key: "a", Body: "text" }));
    const list = new ListObjectsV2Command({ Bucket: "probe" });
    await assert.rejects(clientOf(foreign).send(list), { name: "AccessDenied" });
    assert.equal((await fetch(`${endpoint}/probe/a`)).status, 403);
    await owner.send(new DeleteObjectCommand({ Bucket: "probe", Key: "a" }));
  });

  it("lets a container on a network of its own reach the host's servers, and brings it back after down", async function () {
    const { docker, postgres, redis, objectStore } = whole(this);
    const client = new Docker({ socketPath: new URL(docker.host).pathname });
    const base = await ensureBase(client, () => undefined);
    const network = await client.createNetwork({ Name: "reach", Driver: "bridge" });
    const ports = [postgres.port, redis.port, Number(new URL(objectStore.endpoint).port)];
    const script = `
      const reach = (port) => new Promise((resolve) => {
        const socket = require("net").connect({ host: "host.docker.internal", port, timeout: 3000 });
        for (const event of ["connect", "error", "timeout"]) socket.once(event, () => { socket.destroy(); resolve(event); });
      });
      require("http").createServer(async (_, response) => {
        response.end(JSON.stringify(await Promise.all(${JSON.stringify(ports)}.map(reach))));
      }).listen(8080);
      process.on("SIGTERM", () => process.exit(0));`;
    const container = await client.createContainer({
      Image: base.name,
      Entrypoint: ["/bin/node", "-e", script],
      ExposedPorts: { "8080/tcp": {} },
      HostConfig: {
        NetworkMode: "reach",
        ExtraHosts: ["host.docker.internal:host-gateway"],
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] },
        RestartPolicy: { Name: "unless-stopped" },
      },
    });
    await container.start();
    const answer = async (): Promise<unknown> => {
      const { NetworkSettings } = await container.inspect();
      const port = NetworkSettings.Ports["8080/tcp"]?.[0]?.HostPort ?? "";
      for (let attempt = 0; ; attempt++) {
        try {
          return await (await fetch(`http://127.0.0.1:${port}`)).json();
        } catch (error) {
          if (attempt === 50) throw error;
          await sleep(100);
        }
      }
    };
    assert.deepEqual(await answer(), ["connect", "connect", "connect"]);
    await down(optionsIn(home));
    await up(optionsIn(home));
    assert.deepEqual(await answer(), ["connect", "connect", "connect"]);
    await container.remove({ force: true });
    await network.remove();
  });

  it("runs a program with hooks, a stash and a dynamic provider through preview, up, a change and destroy", async function () {
    const environment = whole(this);
    const cwd = path.join(folder, "program");
    writeProgram(cwd);
    const env = { ...process.env, ...environmentVariables(environment, checkout) };
    const pulumi = async (...args: string[]): Promise<string> =>
      await run(environment.pulumi.bin, [...args, "--non-interactive", "--stack", "try"], { cwd, env });
    await run(environment.pulumi.bin, ["stack", "init", "try", "--non-interactive"], { cwd, env });
    assert.match(await pulumi("preview"), /hook for s[^]*3 to create/);
    assert.match(await pulumi("up", "--yes", "--skip-preview"), /3 created/);
    assert.match(await pulumi("up", "--yes", "--skip-preview"), /3 unchanged/);
    await pulumi("config", "set", "value", "two");
    assert.match(await pulumi("up", "--yes", "--skip-preview"), /2 updated/);
    await pulumi("config", "set", "value", "refused");
    await assert.rejects(pulumi("up", "--yes", "--skip-preview"), /1 unchanged.*2 errored/);
    await pulumi("config", "set", "value", "two");
    assert.match(await pulumi("destroy", "--yes", "--skip-preview"), /3 deleted/);
  });

  it("collides with no other environment on the machine", async function () {
    const first = whole(this);
    const second = await up(optionsIn(path.join(folder, "b")));
    assert.notEqual(second.id, first.id);
    for (const read of [
      (one: LocalEnvironment) => one.docker.host,
      (one: LocalEnvironment) => one.docker.gateway,
      (one: LocalEnvironment) => one.registry.address,
      (one: LocalEnvironment) => one.postgres.port,
      (one: LocalEnvironment) => one.objectStore.endpoint,
      (one: LocalEnvironment) => one.redis.port,
    ]) {
      assert.notEqual(read(second), read(first));
    }
    await down({ ...optionsIn(path.join(folder, "b")), purge: true });
    assert.ok(!fs.existsSync(path.join(folder, "b")));
    assert.deepEqual(new Set((await status(optionsIn(home))).map(({ state }) => state)), new Set(["up"]));
  });

  it("leaves nothing behind when it is interrupted", async function () {
    whole(this);
    const other = path.join(folder, "b");
    for (const after of [50, 250, 500]) {
      const abort = new AbortController();
      setTimeout(() => {
        abort.abort();
      }, after);
      const starting = up(optionsIn(other, { signal: abort.signal }));
      await assert.rejects(starting, { name: "Interrupted" });
      assert.deepEqual(processesNaming(other), []);
    }
  });

  it("is started by two at once as by one", async function () {
    whole(this);
    const other = path.join(folder, "b");
    const [first, second] = await Promise.all([up(optionsIn(other)), up(optionsIn(other))]);
    assert.deepEqual(first, second);
    await down({ ...optionsIn(other), purge: true });
  });

  it("leaves no process and no network device when it is down, and forgets nothing", async function () {
    const environment = whole(this);
    const servers = serversOf(home);
    assert.ok(servers.length >= 4);
    await down(optionsIn(home));
    assert.ok(!servers.some(isAlive));
    assert.deepEqual(processesNaming(home), []);
    assert.ok(!Object.keys(os.networkInterfaces()).some((name) => name.includes(environment.id)));
    assert.equal(readEnvironment(home), undefined);
    const began = performance.now();
    assert.deepEqual(await up(optionsIn(home)), environment, "the same ports and passwords as before");
    assert.ok(performance.now() - began < 5_000, "everything was already built");
  });
});
