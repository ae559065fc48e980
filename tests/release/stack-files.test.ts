import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { parse } from "yaml";
import { stackFileSchema } from "../../release/json-schema";
import { inlineRows } from "../../release/rows";
import { loadReal, project, readStackFile, realStackFiles, type RealStack } from "./stack-files";

const stacks = Object.keys(realStackFiles) as RealStack[];
const written = JSON.parse(readFileSync(join(project, "release", "stack-file.schema.json"), "utf8")) as Record<
  string,
  unknown
>;
// Editors know the format `uri`; what it means is not the point here.
const isStackFile = new Ajv({ formats: { uri: true } }).compile(written);

const triggers = [
  "finalizeAssessment fails its check",
  "wrong version stamp",
  "token gating bypassed",
  "security control failing",
];

describe("the real stack files", () => {
  for (const stack of stacks) {
    it(`${stack} is accepted by the parser that the program uses`, () => {
      const { settings } = loadReal(stack);
      assert.equal(settings.pinned.release, "v1.2.1");
      assert.deepEqual(Object.keys(settings.pinned.facets.functions), [
        "finalizeAssessment",
        "score_prism",
        "score_fc_session",
      ]);
    });

    it(`${stack} goes back to v1.2.0 by one line`, () => {
      const { settings } = loadReal(stack, (config) => (config["rewind:release"] = "v1.2.0"));
      const row = inlineRows(settings.pinned.facets.config.scoring_config)?.find(
        ({ key }) => key === "results_version",
      );
      assert.deepEqual(row, { key: "results_version", value: "v1.2.0" });
    });

    it(`${stack} calls no check a trigger that the rollback plan does not have`, () => {
      const checks = Object.values(loadReal(stack).settings.verification?.checks ?? {});
      const named = new Set(checks.flatMap(({ trigger }) => trigger ?? []));
      assert.deepEqual([...named].sort(), [...triggers].sort());
    });

    it(`${stack} is what the schema for editors calls a stack file`, () => {
      const file: unknown = parse(readFileSync(join(project, realStackFiles[stack]), "utf8"));
      assert.equal(isStackFile(file), true, JSON.stringify(isStackFile.errors?.slice(0, 3)));
    });

    it(`${stack} stays far below the 128 KiB that the engine can hand over`, () => {
      assert.ok(statSync(join(project, realStackFiles[stack])).size < 32 * 1024);
    });
  }

  for (const stack of ["staging", "prod"] as const) {
    it(`${stack} pins every image by digest, in every release`, () => {
      const { settings } = loadReal(stack);
      for (const [id, { services, functions }] of settings.releases) {
        const images = Object.values({ ...services, ...functions }).map(({ image = "" }) => image);
        assert.equal(images.length, 4, id);
        for (const image of images) assert.match(image, /^engine:v1\.\d\.\d@sha256:[0-9a-f]{64}$/);
      }
    });

    it(`${stack} goes back to the release that stands in a file of its own`, () => {
      const { settings } = loadReal(stack, (config) => (config["rewind:release"] = "v1.1.0"));
      assert.equal(settings.releases.get("v1.1.0")?.functions?.score_prism?.parameters?.precision, 1);
    });

    it(`${stack} asks its database who it is, and trusts nobody else with its objects`, () => {
      const { environment } = loadReal(stack).settings;
      assert.equal(environment.database?.sslmode, "verify-full");
      assert.equal(environment.objectStore?.endpoint, undefined);
    });
  }

  it("staging runs on a remote Docker engine, which shows the registry who pulls", () => {
    const { environment } = loadReal("staging").settings;
    assert.match(environment.docker?.host ?? "", /^ssh:/);
    assert.deepEqual(environment.registryCredentials, { user: "rewind-staging", password: "registry-password" });
  });

  it("prod runs on ECS and Lambda, and needs no Docker engine at all", () => {
    const { environment } = loadReal("prod").settings;
    assert.deepEqual(environment.runtime, { services: "ecs", functions: "lambda" });
    assert.equal(environment.docker, undefined);
  });

  it("prod declares every trigger of the rollback plan as a check", () => {
    const named = Object.values(loadReal("prod").settings.verification?.checks ?? {}).map(({ trigger }) => trigger);
    for (const trigger of triggers) assert.ok(named.includes(trigger), trigger);
  });
});

describe("the schema for editors", () => {
  it("is on disk what the parser's schema makes of itself", () => {
    assert.deepEqual(written, JSON.parse(JSON.stringify(stackFileSchema())));
  });

  const misspelled: readonly [string, (config: Record<string, Record<string, unknown>>) => void][] = [
    ["of the stack file", (config) => (config["rewind:relaese"] = {})],
    ["of the environment", (config) => (config["rewind:environment"]!.registy = "registry.example.com")],
    ["of a release", (config) => (config["rewind:releases"]!["v1.2.0"] = { functoins: {} })],
    ["of the verification", (config) => (config["rewind:verification"]!.checkz = {})],
  ];
  for (const [where, misspell] of misspelled) {
    it(`underlines a misspelled key ${where}`, () => {
      const config = readStackFile("staging") as Record<string, Record<string, unknown>>;
      assert.equal(isStackFile({ config }), true);
      misspell(config);
      assert.equal(isStackFile({ config }), false);
    });
  }

  it("leaves the keys of other namespaces alone", () => {
    assert.equal(isStackFile({ config: { ...readStackFile("prod"), "aws:region": "eu-central-1" } }), true);
  });

  it("accepts encrypted secrets and underlines anything else in their place", () => {
    const config = (secrets: unknown) => ({ config: { ...readStackFile("prod"), "rewind:secrets": secrets } });
    assert.equal(isStackFile(config({ "api-token": { secure: "v1:abc" } })), true);
    assert.equal(isStackFile(config(["api-token"])), false);
  });
});
