import assert from "node:assert/strict";
import * as cmd from "@pulumi/pulumi/automation/cmd";
import { CommandError } from "@pulumi/pulumi/automation";
import { EngineError, reasonIn } from "../../cli/engine-reason";

const urn = (name: string): string => `urn:pulumi:prod::rewind::docker:index/container:Container::${name}`;
const unseen = (name: string): string => `  docker:index:Container (${name}):
    error: expected resource operations for ${urn(name)} but none were seen
`;
/** What the package exports and its types leave out. */
const { CommandResult } = cmd as unknown as {
  CommandResult: new (stdout: string, stderr: string, code: number, error: Error) => unknown;
};
const Failure = CommandError as unknown as new (result: unknown) => Error;
/** The message of the Automation API's own error. */
const told = (stdout: string, stderr: string): string =>
  new Failure(new CommandResult(stdout, stderr, -2, new Error(stderr))).message;
const around = (diagnostics: string): string =>
  told(`Updating (prod):\nDiagnostics:\n${diagnostics}\nOutputs:\n    release: "v1.2.0"\n\nDuration: 3s\n`, "");

describe("the reason of an engine that failed", () => {
  const failure = `  pulumi-nodejs:dynamic/rewind:ConfigRows (rows):
    error: the rows sha256:ab of limits are in none of .rewind/records/rows/ab.jsonl; bring the file back
`;

  it("is the failure, and not what the engine says of everything behind it", () => {
    const stack = "  pulumi:pulumi:Stack (rewind-prod):\n    error: update failed\n";
    const reason = reasonIn(around([unseen("api"), failure, stack, unseen("worker")].join("\n")));
    assert.equal(reason, failure.trim());
  });

  it("is the refusal of the gate once, whichever resource it stands under", () => {
    const waiting =
      "  docker:index:Network (net):\n    error: blocked by the gate before the change; see the first failed resource\n";
    const refusal =
      "  docker:index:RemoteImage (api):\n    error: Refused before the first change; nothing was touched.\n      failed hold v1";
    assert.equal(reasonIn(around(`${waiting}\n${refusal}\n`)), refusal.trim());
  });

  it("keeps several failures, each under its resource", () => {
    const other = "  docker:index:Container (api):\n    error: container failed to be in healthy state\n";
    const reason = reasonIn(around(`${failure}\n${unseen("worker")}\n${other}`));
    assert.match(reason, /ConfigRows \(rows\):[\s\S]*Container \(api\):[\s\S]*healthy state/);
    assert.doesNotMatch(reason, /worker/);
  });

  it("is what the engine expected, where it says nothing else", () => {
    assert.match(reasonIn(around(unseen("api"))), /Container \(api\):\n\s*error: expected resource operations for/);
  });

  it("leaves to the error what the gate says is next, and takes it from no warning", () => {
    const warning =
      "  pulumi:pulumi:Stack (rewind-prod):\n    warning: the bucket has another name\n    Next: rewind iam\n";
    const refusal =
      "  docker:index:RemoteImage (api):\n    error: Refused before the first change; nothing was touched.\n      another log\n    Next: rewind records show";
    const error = new EngineError(reasonIn(around(`${warning}\n${refusal}\n`)));
    assert.equal(error.next, "rewind records show");
    assert.match(error.message, /Next: rewind iam[\s\S]*another log$/);
    assert.equal(new EngineError(reasonIn(around(warning))).next, undefined);
    const plain = "  docker:index:RemoteImage (api):\n    error: pull access denied\n";
    assert.equal(new EngineError(reasonIn(around(`${plain}\n${warning}\n`))).next, undefined);
  });

  it("is standard error where there are no diagnostics", () => {
    const command = "Command failed with exit code 1: pulumi config --show-secrets --json --stack x --non-interactive";
    assert.equal(reasonIn(told("", `${command}\nerror: incorrect passphrase`)), "error: incorrect passphrase");
    assert.equal(reasonIn(told("", "error: no stack named 'x' found")), "error: no stack named 'x' found");
  });
});
