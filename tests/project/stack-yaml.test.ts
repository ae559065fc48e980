import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownName, projectIn, selectedStack, stackFileOf, stackNames } from "../../project/project";
import { readStackYaml } from "../../project/stack-yaml";

const rewind = { name: "rewind", values: {} };
const acme = { name: "acme-platform", values: {} };
const told = (text: string, project = rewind) =>
  readStackYaml(text, project).problems.map(({ line, path, message }) => `${line ?? ""} ${path}: ${message}`);

describe("the configuration in a stack file", () => {
  it("is refused where a value of ours would be another to the engine, and nowhere else", () => {
    const text = "config:\n  aws:accountId: 0123\n  other:from: 2025-09-17\n  rewind:toggles:\n    SINCE: 2025-09-17\n";
    assert.deepEqual(told(text), [
      '5 toggles.SINCE: 2025-09-17 is a date to Pulumi and a text to others; quote it: "2025-09-17"',
    ]);
  });

  it("never shows what stands among the secrets", () => {
    const [problem = ""] = told("config:\n  rewind:secrets:\n    database: 0123456\n");
    assert.match(problem, /^3 secrets\.database: a value that Pulumi reads as another; quote it$/);
  });

  it("has a pin that is a text: 1.10 is the number 1.1", () => {
    assert.deepEqual(told("config:\n  rewind:release: 1.10\n"), [
      '2 release: 1.10 is no text to YAML; quote it: "1.10"',
    ]);
    assert.deepEqual(told('config:\n  rewind:release: "1.10"\n'), []);
  });

  it("has no encrypted value outside of rewind:secrets, by its path", () => {
    const text = 'config:\n  rewind:releases:\n    v1:\n      config:\n        t: {rows: [{v: {secure: "auto"}}]}\n';
    assert.match(told(text).join(), /^5 releases\.v1\.config\.t\.rows\.0\.v: an object with the one key secure/);
    assert.deepEqual(told("config:\n  rewind:secrets: {a: {secure: v1:x}}\n"), []);
    assert.deepEqual(told("config:\n  rewind:toggles: {a: {secure: x, b: 1}}\n"), []);
  });

  it("has keys without a namespace in Rewind's own project, and one of two that mean the same", () => {
    assert.equal(readStackYaml("config:\n  release: v1\n", rewind).raw.release, "v1");
    assert.equal(readStackYaml("config:\n  rewind:config:release: v1\n", rewind).raw.release, "v1");
    assert.match(
      told("config:\n  release: v1\n  rewind:release: v2\n").join(),
      /^3 rewind:release: the same key as release; keep one of them$/,
    );
  });

  it("names a key of the project's namespace that nothing reads, and the command that moves it", () => {
    const text = "config:\n  rewind:release: v1\n  acme-platform:release: v2\n";
    const command = "pulumi config set rewind:release v2 && pulumi config rm acme-platform:release";
    assert.deepEqual(told(text, acme), [`3 acme-platform:release: Rewind reads rewind:release; type: ${command}`]);
    assert.match(told("config:\n  release: v2\n", acme).join(), /Rewind reads rewind:release/);
    assert.match(told("config:\n  acme-platform:pins: {}\n", acme).join(), /Rewind reads rewind:pins; rename the key/);
    const own = "config:\n  rewind:environment: {}\n  acme-platform:environment: prod\n  acme-platform:other: 1\n";
    assert.deepEqual(told(own, acme), [], "the team's own");
  });

  it("takes what the project's file sets for every stack, and lists what Pulumi ESC may set", () => {
    const project = { name: "rewind", values: { "rewind:release": "v1", "rewind:onFailure": "hold" } };
    const { raw, environments } = readStackYaml("environment: [team/rewind]\nconfig:\n  rewind:release: v2\n", project);
    assert.deepEqual(raw, { release: "v2", onFailure: "hold" });
    assert.deepEqual(environments, ["team/rewind"]);
  });
});

describe("the project of a folder", () => {
  let folder = "";
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-project-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("keeps its stack files where the project's file says", () => {
    write("Pulumi.yml", "name: acme\nstackConfigDir: config\n");
    mkdirSync(join(folder, "config"));
    write("config/Pulumi.local.yml", "");
    write("config/Pulumi.prod.yaml", "");
    const project = projectIn(folder);
    assert.deepEqual(stackNames(project), ["local"]);
    assert.equal(stackFileOf(project, "local"), join(folder, "config", "Pulumi.local.yml"));
    write("Pulumi.yml", "name: acme\nconfig: config\n");
    assert.deepEqual(stackNames(projectIn(folder)), ["local"], "the old form");
  });

  it("has values in long and short forms", () => {
    write(
      "Pulumi.yaml",
      "name: acme\nconfig:\n  rewind:release: v1\n  rewind:pins: {value: {config: v0}}\n  a: {default: 1}\n",
    );
    assert.deepEqual(projectIn(folder).values, {
      "rewind:release": "v1",
      "rewind:pins": { config: "v0" },
      "acme:a": 1,
    });
  });

  it("has the stack that is selected: PULUMI_STACK first, then what pulumi stack select wrote", () => {
    write("Pulumi.yaml", "name: acme\n");
    const project = projectIn(folder);
    const env = { PULUMI_HOME: join(folder, "home") };
    assert.equal(selectedStack(project, undefined, env), undefined);
    const path = createHash("sha1").update(project.file).digest("hex");
    mkdirSync(join(folder, "home", "workspaces"), { recursive: true });
    const settings = { stack: "old", stacks: { "file:///state": "organization/acme/local" } };
    write(`home/workspaces/acme-${path}-workspace.json`, JSON.stringify(settings));
    assert.equal(selectedStack(project, "file:///state", env), "organization/acme/local");
    assert.equal(selectedStack(project, "s3://elsewhere", env), "old");
    assert.equal(selectedStack(project, undefined, { ...env, PULUMI_STACK: "prod" }), "prod");
  });

  it("knows a stack by its full name, and none of another project", () => {
    write("Pulumi.yaml", "name: acme\n");
    const project = projectIn(folder);
    for (const name of ["local", "me/local", "organization/acme/local"]) assert.equal(ownName(name, project), "local");
    for (const name of ["organization/other/local", "../local", "a/b/c/d", ""]) {
      assert.equal(ownName(name, project), undefined, name);
    }
  });
});
