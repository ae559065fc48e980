import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { firstDifference, measureRequests, valueAt, type HttpContext } from "../../checks/http";
import type { Request } from "../../release/schema/verification";

describe("the first difference between an answer and what was expected", () => {
  it("is none when the answer is what was expected", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(firstDifference(value, JSON.parse(JSON.stringify(value)), ""), undefined);
      }),
    );
  });

  it("is none when an object holds more than is named", () => {
    assert.equal(firstDifference({ a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }, ""), undefined);
  });

  const differences: readonly [string, unknown, unknown, string][] = [
    ["a value", { a: { b: [1, 2] } }, { a: { b: [1, 3] } }, "a.b.1 is 3, expected 2"],
    ["a type", { a: 1 }, { a: "1" }, 'a is "1", expected 1'],
    ["a missing key", { a: 1 }, {}, "a is nothing, expected 1"],
    ["a null", { a: {} }, { a: null }, "a is null, expected {}"],
    ["a list for an object", { a: {} }, { a: [] }, "a is [], expected {}"],
    ["a longer list", { a: [1] }, { a: [1, 2] }, "a has 2 items, expected 1"],
    ["a list that should be empty", [], [1], "the answer has 1 items, expected 0"],
    ["no JSON at all", { a: 1 }, undefined, 'the answer is nothing, expected {"a":1}'],
    ["what every object inherits", { constructor: {} }, {}, "constructor is nothing, expected {}"],
  ];
  for (const [name, expected, actual, told] of differences) {
    it(`is ${name}`, () => {
      assert.equal(firstDifference(expected, actual, ""), told);
    });
  }
});

describe("the value at a path of an answer", () => {
  it("is found in objects and lists", () => {
    const answer = { a: { b: [{ c: 1 }] }, "": 2 };
    assert.equal(valueAt(answer, "a.b.0.c"), 1);
    assert.deepEqual(valueAt(answer, "a.b"), [{ c: 1 }]);
  });

  it("is nothing where the answer has none", () => {
    for (const path of ["b", "a.x", "a.0", "a.b.c", "toString", "a.constructor", "a.__proto__"]) {
      assert.equal(valueAt({ a: { b: "text" } }, path), undefined, path);
    }
    assert.equal(valueAt(undefined, "a"), undefined);
  });
});

interface Received {
  readonly line: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

describe("requests", () => {
  let server: Server;
  let received: Received[] = [];
  let answers: Record<
    string,
    { readonly status: number; readonly body: string; readonly headers?: Record<string, string> }
  > = {};
  let context: HttpContext;

  before((done) => {
    server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (piece: string) => (body += piece));
      request.on("end", () => {
        const line = `${request.method ?? ""} ${request.url ?? ""}`;
        received.push({ line, headers: request.headers, body });
        const answer = answers[line];
        // What nobody expects is never answered.
        if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body);
      });
    });
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      context = {
        addressOf: () => Promise.resolve(`http://127.0.0.1:${port}`),
        secret: (name) => `the ${name}`,
        pinned: (variable) => (variable === "release" ? "v1.2.0" : undefined),
      };
      done();
    });
  });
  beforeEach(() => {
    received = [];
    answers = {};
  });
  after((done) => {
    server.close(done);
    server.closeAllConnections();
  });

  const measure = (...requests: Request[]) => measureRequests(requests, context, AbortSignal.timeout(2_000));
  const health: Request = { to: "services/api", path: "/health", expect: { status: 200, json: { status: "ok" } } };

  it("pass when the answer is as expected, and show of it what was expected", async () => {
    answers["GET /health"] = { status: 200, body: '{"status":"ok","uptime":7}' };
    const measured = await measure(health);
    assert.deepEqual(measured, {
      result: "passed",
      evidence: 'GET services/api/health → 200 {"status":"ok"}',
    });
  });

  it("S10 · fail when the answer takes longer than it may", async () => {
    answers["GET /health"] = { status: 200, body: '{"status":"ok"}' };
    const within = (longest: string): Request => ({ ...health, expect: { ...health.expect, within: longest } });
    assert.equal((await measure(within("1m"))).result, "passed");
    const { result, evidence } = await measure(within("0ms"));
    assert.equal(result, "failed");
    assert.match(evidence, /^GET services\/api\/health: took \d+ ms, expected within 0ms$/);
  });

  it("fail with another status", async () => {
    answers["GET /health"] = { status: 503, body: '{"status":"ok"}' };
    const measured = await measure(health);
    assert.deepEqual(measured, {
      result: "failed",
      evidence: 'GET services/api/health → 503 {"status":"ok"}; expected 200',
    });
  });

  it("fail with another answer, or one that is no JSON", async () => {
    answers["GET /health"] = { status: 200, body: '{"status":"degraded"}' };
    assert.equal((await measure(health)).evidence, 'GET services/api/health: status is "degraded", expected "ok"');
    answers["GET /health"] = { status: 200, body: "<html>" };
    assert.equal((await measure(health)).result, "failed");
  });

  it("send the secret and the body that the check names, and neither otherwise", async () => {
    answers["POST /score"] = { status: 200, body: "" };
    answers["GET /health"] = { status: 200, body: '{"status":"ok"}' };
    const body = { session_id: "x", n: [1] };
    await measure(
      { to: "functions/score", method: "POST", path: "/score", bearer: "api-token", body, expect: { status: 200 } },
      health,
    );
    const [scored, asked] = received;
    assert.ok(scored !== undefined && asked !== undefined);
    assert.equal(scored.headers.authorization, "Bearer the api-token");
    assert.equal(scored.headers["content-type"], "application/json");
    assert.deepEqual(JSON.parse(scored.body), body);
    assert.equal(asked.headers.authorization, undefined);
    assert.equal(asked.body, "");
  });

  it("use what an earlier answer said, and what the pin says", async () => {
    answers["POST /sessions"] = { status: 201, body: '{"session":{"id":"a b/c"},"n":5}' };
    answers["GET /sessions/a%20b%2Fc/v1.2.0?n=5"] = { status: 200, body: '{"id":"a b/c","version":"v1.2.0"}' };
    const measured = await measure(
      {
        to: "services/api",
        method: "POST",
        path: "/sessions",
        expect: { status: 201 },
        capture: { id: "session.id", n: "n" },
      },
      {
        to: "services/api",
        path: "/sessions/${id}/${release}?n=${n}",
        expect: { status: 200, json: { id: "${id}", version: "${release}" } },
      },
    );
    assert.equal(measured.result, "passed", measured.evidence);
  });

  it("fail when there is nothing to capture, and send nothing more", async () => {
    answers["GET /health"] = { status: 200, body: '{"status":"ok"}' };
    const measured = await measure({ ...health, capture: { id: "session.id" } }, health);
    assert.equal(measured.result, "failed");
    assert.match(measured.evidence, /the answer has no session\.id$/);
    assert.equal(received.length, 1);
  });

  it("do not follow where an answer points to, least of all with a secret", async () => {
    answers["GET /health"] = { status: 302, body: "", headers: { location: "/elsewhere" } };
    const measured = await measure({ ...health, bearer: "api-token", expect: { status: 302 } });
    assert.equal(measured.result, "passed");
    assert.deepEqual(
      received.map(({ line }) => line),
      ["GET /health"],
    );
  });

  it("show at most a piece of a long answer, on one line", async () => {
    answers["GET /health"] = { status: 500, body: "line\n".repeat(10_000) };
    const { evidence } = await measure(health);
    assert.ok(evidence.length < 300);
    assert.doesNotMatch(evidence, /\n/);
  });

  it("reject when nothing answers in time, or nothing is there", async () => {
    await assert.rejects(measureRequests([health], context, AbortSignal.timeout(50)), { name: "TimeoutError" });
    const nowhere = {
      ...context,
      addressOf: () => Promise.reject(new Error("the container of services/api is exited")),
    };
    await assert.rejects(measureRequests([health], nowhere, AbortSignal.timeout(50)), /is exited$/);
  });
});
