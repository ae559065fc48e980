import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { unknownValue } from "@pulumi/pulumi/runtime";
import type { RouteInputs } from "../../stacks/route";
import { check, diff } from "../../stacks/route.provider";

describe("a route, in an update in which nothing of it is declared differently", () => {
  let engine: Server;
  /** The published port of the container, undefined while it does not run. */
  let port: string | undefined;
  let declared: RouteInputs;
  beforeEach(async () => {
    engine = createServer((request, response) => {
      if (request.url !== "/containers/c1/json") response.writeHead(404).end("{}");
      else {
        const Ports = port === undefined ? {} : { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: port }] };
        const State = { Running: port !== undefined, Status: port === undefined ? "exited" : "running" };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ State, NetworkSettings: { Ports } }));
      }
    });
    await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
    declared = {
      proxy: { admin: "http://127.0.0.1:1", server: "srv0" },
      url: "http://127.0.0.1:2",
      route: "prod-api",
      smoke: [{ path: "/health" }],
      deadline: 1_000,
      docker: { host: `tcp://127.0.0.1:${(engine.address() as AddressInfo).port}`, address: "127.0.0.1" },
      to: "services/api",
      container: "c1",
    };
  });
  afterEach(async () => {
    engine.closeAllConnections();
    await new Promise((resolve) => engine.close(resolve));
  });
  const isMoved = async (olds: RouteInputs, news: RouteInputs) => (await diff(olds, news)).changes;

  it("stays where the container answers at the same port, and moves where Docker gave out another", async () => {
    port = "32768";
    const { inputs: before } = await check({}, declared);
    assert.equal(before?.dial, "127.0.0.1:32768");
    const { inputs: same } = await check(before, declared);
    assert.deepEqual(same, before);
    assert.equal(await isMoved(before, same), false);
    // As after a restart of the engine.
    port = "32771";
    const { inputs: after } = await check(before, declared);
    assert.notDeepEqual(after, before, "the engine asks for a difference only where inputs differ");
    assert.equal(await isMoved(before, after!), true);
  });

  it("stays where the container does not run, and is unknown where it is not made yet, as a plan has to have it", async () => {
    port = "32768";
    const { inputs: before } = await check({}, declared);
    port = undefined;
    assert.deepEqual((await check(before!, declared)).inputs, before);
    const { inputs: unknown } = await check(before!, {
      ...declared,
      container: unknownValue,
    });
    assert.equal(unknown?.dial, unknownValue);
    assert.equal((await check({}, { ...declared, container: "none" })).inputs?.dial, undefined);
  });
});
