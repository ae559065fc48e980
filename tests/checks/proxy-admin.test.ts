import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askAdmin, inTurn } from "../../checks/proxy-admin";
import { measureProxy, putRoute, readRoute } from "../../checks/proxy";

/** A proxy's admin API on a socket. Caddy 2.6.2 refuses every Host header there but an empty one. */
async function adminOn(socket: string, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    if (request.headers.host === "") answer(request, response);
    else response.writeHead(403).end(`{"error":"host not allowed: ${request.headers.host ?? ""}"}`);
  }).listen(socket);
  await once(server, "listening");
  return server;
}

describe("a proxy whose admin API is on a socket", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-admin-"));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("SEC-M9 · is asked there, and told there with the version that the change is meant for", async () => {
    const socket = join(folder, "admin.sock");
    const told: unknown[] = [];
    const server = await adminOn(socket, (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      request.once("end", () => {
        const { method, url, headers } = request;
        if (method !== "GET") told.push([method, url, headers["if-match"], headers["content-type"], JSON.parse(body)]);
        if (method === "GET" && url?.startsWith("/id/")) response.writeHead(404).end("{}");
        else if (url?.endsWith("/listen")) response.end('["127.0.0.1:80"]');
        else response.setHeader("etag", '"v1"').end("[]");
      });
    });
    const proxy = { admin: `unix://${socket}`, server: "rewind" };
    try {
      assert.deepEqual(await measureProxy(proxy), { result: "passed", evidence: 'answers on ["127.0.0.1:80"]' });
      assert.equal(await readRoute(proxy, "rewind.a.route.b"), undefined);
      await putRoute(proxy, "rewind.a.route.b", { "@id": "rewind.a.route.b" });
      const path = "/config/apps/http/servers/rewind/routes";
      assert.deepEqual(told, [["PATCH", path, '"v1"', "application/json", [{ "@id": "rewind.a.route.b" }]]]);
    } finally {
      server.close();
    }
  });

  it("is asked again while its API restarts, and may answer without a body", async () => {
    const socket = join(folder, "restarting.sock");
    let asked = 0;
    const server = await adminOn(socket, (request, response) => {
      asked += 1;
      if (asked < 3) request.socket.destroy();
      else response.writeHead(204).end();
    });
    try {
      const { status, body } = await askAdmin(`unix://${socket}`, { path: "/config/" });
      assert.deepEqual([asked, status, body], [3, 204, null]);
    } finally {
      server.close();
    }
  });

  it("is told of one change after the other, also after one that failed", async () => {
    const order: string[] = [];
    const act = (name: string, fails: boolean) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
    };
    const acts = [inTurn("unix:///a", act("one", true)), inTurn("unix:///a", act("two", false))];
    const ended = await Promise.allSettled(acts);
    assert.deepEqual(
      ended.map(({ status }) => status),
      ["rejected", "fulfilled"],
    );
    assert.deepEqual(order, ["one begins", "one ends", "two begins", "two ends"]);
  });

  it("is an error by its name when nobody listens there", async () => {
    const proxy = { admin: `unix://${join(folder, "nobody.sock")}`, server: "rewind" };
    await assert.rejects(readRoute(proxy, "rewind.a.route.b"), /the proxy at unix:\/\/.*nobody\.sock does not answer/);
  });
});
