import assert from "node:assert/strict";
import type { Response } from "../../examples/scoring/src/engine";
import { engine as v1_2_0 } from "../../examples/scoring/src/engines/v1_2_0";
import { engine as v1_2_1 } from "../../examples/scoring/src/engines/v1_2_1";
import { Refusal } from "../../examples/scoring/src/refusal";
import { type Cache, cacheKey, loadScoringConfig, parseScoringConfig } from "../../examples/scoring/src/scoring-config";
import { BadEnvironment, readSettings } from "../../examples/scoring/src/settings";
import { isAuthorised } from "../../examples/scoring/src/token";
import { parseResponses, parseSessionRequest, responsesLimit } from "../../examples/scoring/src/validation";

const minimal: Response[] = [
  { item: "prism.analysis.1", value: 5 },
  { item: "fc.analysis.1", value: 1 },
];

describe("a request", () => {
  const refusedWith = (pattern: RegExp) => (thrown: unknown) =>
    thrown instanceof Refusal && thrown.status === 400 && pattern.test(thrown.message);

  it("brings responses of known items, each once and in range", () => {
    assert.deepEqual(parseResponses({ responses: minimal }), minimal);
  });

  const entry = (item: unknown, value: unknown): unknown => ({ responses: [{ item, value }] });
  const wrong: readonly [string, unknown, RegExp][] = [
    ["no object", [], /the body must be/],
    ["a misspelled key", { response: minimal }, /the body must be/],
    ["a key of the prototype", JSON.parse('{"responses":[],"__proto__":{}}'), /the body must be/],
    ["no entry", { responses: [] }, /1 to 200/],
    ["too many entries", { responses: Array(responsesLimit + 1).fill(minimal[0]) }, /1 to 200/],
    ["an item twice", { responses: [minimal[0], minimal[0]] }, /twice/],
    ["an entry with another key", { responses: [{ ...minimal[0], note: "" }] }, /responses\[0\] must be/],
    ["an unknown kind", entry("disc.analysis.1", 1), /item must look like/],
    ["an unknown domain", entry("prism.luck.1", 1), /unknown domain/],
    ["a value out of range", entry("prism.drive.1", 6), /from 1 to 5/],
    ["a forced choice out of range", entry("fc.drive.1", 2), /from 0 to 1/],
    ["a value that is text", entry("prism.drive.1", "3"), /whole number/],
    ["half a value", entry("prism.drive.1", 2.5), /whole number/],
  ];
  for (const [name, body, pattern] of wrong) {
    it(`is refused for ${name}`, () => {
      assert.throws(() => parseResponses(body), refusedWith(pattern));
    });
  }

  it("names its session by a UUID and by nothing else", () => {
    const id = "0B5B3E0A-7C1D-4A8E-9F10-0123456789AB";
    assert.equal(parseSessionRequest({ session_id: id }), id.toLowerCase());
    for (const body of [{}, { session_id: "1 OR 1=1" }, { session_id: 1 }, { session_id: id, force: true }, null]) {
      assert.throws(() => parseSessionRequest(body), Refusal);
    }
  });
});

describe("the token check", () => {
  it("lets the right bearer token in, whatever the case of the scheme", () => {
    assert.ok(isAuthorised("Bearer s3cret", "s3cret"));
    assert.ok(isAuthorised("bearer s3cret", "s3cret"));
  });

  it("keeps everything else out", () => {
    for (const header of [
      undefined,
      "",
      "Bearer",
      "Bearer ",
      "Bearer s3cre",
      "Bearer s3crets",
      "Basic s3cret",
      "s3cret",
    ]) {
      assert.equal(isAuthorised(header, "s3cret"), false, header);
    }
    assert.equal(isAuthorised("Bearer ", ""), false, "an empty token lets nobody in");
  });
});

describe("the service's environment", () => {
  const env = { DATABASE_URL: "postgres://a:pw@db/app", API_TOKEN: "t0ken", REDIS_URL: "redis://:rp@cache" };

  it("is read with an engine's defaults, and its secrets are known to the log", () => {
    const settings = readSettings(
      "finalizeAssessment",
      { ...env, ENGINE_PARAMETERS: '{"precision":1}' },
      v1_2_1.parameters,
    );
    assert.deepEqual(settings.parameters, { precision: 1, acquiescence: 0.5 });
    assert.equal(settings.fcVersion, "v1.2");
    for (const secret of ["t0ken", "pw", "rp"]) assert.ok(settings.secrets.includes(secret), secret);
  });

  it("is refused with every problem at once and without a value", () => {
    const bad = {
      DATABASE_URL: "s3cret",
      FC_VERSION: "v9",
      ENGINE_PARAMETERS: '{"speed":1}',
      CORRELATION_ID_ENABLED: "yes",
    };
    assert.throws(
      () => readSettings("api", bad, v1_2_1.parameters),
      (thrown) =>
        thrown instanceof BadEnvironment &&
        !thrown.message.includes("s3cret") &&
        [
          "DATABASE_URL",
          "API_TOKEN",
          "S3_ENDPOINT",
          "BUCKET",
          "FC_VERSION",
          "ENGINE_PARAMETERS",
          "CORRELATION_ID",
        ].every((name) => thrown.message.includes(name)),
    );
  });
});

describe("the scoring configuration", () => {
  const rows = { results_version: "v1.2.0", prism_weights: { analysis: 1, drive: 2, empathy: 3, order: 4 } };

  it("is what the rows say, and the engine's defaults for the rest", () => {
    const config = parseScoringConfig({ ...rows, of_others: 1 }, v1_2_1.weighting);
    assert.deepEqual(config, { resultsVersion: "v1.2.0", weights: rows.prism_weights, fcShare: 0.25 });
  });

  it("is refused when a row is missing or unusable, by its key", () => {
    const weightsOf = (prism_weights: unknown): unknown => ({ ...rows, prism_weights });
    const wrong: readonly [unknown, string][] = [
      [{}, "results_version"],
      [{ ...rows, results_version: 1 }, "results_version"],
      [{ ...rows, fc_share: 2 }, "fc_share"],
      [weightsOf({ analysis: 1 }), "prism_weights"],
      [weightsOf({ ...rows.prism_weights, luck: 1 }), "prism_weights"],
      [weightsOf({ analysis: 0, drive: 0, empathy: 0, order: 0 }), "prism_weights"],
    ];
    for (const [values, key] of wrong) {
      assert.throws(
        () => parseScoringConfig(values, v1_2_0.weighting),
        (thrown) => thrown instanceof Refusal && thrown.status === 503 && thrown.details.key === key,
      );
    }
  });

  it("comes out of the cache without a look at the table, which is why a rollback must clear it", async () => {
    const cache: Cache = {
      get: (key) => Promise.resolve(key === cacheKey ? JSON.stringify(rows) : null),
      set: () => Promise.reject(new Error("nothing to store")),
    };
    const noTable = { query: () => Promise.reject(new Error("the table was asked")) } as never;
    const config = await loadScoringConfig(noTable, cache, v1_2_0.weighting, () => undefined);
    assert.equal(config.resultsVersion, "v1.2.0");
  });

  it("comes out of the table when the cache does not answer, and the log says so", async () => {
    const down = () => Promise.reject(new Error("down"));
    const table = Object.entries(rows).map(([key, value]) => ({ key, value }));
    const pool = { query: () => Promise.resolve({ rows: table }) } as never;
    const events: string[] = [];
    const config = await loadScoringConfig(pool, { get: down, set: down }, v1_2_0.weighting, (_level, event) => {
      events.push(event);
    });
    assert.equal(config.resultsVersion, "v1.2.0");
    assert.deepEqual(events, ["cache_passed_over", "cache_passed_over"]);
  });
});
