import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  lstatSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readStack } from "../../cli/stack-file";
import type { LocalEnvironment } from "../../local/environment";
import { writeStackFile } from "../../local/stack-file";
import { readYaml } from "../../project/yaml";
import { project } from "../release/stack-files";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const images = {
  "v1.2.0": `scoring@${digest("a")}`,
  "v1.2.1": `scoring@${digest("b")}`,
  "v1.2.2": `scoring@${digest("c")}`,
};

describe("the stack file of the embedded environment", () => {
  let checkout = "";
  /** What the environment says of itself; only what gets into the file. */
  const environment = (): LocalEnvironment =>
    ({
      folder: join(checkout, ".rewind"),
      id: "abc123",
      pulumi: { bin: join(checkout, "pulumi") },
      docker: { host: "unix:///run/docker.sock", gateway: "172.17.0.1" },
      registry: { address: "127.0.0.1:5000" },
      postgres: { host: "127.0.0.1", port: 5544, user: "postgres", password: "p" },
      objectStore: {
        endpoint: "http://127.0.0.1:9000",
        containerEndpoint: "http://172.17.0.1:9000",
        region: "us-east-1",
        accessKey: "a",
        secretKey: "s",
        application: { accessKey: "APPLICATION", secretKey: "s" },
        foreign: { accessKey: "f", secretKey: "s" },
      },
      redis: { host: "127.0.0.1", port: 6379, password: "r" },
      proxy: { admin: "http://127.0.0.1:2019", url: "http://127.0.0.1:8080" },
    }) as unknown as LocalEnvironment;
  const write = () =>
    writeStackFile(checkout, environment(), images, { PULUMI_BACKEND_URL: "file:///nowhere" }, "local", {
      "v1.2.0": digest("d"),
      "v1.2.1": digest("e"),
      "v1.2.2": digest("f"),
    });

  beforeEach(() => {
    checkout = mkdtempSync(join(tmpdir(), "rewind-local-"));
    for (const each of ["examples/scoring/Pulumi.local.yaml", "Pulumi.yaml"])
      cpSync(join(project, each), join(checkout, each));
    writeFileSync(join(checkout, "pulumi"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  });
  afterEach(() => {
    rmSync(checkout, { recursive: true });
  });

  it("is the example with this machine's addresses and digests, and every comment of it", async () => {
    const file = await write();
    const text = readFileSync(file, "utf8");
    const { settings } = readStack({ folder: checkout, stack: "local" });
    assert.equal(settings.environment.name, "local-abc123");
    assert.equal(settings.environment.database?.port, 5544);
    assert.equal(settings.environment.objectStore?.principals?.application, "APPLICATION");
    assert.equal(settings.pinned.facets.services.api?.image, `scoring:v1.2.1@${digest("b")}`);
    const example = readFileSync(join(checkout, "examples", "scoring", "Pulumi.local.yaml"), "utf8");
    const comments = (of: string) => of.split("\n").filter((line) => line.includes("# "));
    assert.deepEqual(comments(text), comments(example));
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it("is left as it is where nothing of the environment changed, whatever the user wrote into it", async () => {
    const file = await write();
    const users = readFileSync(file, "utf8")
      .replace("rewind:release: v1.2.1", "rewind:release: v1.2.0   # tonight's")
      .replaceAll("\n", "\r\n");
    writeFileSync(file, users);
    chmodSync(file, 0o640);
    renameSync(file, join(checkout, "mine.yaml"));
    symlinkSync("mine.yaml", file);
    await write();
    assert.equal(readFileSync(file, "utf8"), users);
    writeFileSync(file, users.replace("5544", "5545"));
    await write();
    assert.equal(readFileSync(file, "utf8"), users);
    assert.deepEqual([lstatSync(file).isSymbolicLink(), statSync(file).mode & 0o777], [true, 0o640]);
  });

  it("lies where Pulumi looks for it", async () => {
    writeFileSync(join(checkout, "Pulumi.yaml"), "name: rewind\nruntime: nodejs\nstackConfigDir: stacks\n");
    mkdirSync(join(checkout, "stacks"));
    assert.equal(await write(), join(checkout, "stacks", "Pulumi.local.yaml"));
  });

  it("loses the secrets of an environment that is gone, and nothing else", async () => {
    const file = await write();
    const text = readFileSync(file, "utf8");
    writeFileSync(file, `encryptionsalt: v1:old\n${text}  rewind:secrets:\n    secure: v1:x\n`);
    rmSync(join(checkout, ".rewind"), { recursive: true });
    await write();
    assert.equal(readFileSync(file, "utf8"), text);
    assert.deepEqual(readYaml(text).problems, []);
  });
}).timeout(20_000);
