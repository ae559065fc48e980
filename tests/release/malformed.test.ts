import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { releaseFiles } from "../../records/release-file";
import { InvalidConfiguration, loadConfig } from "../../release/config";
import { parseSettings } from "../../release/parse";
import { describeProblems, type Problem } from "../../release/problems";
import { environments } from "../fixtures/malformed/environments";
import { hostile } from "../fixtures/malformed/hostile";
import { keys } from "../fixtures/malformed/keys";
import type { Malformed } from "../fixtures/malformed/malformed";
import { releases } from "../fixtures/malformed/releases";
import { signatures } from "../fixtures/malformed/signatures";
import { asTheEngineGivesIt, loadReal, project, readStackFile, secretsFor, type StackFile } from "./stack-files";

const file = "Pulumi.staging.yaml";

/** The staging stack file, made malformed. Names of other prototypes are put as own properties, as a parser does. */
function malform({ put = [], yaml = "", withoutSecrets = [] }: Malformed): StackFile {
  const secrets = Object.entries(secretsFor("staging")).filter(([name]) => !withoutSecrets.includes(name));
  const config: StackFile = {
    ...readStackFile("staging"),
    "rewind:secrets": Object.fromEntries(secrets),
    ...(parse(yaml) as StackFile | null),
  };
  for (const [path, value] of put) {
    const keys = `rewind:${path}`.split("/");
    const last = keys.pop() ?? "";
    const holder = keys.reduce((inner, key) => inner[key] as StackFile, config);
    if (value === undefined) Reflect.deleteProperty(holder, last);
    else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
  }
  return config;
}

/** What the program does with a configuration that the engine hands over. */
function problemsOfLoading(config: StackFile, root: string): InvalidConfiguration {
  try {
    loadConfig(file, asTheEngineGivesIt(config), releaseFiles(root));
  } catch (error) {
    assert.ok(error instanceof InvalidConfiguration, String(error));
    return error;
  }
  return assert.fail("the configuration was accepted");
}

function assertProblems(found: readonly Problem[], expected: Malformed["problems"]): void {
  const byPath = (a: string, b: string) => (a < b ? -1 : 1);
  assert.deepEqual(found.map(({ path }) => path).sort(byPath), expected.map(([path]) => path).sort(byPath));
  for (const [path, message] of expected) {
    const there = found.filter((problem) => problem.path === path).map((problem) => problem.message);
    assert.ok(
      there.some((text) => text.includes(message)),
      `${path}: ${there.join(" | ")}, expected ${message}`,
    );
  }
}

describe("a malformed configuration", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rewind-malformed-"));
    mkdirSync(join(root, "releases"));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it("is made from one that is accepted", () => {
    const { settings } = loadReal("staging");
    assert.equal(settings.pinned.release, "v1.2.1");
  });

  for (const malformed of [...keys, ...releases, ...environments, ...signatures, ...hostile]) {
    it(`is refused with every problem: ${malformed.name}`, () => {
      for (const [path, text] of Object.entries(malformed.files ?? {})) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      const config = malform(malformed);
      const { problems, message } = problemsOfLoading(config, root);
      assertProblems(problems, malformed.problems);

      const lines = message.split("\n");
      assert.equal(lines.length, problems.length, "a line per problem");
      for (const line of lines) assert.match(line, /^Pulumi\.staging\.yaml(?: [\x20-\x7e…]+)?: [\x20-\x7e…]+$/);
      const { "rewind:secrets": secrets } = config as { "rewind:secrets": Record<string, unknown> };
      for (const value of Object.values(secrets)) assert.ok(!message.includes(String(value)), "a secret was told");
      assert.equal((Object.prototype as { polluted?: boolean }).polluted, undefined);
    });
  }

  it("is refused by the parser itself like by the program", () => {
    for (const malformed of [...keys, ...releases, ...environments, ...signatures]) {
      const config = malform(malformed);
      const raw = Object.fromEntries(
        Object.entries(config).map(([key, value]) => [key.slice("rewind:".length), value]),
      );
      const { secrets } = raw;
      if (malformed.problems.some(([path]) => path.startsWith("secrets"))) continue;
      const parsed = parseSettings({ ...raw, secrets: Object.keys(secrets as object) }, releaseFiles(project));
      assert.ok(!parsed.ok, malformed.name);
      assert.equal(
        describeProblems(file, parsed.problems).split("\n").length,
        malformed.problems.length,
        malformed.name,
      );
    }
  });

  it("is refused where a key holds what is not JSON, without quoting it", () => {
    const config = asTheEngineGivesIt({ ...readStackFile("staging"), "rewind:secrets": secretsFor("staging") });
    const broken = { ...config, "rewind:environment": "hunter2", "rewind:secrets": "hunter2" };
    assert.throws(
      () => loadConfig(file, broken, releaseFiles(project)),
      (error: InvalidConfiguration) => {
        assertProblems(error.problems, [
          ["environment", "expected an object"],
          ["secrets", "expected an object"],
        ]);
        return !error.message.includes("hunter2");
      },
    );
  });

  it("is refused where a number is larger than JSON numbers are here", () => {
    const config = asTheEngineGivesIt({ ...readStackFile("staging"), "rewind:secrets": secretsFor("staging") });
    const releases = (config["rewind:releases"] ?? "").replaceAll('"precision":2', '"precision":1e999');
    assert.throws(
      () => loadConfig(file, { ...config, "rewind:releases": releases }, releaseFiles(project)),
      (error: InvalidConfiguration) => {
        const precision = "functions.score_prism.parameters.precision";
        assertProblems(error.problems, [
          [`releases.v1.2.0.${precision}`, "expected a JSON value"],
          [`releases.v1.2.1.${precision}`, "expected a JSON value"],
        ]);
        return true;
      },
    );
  });

  it("is refused in no time when each of thousands of pins is wrong", () => {
    const config = readStackFile("staging");
    const many = Array.from({ length: 10_000 }, (_, index) => index);
    const raw = {
      release: "v1.2.1",
      releases: Object.fromEntries(many.map((index) => [`r${index}`, {}])),
      pins: Object.fromEntries(many.map((index) => [`functions/f${index}`, `x${index}`])),
      environment: config["rewind:environment"],
    };
    const started = performance.now();
    const parsed = parseSettings(raw, releaseFiles(project));
    assert.ok(!parsed.ok && parsed.problems.length > 10_000);
    // Seconds of it, and gigabytes, when every problem listed the whole catalogue.
    assert.ok(performance.now() - started < 4_000);
  });

  it("never makes the parser throw or think for long, whatever JSON it is", () => {
    const valid = readStackFile("staging");
    const names = ["release", "pins", "releases", "environment", "verification", "secrets"];
    const anything = fc.jsonValue({ maxDepth: 6 });
    const raw = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), anything);
    fc.assert(
      fc.property(raw, fc.subarray(names), fc.string(), (raw, kept, thrown) => {
        const mixed = { ...raw, ...Object.fromEntries(kept.map((name) => [name, valid[`rewind:${name}`] ?? null])) };
        const started = performance.now();
        const parsed = parseSettings(mixed, () => {
          throw new Error(thrown);
        });
        assert.ok(performance.now() - started < 1_000);
        if (!parsed.ok) assert.ok(parsed.problems.length > 0);
      }),
      { numRuns: 200 },
    );
  });

  it("never makes the parser throw when any one value of a valid one is replaced by any JSON", () => {
    const valid = JSON.stringify({ ...readStackFile("staging"), "rewind:secrets": secretsFor("staging") });
    const places: string[][] = [];
    const walk = (value: unknown, at: string[]): void => {
      if (at.length > 0) places.push(at);
      if (typeof value === "object" && value !== null)
        for (const [key, inner] of Object.entries(value)) walk(inner, [...at, key]);
    };
    walk(JSON.parse(valid), []);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 3 }), (at, value) => {
        const config = JSON.parse(valid) as StackFile;
        const holder = at.slice(0, -1).reduce((inner, key) => inner[key] as StackFile, config);
        holder[at.at(-1) ?? ""] = value;
        try {
          const { settings } = loadConfig(file, asTheEngineGivesIt(config), releaseFiles(project));
          assert.ok(settings.releases.has(settings.release));
        } catch (error) {
          assert.ok(error instanceof InvalidConfiguration, String(error));
          const told = error.problems.map(({ path }) => path).join("\n");
          assert.notEqual(told, "");
        }
      }),
      { numRuns: 250 },
    );
  });
});
