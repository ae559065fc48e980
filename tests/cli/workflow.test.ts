import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { project } from "../release/stack-files";
import { workflow, type Step } from "../security/workflow-run";

describe("the workflow can-rollback", () => {
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap(({ steps }) => steps);
  const scripts = steps.flatMap(({ run }) => run ?? []).join("\n");

  it("runs for pull requests only, from the default branch's own file, and no job may do more than its part", () => {
    // With pull_request the branch's copy of the file would run.
    assert.deepEqual(Object.keys(workflow.on), ["pull_request_target"]);
    assert.deepEqual(workflow.permissions, {});
    assert.deepEqual(
      Object.entries(workflow.jobs).map(([name, { permissions }]) => [name, permissions]),
      [
        ["ask", { contents: "read" }],
        ["comment", { "pull-requests": "write" }],
      ],
    );
    assert.equal(workflow.jobs.ask?.environment, "rewind-can-rollback");
    assert.equal(workflow.jobs.comment?.environment, undefined);
  });

  it("asks for the base's commit and the branch's, beside each other, and runs nothing in the folder of the branch", () => {
    const [base, branch] = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@") === true);
    assert.equal(base?.with?.ref, "${{ github.event.pull_request.base.sha }}");
    assert.equal(branch?.with?.ref, "${{ github.event.pull_request.head.sha }}");
    assert.deepEqual([base.with.path, branch.with.path], ["project", "proposed"]);
    for (const step of steps) {
      if (step.run === undefined) continue;
      assert.ok(["project", undefined].includes(step["working-directory"]), step.run);
      assert.deepEqual(
        step.run.split("\n").filter((line) => line.includes("proposed")),
        step.id === "asked" ? ['if ask take npx --no rewind release take ../proposed --stack "$STACK"; then'] : [],
      );
    }
  });

  it("uses no action but checkout and setup-node, each by its commit, and leaves no token in a checkout", () => {
    const used = steps.filter(({ uses }) => uses !== undefined);
    assert.deepEqual(
      used.map(({ uses }) => uses?.replace(/@[0-9a-f]{40}$/, "@commit")),
      ["actions/checkout@commit", "actions/checkout@commit", "actions/setup-node@commit"],
    );
    for (const each of used.slice(0, 2)) assert.equal(each.with?.["persist-credentials"], false);
    assert.ok(workflow.jobs.comment?.steps.every(({ uses }) => uses === undefined));
  });

  it("L8 · asks for verbs and flags that the command line has", () => {
    const help = (...verb: string[]): string =>
      execFileSync(process.execPath, [join(project, "cli", "rewind.js"), ...verb, "--help"], { encoding: "utf8" });
    const asked = [...scripts.matchAll(/npx --no rewind ((?:release )?\S+)([^\n>|;]*)/g)];
    assert.deepEqual(
      asked.map(([, verb]) => verb),
      ["release take", "can-rollback"],
    );
    for (const [, words = "", rest = ""] of asked) {
      const verb = words.split(" ");
      assert.match(help(...verb.slice(0, -1)), new RegExp(`^ {2}${verb.at(-1) ?? ""} `, "m"), words);
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) assert.ok(help(...verb).includes(flag), `${words} ${flag}`);
    }
    assert.match(scripts, /npx --no pulumi preview --diff /);
  });

  it("puts no expression into a script and no secret into an output, and gives the comment's job no secret", () => {
    assert.ok(!scripts.includes("${{"), "an expression in a script is code that somebody else may write");
    assert.ok(!scripts.includes("show-secrets"));
    const secretsOf = ({ env = {} }: Step): string[] =>
      Object.entries(env).flatMap(([name, value]) =>
        /secrets\.\w+ *}}$/.test(value) && !value.includes("!=") ? [name] : [],
      );
    for (const step of steps) {
      const { run = "", env = {} } = step;
      const secret = secretsOf(step);
      for (const name of secret) {
        assert.ok(!new RegExp(`\\$\\{?${name}\\b.*GITHUB_(?:OUTPUT|ENV|STEP_SUMMARY)`).test(run), name);
      }
      if ("GH_TOKEN" in env) assert.deepEqual(secret, []);
      else assert.ok(!Object.values(env).some((value) => value.includes("github.token")));
    }
    const withSecrets = steps.filter((step) => secretsOf(step).length > 0);
    assert.deepEqual(
      withSecrets.map(({ id }) => id),
      ["asked"],
      "packages are installed without a secret",
    );
    assert.doesNotMatch(JSON.stringify(workflow.jobs.comment), /secrets\./);
  });
});
