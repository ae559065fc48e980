import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { clientConfig as storeConfig, defaultTags } from "../../../local/plugins/aws/store";
import { addressOf } from "../../../local/plugins/docker/connection";
import { containerOptions, endpointsOf } from "../../../local/plugins/docker/container-options";
import { containerState } from "../../../local/plugins/docker/container-state";
import { durationText, nanoseconds } from "../../../local/plugins/docker/forms";
import { repositoryDigest } from "../../../local/plugins/docker/image";
import { container } from "../../../local/plugins/docker/shapes";
import { plan } from "../../../local/plugins/plan";
import { privilegesOf } from "../../../local/plugins/postgresql/catalogue";
import { idOf as defaultPrivilegesId } from "../../../local/plugins/postgresql/default-privileges";
import { idOf as grantId } from "../../../local/plugins/postgresql/grant";
import { identifiers } from "../../../local/plugins/postgresql/role";
import { clientConfig } from "../../../local/plugins/postgresql/session";
import type { Bag } from "../../../local/plugins/schema";
import { stored } from "../../../local/plugins/state";

const recording = readFileSync(join(__dirname, "../../fixtures/recordings/01-create.jsonl"), "utf8");
const created = (type: string): { request: { properties: Bag }; response: { id: string; properties: Bag } }[] =>
  recording
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { method: string; request: { type?: string; properties: Bag }; response: never })
    .filter(({ method, request }) => method.endsWith("/Create") && request.type === type);

describe("the docker client's side", () => {
  const [call] = created("docker:index/container:Container");
  const vendor = call!.response.properties;
  const planned = plan(container, call!.request.properties);

  it("makes of an inspected container the state that the vendor's plugin makes", () => {
    const seconds = 1e9;
    const found = {
      Id: vendor.id,
      Name: "/rec-api",
      Image: vendor.image,
      Platform: "linux",
      State: { Running: true, ExitCode: 0 },
      Config: {
        Hostname: "761da00828a1",
        Domainname: "",
        User: "",
        Cmd: ["/app/index.js"],
        Entrypoint: ["/bin/node"],
        WorkingDir: "",
        Tty: false,
        OpenStdin: false,
        StopTimeout: 5,
        Healthcheck: {
          Test: call!.request.properties.healthcheck && (vendor.healthcheck as { tests: string[] }).tests,
          Interval: seconds,
          Timeout: 2 * seconds,
          Retries: 5,
        },
      },
      HostConfig: {
        Memory: 128 * 1024 * 1024,
        MemorySwap: 256 * 1024 * 1024,
        ShmSize: 64 * 1024 * 1024,
        Init: true,
        IpcMode: "private",
        NetworkMode: "bridge",
        Runtime: "runc",
        LogConfig: { Type: "json-file", Config: {} },
        RestartPolicy: { Name: "unless-stopped", MaximumRetryCount: 0 },
      },
      NetworkSettings: {
        Bridge: "",
        Ports: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "8096" }] },
        Networks: {
          "rec-net": {
            Gateway: "172.19.0.1",
            GlobalIPv6Address: "",
            GlobalIPv6PrefixLen: 0,
            IPAddress: "172.19.0.2",
            IPPrefixLen: 16,
            IPv6Gateway: "",
            MacAddress: "02:42:ac:13:00:02",
          },
        },
      },
    } as unknown as Docker.ContainerInspectInfo;
    assert.deepEqual(stored(container, call!.response.id, containerState(found, planned), false), vendor);
  });
  it("asks for the planned container", () => {
    const options = containerOptions(planned);
    assert.equal(options.name, "rec-api");
    assert.deepEqual(options.HostConfig?.Binds, ["rec-vol:/data:rw"]);
    assert.deepEqual(options.HostConfig.PortBindings, { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "8096" }] });
    assert.equal(options.HostConfig.Memory, 128 * 1024 * 1024);
    assert.equal(options.Healthcheck?.Interval, 1e9);
    assert.equal("Cmd" in options, false);
    assert.deepEqual(
      endpointsOf(planned).map(({ network, config }) => [network, config.Aliases]),
      [["rec-net", ["api"]]],
    );
  });
  it("leaves the choice of a port to the engine and mounts read-only what is to be", () => {
    const volumes = [
      { hostPath: "/a", containerPath: "/b", readOnly: true },
      { containerPath: "/c" },
      { fromContainer: "other" },
    ];
    const hosts = [{ host: "host.docker.internal", ip: "host-gateway" }];
    const options = containerOptions(
      plan(container, { image: "i", ports: [{ internal: 53, protocol: "udp" }], volumes, hosts }),
    );
    assert.deepEqual(options.HostConfig?.PortBindings, { "53/udp": [{ HostIp: "0.0.0.0", HostPort: "" }] });
    assert.deepEqual(options.HostConfig.Binds, ["/a:/b:ro"]);
    assert.deepEqual(options.HostConfig.VolumesFrom, ["other"]);
    assert.deepEqual(options.Volumes, { "/c": {} });
    assert.deepEqual(options.HostConfig.ExtraHosts, ["host.docker.internal:host-gateway"]);
  });
  it("refuses what it does not do instead of leaving it out", () => {
    assert.throws(() => containerOptions(plan(container, { image: "i", name: "n", gpus: "all" })), /container n: gpus/);
  });
  it("reads and writes durations as upstream does", () => {
    const pairs: [string, number, string][] = [
      ["1s", 1e9, "1s"],
      ["90s", 90e9, "1m30s"],
      ["1m", 60e9, "1m0s"],
      ["500ms", 5e8, "500ms"],
      ["1.5s", 1.5e9, "1.5s"],
      ["1h2m3s", 3723e9, "1h2m3s"],
      ["0s", 0, "0s"],
    ];
    for (const [given, amount, printed] of pairs) {
      assert.equal(nanoseconds(given), amount);
      assert.equal(durationText(amount), printed);
    }
    for (const wrong of ["5", "s", "1 s", "1s2", "-1s"]) assert.throws(() => nanoseconds(wrong), /expected a number/);
  });
  it("finds the engine from every form of host, and says which forms there are", () => {
    assert.deepEqual(addressOf("unix:///run/d.sock"), { socketPath: "/run/d.sock" });
    assert.deepEqual(addressOf("tcp://10.0.0.1:2375"), { protocol: "http", host: "10.0.0.1", port: "2375" });
    assert.deepEqual(addressOf("https://docker.example"), { protocol: "https", host: "docker.example", port: 2376 });
    assert.throws(() => addressOf("ssh://a"), /expected unix:\/\/.*tcp:\/\//);
  });
  it("tells an image's digest in the repository that it was pulled from", () => {
    const digests = ["other/api@sha256:aa", "127.0.0.1:5000/api@sha256:bb"];
    assert.equal(repositoryDigest("127.0.0.1:5000/api:v1", digests), digests[1]);
    assert.equal(repositoryDigest("127.0.0.1:5000/api@sha256:bb", digests), digests[1]);
    assert.equal(repositoryDigest("built-here", null), "");
  });
});

describe("the postgresql client's side", () => {
  it("composes the vendor's ids", () => {
    for (const { request, response } of created("postgresql:index/grant:Grant")) {
      assert.equal(grantId(request.properties), response.id);
    }
    for (const { request, response } of created("postgresql:index/defaultPrivileges:DefaultPrivileges")) {
      assert.equal(defaultPrivilegesId(request.properties), response.id);
    }
  });
  it("lets no privilege through that is not a keyword of its object type", () => {
    const asked = (objectType: string, ...privileges: string[]): string[] => privilegesOf({ objectType, privileges });
    assert.deepEqual(asked("table", "SELECT", "ALL"), ["SELECT", "ALL PRIVILEGES"]);
    assert.throws(() => asked("table", "SELECT ON pg_authid TO mallory; --"), /expected some of ALL, SELECT/);
    assert.throws(() => asked("schema", "SELECT"), /privileges on a schema/);
    assert.throws(() => asked("constructor", "SELECT"), /privileges on a constructor/);
  });
  it("reads search paths with quotes, commas and blanks", () => {
    assert.deepEqual(identifiers('"$user", public, "a, b", "c""d"'), ["$user", "public", "a, b", 'c"d']);
    assert.deepEqual(identifiers(""), []);
  });
  it("takes settings before the environment", () => {
    const config = clientConfig({ host: "h", port: "55432", sslmode: "require" }, { PGHOST: "other", PGUSER: "u" });
    assert.deepEqual([config.host, config.port, config.user], ["h", 55432, "u"]);
    assert.deepEqual(config.ssl, { rejectUnauthorized: false });
    assert.equal(clientConfig({}, {}).ssl, false);
    assert.equal(clientConfig({ sslmode: "verify-full" }, {}).ssl, true);
  });
});

describe("the aws client's side", () => {
  it("reads settings that arrive as JSON text", () => {
    const settings = {
      endpoints: '[{"s3":"http://127.0.0.1:7070"}]',
      s3UsePathStyle: "true",
      accessKey: "a",
      secretKey: "s",
    };
    const config = storeConfig(settings, { AWS_REGION: "eu-west-1" });
    assert.equal(config.endpoint, "http://127.0.0.1:7070");
    assert.equal(config.forcePathStyle, true);
    assert.equal(config.region, "eu-west-1");
    assert.deepEqual(config.credentials, { accessKeyId: "a", secretAccessKey: "s" });
    assert.deepEqual(defaultTags({ defaultTags: '{"tags":{"team":"a"}}' }), { team: "a" });
  });
});
