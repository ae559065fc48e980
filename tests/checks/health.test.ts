import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dockerAt } from "../../checks/clients";
import { untilHealthy, whyUnhealthy } from "../../checks/health";

/** What an engine says of one container, and what its health check does when it is run. */
interface Told {
  readonly State?: object;
  readonly Healthcheck?: object;
  /** The exit codes of the health check, one run after the other; of the last for ever. `undefined` never ends. */
  readonly codes?: readonly (number | undefined)[];
  /** How long a run of it takes, in milliseconds. */
  readonly takes?: number;
}

const check = { Test: ["CMD", "/bin/check", "--now"], Timeout: 50_000_000 };
const starting = { Running: true, Restarting: false, Status: "running", Health: { Status: "starting" } };

describe("the health of a container", () => {
  let server: Server;
  let told: Record<string, Told>;
  let ran: string[][];
  /** The runs of health checks that came to their end. */
  const ended = new Set<string>();
  const docker = () => dockerAt(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, 5_000);

  before(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      request.once("end", () => {
        const json = (status: number, value: object) => {
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
        };
        const [, what = "", id = "", verb = ""] = (request.url ?? "").replace(/^\/v[0-9.]+/, "").split("/");
        const { State = starting, Healthcheck = check, codes = [0], takes = 0 } = told[id.split(".")[0] ?? ""] ?? {};
        if (what === "containers" && verb === "json") {
          json(200, { State, Config: { Healthcheck }, Name: `/${id}` });
        } else if (what === "containers") {
          ran.push((JSON.parse(body) as { Cmd: string[] }).Cmd);
          json(201, { Id: `${id}.${String(ran.length - 1)}` });
        } else {
          const code = codes[Math.min(Number(id.split(".")[1]), codes.length - 1)];
          if (verb === "json") json(200, { ExitCode: ended.has(id) ? (code ?? null) : null });
          else response.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" }).flushHeaders();
          if (verb === "start" && code !== undefined) {
            setTimeout(() => {
              ended.add(id);
              response.end("told");
            }, takes);
          }
        }
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    [told, ran] = [{}, []];
    ended.clear();
  });

  const cases: readonly [string, Told, string | undefined][] = [
    ["healthy", { State: { ...starting, Health: { Status: "healthy" } } }, undefined],
    ["without a health check, and runs", { State: { ...starting, Health: undefined }, Healthcheck: {} }, undefined],
    ["unhealthy", { State: { ...starting, Health: { Status: "unhealthy" } } }, "unhealthy"],
    ["gone", { State: { Running: false, Restarting: false, Status: "exited" } }, "exited"],
    ["starting over and over", { State: { ...starting, Restarting: true, Status: "restarting" } }, "restarting"],
    ["new, and its health check fails", { codes: [3] }, "starting: its health check ends with 3"],
    ["new, without a check that can be run", { Healthcheck: { Test: ["NONE"] } }, "starting"],
  ];
  for (const [what, of, why] of cases) {
    it(`is known where it is ${what}`, async () => {
      told = { c1: of };
      assert.equal(await whyUnhealthy(docker(), "c1"), why);
    });
  }

  it("is known where its health check hangs, when the time of who asks is over", async () => {
    told = { c1: { codes: [undefined] } };
    assert.equal(
      await whyUnhealthy(docker(), "c1", AbortSignal.timeout(100)),
      "starting: its health check does not end",
    );
  });

  it("is known from a health check that takes longer than its own timeout, for a busy machine is no fault", async () => {
    told = { c1: { takes: 200 } };
    assert.equal(await whyUnhealthy(docker(), "c1"), undefined);
  });

  it("is asked by its own health check while Docker has not asked yet, as a command or in a shell", async () => {
    told = { c1: {}, c2: { Healthcheck: { Test: ["CMD-SHELL", "curl -f localhost || exit 1"] } } };
    assert.equal(await whyUnhealthy(docker(), "c1"), undefined);
    assert.equal(await whyUnhealthy(docker(), "c2"), undefined);
    assert.deepEqual(ran, [
      ["/bin/check", "--now"],
      ["/bin/sh", "-c", "curl -f localhost || exit 1"],
    ]);
  });

  it("W3 · is waited for, and those that never are healthy are named when their time is over", async () => {
    told = { c1: { codes: [1, 1, 0] } };
    await untilHealthy(docker(), { "services/api": { container: "c1", patience: 5_000 } });
    assert.equal(ran.length, 3);
    told = { c1: {}, c2: { codes: [1] }, c3: { State: { Running: false, Restarting: false, Status: "exited" } } };
    const short = { patience: 250 };
    const waiting = untilHealthy(docker(), {
      "services/api": { container: "c1", ...short },
      "functions/a": { container: "c2", ...short },
      "functions/b": { container: "c3", ...short },
    });
    await assert.rejects(waiting, {
      message:
        "not healthy within 0.25 s, what ran before still runs: functions/a: starting: its health check ends with 1; functions/b: exited; docker logs says more",
    });
  });

  it("is the engine's own error where the engine does not answer, once the time is over", async () => {
    const waiting = untilHealthy(dockerAt("tcp://127.0.0.1:1"), { "services/api": { container: "c1", patience: 150 } });
    await assert.rejects(waiting, /services\/api: connect ECONNREFUSED/);
  });
});
