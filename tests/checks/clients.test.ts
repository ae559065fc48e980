import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { dockerAt, openClients } from "../../checks/clients";
import type { Settings } from "../../release/parse";
import { standInServer } from "../rows/stand-in-server";

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

  it("gives up on an engine that takes a connection and says nothing, so that the process can end", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      await assert.rejects(dockerAt(`tcp://127.0.0.1:${port}`, 100).ping());
    } finally {
      silent.close();
    }
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
    assert.equal(options.query_timeout, 30_000);
    await clients.close();
  });

  it("may only look at a database, with a limit to every statement and the same texts everywhere", async () => {
    const server = await standInServer();
    const clients = openClients(environment(server.port), { password: "x" });
    await clients.database().query("select");
    await clients.close();
    await server.close();
    const before = server.statements.map(({ text }) => text).slice(0, -1);
    for (const setting of [
      `"default_transaction_read_only" = 'on'`,
      `"statement_timeout" = '30s'`,
      `"timezone" = 'UTC'`,
    ]) {
      assert.ok(
        before.some((text) => text.includes(setting)),
        setting,
      );
    }
  });

  it("are closed as often as anyone likes", async () => {
    const clients = openClients(environment(1), { password: "x" });
    clients.database();
    await clients.close();
    await clients.close();
  });

  it("are closed within seconds while a query hangs", async () => {
    // A database that lets everybody in, is ready at once, and then does not answer.
    const server = await standInServer({ hangs: /pg_sleep/ });
    try {
      const clients = openClients(environment(server.port), { password: "x" });
      const connection = await clients.database().connect();
      const hanging = connection.query("select pg_sleep(1e9)").catch((error: unknown) => error);
      const started = performance.now();
      await clients.close();
      const took = performance.now() - started;
      assert.ok(took > 1_000 && took < 5_000, String(took));
      await server.close();
      assert.ok((await hanging) instanceof Error);
      connection.release(true);
    } finally {
      await server.close();
    }
  });
});
