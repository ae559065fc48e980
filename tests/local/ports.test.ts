import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { candidatePorts, isFree, Ports } from "../../local/ports";

function first(seed: string, previous?: number): number | undefined {
  for (const port of candidatePorts(seed, previous)) return port;
  return undefined;
}

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return server;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

describe("ports", () => {
  it("begin with the previous one and go through the whole range once", () => {
    const all = [...candidatePorts("a", 40_000)];
    assert.equal(all[0], 40_000);
    assert.equal(new Set(all).size, 12_001);
    assert.ok(all.slice(1).every((port) => port >= 20_000 && port < 32_000));
  });

  it("begin elsewhere for another clone or part, and at the same place again for the same", () => {
    assert.notEqual(first("a redis"), first("b redis"));
    assert.notEqual(first("a redis"), first("a postgres"));
    assert.equal(first("a redis"), first("a redis"));
  });

  it("are kept when they are free, and left when they are taken", async () => {
    const port = await new Ports().choose("kept", ["127.0.0.1"]);
    assert.equal(await new Ports().choose("other", ["127.0.0.1"], port), port);
    const server = await listenOn(port);
    assert.equal(await isFree(port, "127.0.0.1"), false);
    assert.notEqual(await new Ports().choose("other", ["127.0.0.1"], port), port);
    await close(server);
  });

  it("must be free on every address", async () => {
    const port = await new Ports().choose("both", ["127.0.0.1", "127.0.0.2"]);
    const server = await listenOn(port);
    assert.notEqual(await new Ports().choose("both", ["127.0.0.2", "127.0.0.1"], port), port);
    await close(server);
  });

  it("are not given twice in one start, though nobody listens on the first yet", async () => {
    const ports = new Ports();
    const given = await Promise.all([1, 2, 3].map(async () => await ports.choose("same", ["127.0.0.1"])));
    assert.equal(new Set(given).size, 3);
  });
});
