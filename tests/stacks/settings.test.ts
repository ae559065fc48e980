import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { readStack } from "../../cli/stack-file";
import { InvalidConfiguration } from "../../release/config";
import { loadSettings } from "../../stacks/settings";
import { asTheEngineGivesIt, project as checkout, readStackFile, secretsFor } from "../release/stack-files";
import { readFileSync } from "node:fs";

const staging = readFileSync(join(checkout, "Pulumi.staging.yaml"), "utf8");
const releases = join(checkout, "releases", "v1.1.0.yaml");

describe("the program's reading of a stack", () => {
  const home = process.cwd();
  let folder = "";
  const write = (name: string, text: string): void => {
    writeFileSync(join(folder, name), text);
  };
  /** What the program does with a configuration: its refusal, or its warnings. */
  const program = async (config: Record<string, unknown>, project = "rewind"): Promise<string[]> => {
    await pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, project, "staging");
    pulumi.runtime.setAllConfig(asTheEngineGivesIt(config));
    const warned: string[] = [];
    const { warn } = console;
    console.warn = (text: string) => warned.push(text);
    process.chdir(folder);
    try {
      loadSettings();
      return warned;
    } catch (error) {
      assert.ok(pulumi.RunError.isInstance(error), String(error));
      return error.message.split("\n");
    } finally {
      process.chdir(home);
      console.warn = warn;
    }
  };
  /** What the verbs say of the same file. */
  const verbs = (): string[] => {
    try {
      readStack({ folder, stack: "staging" });
      return [];
    } catch (error) {
      assert.ok(error instanceof InvalidConfiguration, String(error));
      return error.message.split("\n");
    }
  };
  const given = (): Record<string, unknown> => ({
    ...readStackFile("staging"),
    "rewind:secrets": secretsFor("staging"),
  });
  const lineOf = (text: string, part: string): number => text.slice(0, text.indexOf(part)).split("\n").length;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-program-"));
    write("Pulumi.yaml", "name: rewind\nruntime: nodejs\n");
    write("Pulumi.staging.yaml", staging);
    mkdirSync(join(folder, "releases"));
    write("releases/v1.1.0.yaml", readFileSync(releases, "utf8"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("takes the stack file as it is, without a word", async () => {
    assert.deepEqual(await program(given()), []);
    assert.deepEqual(verbs(), []);
  });

  it("tells with their lines, and at once, what YAML and what the schema say, in the words of the verbs", async () => {
    const text = staging
      .replace("rewind:toggles: {}", "rewind:toggles: {}")
      .replace(/^( +)kind: staging$/m, "$1kind: stagin\n$1since: 2025-09-17");
    assert.notEqual(text, staging);
    write("Pulumi.staging.yaml", text);
    const environment = readStackFile("staging")["rewind:environment"] as object;
    const read = { ...environment, kind: "stagin", since: "2025-09-17 00:00:00 +0000 UTC" };
    const told = await program({ ...given(), "rewind:environment": read });
    const [kind, since] = [lineOf(text, "kind: stagin\n"), lineOf(text, "since: 2025")];
    assert.match(
      told[0] ?? "",
      new RegExp(`^Pulumi\\.staging\\.yaml:${since} environment\\.since: 2025-09-17 is a date`),
    );
    // The engine's value is not the file's, so that the line of any other value under the same key is not sure.
    assert.match(told[1] ?? "", /^Pulumi\.staging\.yaml environment\.kind: /);
    assert.match(verbs().join("\n"), new RegExp(`Pulumi\\.staging\\.yaml:${kind} environment\\.kind: `));
    write("Pulumi.staging.yaml", text.replace("since: 2025-09-17", 'since: "2025-09-17"'));
    const quoted = await program({
      ...given(),
      "rewind:environment": { ...environment, kind: "stagin", since: "2025-09-17" },
    });
    assert.deepEqual(quoted, verbs());
    assert.deepEqual(
      quoted.map((line) => line.split(": ")[0]),
      [`Pulumi.staging.yaml:${kind} environment.kind`, `Pulumi.staging.yaml:${since} environment.since`],
    );
  });

  it("names the project file's line for a value that the project sets for every stack", async () => {
    const text = staging.replace(/^ *rewind:(?:release|pins): .*\n/gm, "");
    assert.notEqual(text, staging);
    write("Pulumi.staging.yaml", text);
    write(
      "Pulumi.yaml",
      "name: rewind\nruntime: nodejs\nconfig:\n  rewind:release:\n    value: v1.2.1\n  rewind:pins: { value: { config: v9 } }\n",
    );
    const told = await program({ ...given(), "rewind:pins": { config: "v9" } });
    assert.match(told.join("\n"), /^Pulumi\.yaml:6 pins\.config: [^\n]*v9[^\n]*$/);
    assert.deepEqual(verbs(), told);
    write("Pulumi.yaml", "name: rewind\nconfig:\n  other:since: 2025-09-17\n  rewind:release: 1.10\n");
    assert.match(
      verbs().join("\n"),
      /^Pulumi\.yaml:4 release: 1\.1 is no text to YAML[^\n]*$/,
      "another's date is not ours",
    );
  });

  it("refuses a key in the project's own namespace, once, with the command that moves it", async () => {
    write("Pulumi.yaml", "name: acme\nruntime: nodejs\n");
    write("Pulumi.staging.yaml", staging.replace("rewind:release:", "acme:release:"));
    const { "rewind:release": release, ...config } = given();
    const told = await program({ ...config, "acme:release": release }, "acme");
    const own = told.filter((line) => line.includes("acme:release: Rewind"));
    assert.equal(own.length, 1, told.join("\n"));
    assert.match(
      own[0] ?? "",
      /^Pulumi\.staging\.yaml:\d+ acme:release: .*type: pulumi config set rewind:release v1\.2\.1 && pulumi config rm acme:release$/,
    );
    assert.ok(verbs().includes(own[0] ?? ""), verbs().join("\n"));
  });

  it("warns of what only the engine knows, and gives it no line", async () => {
    const warned = await program({ ...given(), "rewind:toggles": { CORRELATION_ID_ENABLED: true } });
    assert.match(warned.join("\n"), /rewind:toggles: not as in the stack file, so from Pulumi ESC or --config-file/);
    const told = await program({ ...given(), "rewind:pins": { config: "v9" } });
    assert.match(told.join("\n"), /^Pulumi\.staging\.yaml pins\.config: /);
  });

  it("names the stack file where it is: below stackConfigDir, with the project file's ending", async () => {
    rmSync(join(folder, "Pulumi.yaml"));
    write("Pulumi.yml", "name: rewind\nstackConfigDir: config\n");
    mkdirSync(join(folder, "config"));
    const text = staging.replace(/^( +)kind: staging$/m, "$1kind: stagin");
    write("config/Pulumi.staging.yml", text);
    const environment = { ...(readStackFile("staging")["rewind:environment"] as object), kind: "stagin" };
    const told = await program({ ...given(), "rewind:environment": environment });
    assert.match(
      told.join("\n"),
      new RegExp(`^config/Pulumi\\.staging\\.yml:${lineOf(text, "kind: stagin")} environment\\.kind: `),
    );
    assert.deepEqual(verbs(), told);
  });
}).timeout(20_000);
