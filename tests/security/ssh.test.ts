import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as ssh from "ssh2";
import { dockerAt } from "../../checks/clients";
import { hostCheck } from "../../checks/known-hosts";
import { Environment } from "../../release/schema/environment";

/** The client that a Docker client uses. */
const { Client, Server } = createRequire(require.resolve("docker-modem"))("ssh2") as typeof ssh;

describe("a Docker host over SSH", function () {
  this.timeout(60_000);
  let folder: string;
  let server: ssh.Server;
  let port: number;
  let tried = 0;
  before(async function () {
    folder = mkdtempSync(join(tmpdir(), "rewind-ssh-"));
    try {
      for (const name of ["host", "other"]) {
        execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
      }
    } catch (error) {
      if (process.env.REWIND_SKIP_NOTHING === "1") throw error;
      this.skip();
    }
    server = new Server({ hostKeys: [readFileSync(join(folder, "host"))] }, (connection) => {
      connection.on("error", () => undefined);
      connection.on("authentication", (context) => {
        tried += 1;
        context.reject();
      });
    });
    port = await new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        resolve((server.address() as { port: number }).port);
      });
    });
  });
  beforeEach(() => {
    tried = 0;
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  const keyOf = (name: string): string => readFileSync(join(folder, `${name}.pub`), "utf8").trim();
  /** Connects with these lines as known_hosts, and returns why it ended. */
  const connect = (lines: readonly string[], hash = false): Promise<string> => {
    const file = join(folder, "known_hosts");
    writeFileSync(file, `${lines.join("\n")}\n`);
    if (hash) execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    return new Promise((resolve) => {
      new Client()
        .on("error", (error) => {
          resolve(error.message);
        })
        .connect({
          host: "127.0.0.1",
          port,
          username: "deploy",
          password: "x",
          ...hostCheck("127.0.0.1", port, [file]),
        });
    });
  };

  it("SEC-M2 · that shows another key than it is known by is told nothing", async () => {
    const name = `[127.0.0.1]:${port}`;
    for (const lines of [
      [],
      [`${name} ${keyOf("other")}`],
      // The key of another port, or of another host, is not this one's.
      [`127.0.0.1 ${keyOf("host")}`],
      [`[127.0.0.2]:${port} ${keyOf("host")}`],
      [`${name} ${keyOf("host")}`, `@revoked ${name} ${keyOf("host")}`],
      [`@cert-authority ${name} ${keyOf("host")}`],
    ]) {
      assert.match(await connect(lines), /verification failed/, lines.join());
      assert.equal(tried, 0, lines.join());
    }
  });

  it("SEC-M2 · is gone on with where its key is known, plainly, hashed, by a pattern or beside others", async () => {
    const name = `[127.0.0.1]:${port}`;
    assert.match(await connect([`${name} ${keyOf("host")}`]), /authentication methods failed/);
    assert.match(await connect([`${name} ${keyOf("host")}`], true), /authentication methods failed/);
    assert.match(await connect([`[127.0.0.*]:${port} ${keyOf("host")}`]), /authentication methods failed/);
    assert.match(await connect([`${name} ${keyOf("other")}`, `${name} ${keyOf("host")}`]), /authentication methods/);
    assert.ok(tried > 0);
  });

  it("SEC-M2 · is never asked without that", async () => {
    await assert.rejects(dockerAt(`ssh://deploy@127.0.0.1:${port}`).ping());
    assert.equal(tried, 0);
  });
});

describe("a Docker host over plain TCP", () => {
  const takes = (host: string): boolean => Environment.shape.docker.safeParse({ host }).success;

  it("SEC-M2 · may only be this machine, whatever its name looks like", () => {
    for (const host of ["tcp://127.0.0.1:2375", "tcp://localhost", "tcp://[::1]:2375", "ssh://deploy@10.0.0.1"]) {
      assert.equal(takes(host), true, host);
    }
    for (const host of [
      "10.0.0.1:2375",
      "127.0.0.1.example.com:2375",
      "localhost@example.com",
      "[::2]:2375",
      "0.0.0.0",
    ]) {
      assert.equal(takes(`tcp://${host}`), false, host);
    }
  });
});
