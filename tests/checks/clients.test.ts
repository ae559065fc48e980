import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { dockerAt, openClients } from "../../checks/clients";
import type { Settings } from "../../release/parse";

/** What a Docker client was made of; its own types hide it. */
const made = (host: string) => dockerAt(host).modem as unknown as Record<string, unknown>;

describe("a Docker client", () => {
  const before = process.env.SSH_AUTH_SOCK;
  afterEach(() => {
    if (before === undefined) delete process.env.SSH_AUTH_SOCK;
    else process.env.SSH_AUTH_SOCK = before;
  });

  it("hands its agent to an ssh host where there is one", () => {
    process.env.SSH_AUTH_SOCK = "/run/agent.sock";
    const modem = made("ssh://deploy@docker.example.com:2222");
    assert.deepEqual(
      [modem.protocol, modem.host, modem.port, modem.username],
      ["ssh", "docker.example.com", 2222, "deploy"],
    );
    assert.equal((modem.sshOptions as { agent?: string }).agent, "/run/agent.sock");
    delete process.env.SSH_AUTH_SOCK;
    assert.equal((made("ssh://docker.example.com").sshOptions as { agent?: string }).agent, undefined);
  });

  it("asks a socket, or a port", () => {
    assert.equal(made("unix:///var/run/docker.sock").socketPath, "/var/run/docker.sock");
    assert.equal(made("tcp://127.0.0.1:2375").protocol, "http");
  });
});

describe("the clients of an environment", () => {
  const environment = (port: number) =>
    ({
      docker: { host: "unix:///var/run/docker.sock" },
      database: {
        host: "127.0.0.1",
        port,
        administrator: { user: "rewind", password: "password" },
        name: "app",
      },
    }) as unknown as Settings["environment"];

  it("ask a database with a limit to every query", async () => {
    const clients = openClients(environment(1), { password: "x" });
    const { options } = clients.database() as unknown as { options: Record<string, unknown> };
    assert.deepEqual([options.statement_timeout, options.query_timeout], [30_000, 30_000]);
    await clients.close();
  });

  it("are closed as often as anyone likes", async () => {
    const clients = openClients(environment(1), { password: "x" });
    clients.database();
    await clients.close();
    await clients.close();
  });

  it("are closed within seconds while a query hangs", async () => {
    // A database that lets everybody in, is ready at once, and then never answers.
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      socket.once("data", () => socket.write(Buffer.from("5200000008000000005a0000000549", "hex")));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const clients = openClients(environment((server.address() as AddressInfo).port), { password: "x" });
      const connection = await clients.database().connect();
      const hanging = connection.query("select pg_sleep(1e9)").catch((error: unknown) => error);
      const started = performance.now();
      await clients.close();
      const took = performance.now() - started;
      assert.ok(took > 1_000 && took < 5_000, String(took));
      for (const socket of sockets) socket.destroy();
      assert.ok((await hanging) instanceof Error);
      connection.release(true);
    } finally {
      server.close();
    }
  });
});
