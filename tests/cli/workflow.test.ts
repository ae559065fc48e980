import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { project } from "../release/stack-files";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, { readonly permissions: object; readonly steps: readonly Step[] }>>;
}

describe("the workflow can-rollback", () => {
  const text = readFileSync(join(project, ".github", "workflows", "can-rollback.yml"), "utf8");
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap(({ steps }) => steps);
  const scripts = steps.flatMap(({ run }) => run ?? []).join("\n");

  it("runs for pull requests only, and may do no more than read the code and comment", () => {
    assert.deepEqual(Object.keys(workflow.on), ["pull_request"]);
    assert.deepEqual(workflow.permissions, {});
    assert.deepEqual(
      jobs.map(({ permissions }) => permissions),
      [{ contents: "read", "pull-requests": "write" }],
    );
  });

  it("uses no action but checkout and setup-node, each by its commit, and leaves no token in the checkout", () => {
    const used = steps.filter(({ uses }) => uses !== undefined);
    assert.deepEqual(
      used.map(({ uses }) => uses?.replace(/@[0-9a-f]{40}$/, "@commit")),
      ["actions/checkout@commit", "actions/setup-node@commit"],
    );
    assert.equal(used[0]?.with?.["persist-credentials"], false);
  });

  it("L8 · asks for verbs and flags that the command line has", () => {
    const help = (...verb: string[]): string =>
      execFileSync(process.execPath, [join(project, "cli", "rewind.js"), ...verb, "--help"], { encoding: "utf8" });
    const asked = [...scripts.matchAll(/npx rewind (\S+)([^\n>|]*)/g)];
    assert.ok(asked.some(([, verb]) => verb === "can-rollback"));
    const verbs = help();
    for (const [, verb = "", rest = ""] of asked) {
      assert.match(verbs, new RegExp(`^ {2}${verb} `, "m"), verb);
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) assert.ok(help(verb).includes(flag), `${verb} ${flag}`);
    }
    assert.match(scripts, /npx pulumi preview --diff /);
  });

  it("puts no expression into a script and no secret into an output, and gives the comment's step no secret", () => {
    assert.ok(!scripts.includes("${{"), "an expression in a script is code that somebody else may write");
    assert.ok(!scripts.includes("show-secrets"));
    for (const { run = "", env = {} } of steps) {
      const secret = Object.entries(env).flatMap(([name, value]) =>
        /secrets\.\w+ *}}$/.test(value) && !value.includes("!=") ? [name] : [],
      );
      for (const name of secret) {
        assert.ok(!new RegExp(`\\$\\{?${name}\\b.*GITHUB_(?:OUTPUT|ENV|STEP_SUMMARY)`).test(run), name);
      }
      if ("GH_TOKEN" in env) assert.deepEqual(secret, []);
      else assert.ok(!Object.values(env).some((value) => value.includes("github.token")));
    }
  });
});
