import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../../cli/stack";
import { readStack } from "../../cli/stack-file";
import { readYaml } from "../../project/yaml";
import { InvalidConfiguration } from "../../release/config";
import { lockedEngineIn } from "./process";
import { freshCopies } from "./project";

describe("a stack that is opened with its engine", () => {
  const copy = freshCopies();
  const path = process.env.PATH;
  beforeEach(() => {
    lockedEngineIn(copy().folder);
    process.env.PATH = join(copy().folder, "bin");
  });
  afterEach(() => {
    process.env.PATH = path;
  });
  const problemsOf = async (work: () => unknown): Promise<string[]> => {
    try {
      await work();
    } catch (error) {
      assert.ok(error instanceof InvalidConfiguration, String(error));
      return error.message.split("\n");
    }
    return assert.fail("nothing was refused");
  };
  const opened = () => problemsOf(() => open(copy().where));
  const read = () => problemsOf(() => readStack(copy().where));
  const write = (text: string): void => {
    assert.notEqual(text, copy().text());
    writeFileSync(copy().file, text);
    // The engine has the same values, as far as it can read them.
    if (readYaml(text).problems.every(({ fatal }) => !fatal)) lockedEngineIn(copy().folder);
  };
  const lineOf = (part: string): number => copy().text().slice(0, copy().text().indexOf(part)).split("\n").length;

  it("is opened where its file is right", async () => {
    assert.equal((await open(copy().where)).settings.release, "v1.2.1");
  });

  it("tells of every problem of its file at once, of YAML and of the schema, as a verb does that needs no engine", async () => {
    write(
      copy()
        .text()
        .replace(/^( +)kind: staging$/m, "$1kind: stagin\n$1since: 2025-09-17"),
    );
    assert.deepEqual(
      (await opened()).map((line) => line.split(": ")[0]),
      [
        `Pulumi.staging.yaml:${lineOf("since: 2025")} environment.since`,
        `Pulumi.staging.yaml:${lineOf("kind: stagin")} environment.kind`,
      ],
    );
    assert.deepEqual(await opened(), await read());
  });

  /** Everything that is told of a stack file, which every reader tells alike. */
  const toldOf = async (text: string): Promise<string[]> => {
    write(text);
    const told = await opened();
    assert.deepEqual(await read(), told);
    return told;
  };

  it("tells of a row of nothing by its place among the rows, its line and the remedy", async () => {
    const first = "            - { key: results_version, value: v1.2.0 }\n";
    for (const nothing of ["-", "- null", "- ~"]) {
      const [told, ...others] = await toldOf(copy().text().replace(first, `${first}            ${nothing} # later\n`));
      const path = "releases.v1.2.0.config.scoring_config.rows.1";
      assert.equal(
        told,
        `Pulumi.staging.yaml:${lineOf("# later")} ${path}: expected an object, got null; fill it in, or take it out`,
      );
      assert.deepEqual(others, []);
      writeFileSync(copy().file, copy().text().replace(`            ${nothing} # later\n`, ""));
    }
  });

  it("tells of a variable that YAML takes for a number or a boolean, with its line and the remedy", async () => {
    const told = await toldOf(
      copy()
        .text()
        .replace("variables: { FC_VERSION: v1.1 }", "variables: { PORT: 9999, DEBUG: true, SHARE: 16.8 }")
        .replace("        variables: { DB_SCHEMA: app }", "        variables: { DB_SCHEMA: app, RETRIES: 3 }"),
    );
    const release = `Pulumi.staging.yaml:${lineOf("PORT: 9999")} releases.v1.2.0.functions.score_fc_session.variables`;
    const place = `Pulumi.staging.yaml:${lineOf("RETRIES: 3")} environment.functions.finalizeAssessment.variables`;
    const remedy = "put it in quotes as it is written";
    assert.deepEqual(told, [
      `${place}.RETRIES: expected a text, got the number 3; ${remedy}`,
      `${release}.PORT: expected a text, got the number 9999; ${remedy}`,
      `${release}.DEBUG: expected a text, got true; ${remedy}`,
      `${release}.SHARE: expected a text, got the number 16.8; ${remedy}`,
    ]);
  });

  it("tells of a pin that only Pulumi ESC has where no engine is asked: from where it may come, and what to do", async () => {
    const whole = copy().text();
    writeFileSync(copy().file, `environment: [team/rewind, eu]\n${whole.replace(/^ {2}rewind:release: .*\n/m, "")}`);
    const told = await read();
    assert.match(told[0] ?? "", /^Pulumi\.staging\.yaml release: expected a release id such as v1\.2\.0/);
    assert.deepEqual(told.slice(1), [
      "Pulumi.staging.yaml environment: imports team/rewind, eu from Pulumi ESC, whose values only pulumi knows; " +
        "put Rewind's keys into the stack file",
    ]);
    // The engine of the copy still has the pin, as it has one of an environment.
    assert.equal((await open(copy().where)).settings.release, "v1.2.1");
    writeFileSync(copy().file, whole.replace(/^ {2}rewind:release: .*\n/m, ""));
    assert.equal((await read()).length, 1, "where nothing is imported, nothing is said of it");
  });

  it("tells of its secrets beside what is wrong with its file, for the engine knows them", async () => {
    write(
      copy()
        .text()
        .replace(/^( +)kind: staging$/m, "$1kind: stagin\n$1since: 2025-09-17"),
    );
    const config = join(copy().folder, "bin", "config.json");
    const values = JSON.parse(readFileSync(config, "utf8")) as Record<string, object>;
    const secrets = { ...values["rewind:secrets"], value: '{"database-url":3}' };
    writeFileSync(config, JSON.stringify({ ...values, "rewind:secrets": secrets }));
    assert.match((await opened()).join("\n"), /since: 2025-09-17 is a date[^]*secrets\.database-url: expected a text/);
  });

  it("tells of its file where no engine is on the PATH, or the engine cannot read it", async () => {
    write(copy().text().replace("rewind:pins: {}", "rewind:pins: { config: v9, SINCE: 2025-09-17 }"));
    process.env.PATH = "/nowhere";
    assert.deepEqual(await opened(), await read());
  });

  it("tells of a file that is no YAML by that alone, with its line", async () => {
    write(copy().text().replace("rewind:pins: {}", "rewind:pins: {"));
    const told = await opened();
    assert.deepEqual(told, await read());
    for (const line of told) assert.match(line, /^Pulumi\.staging\.yaml:\d+: /);
  });

  it("says nothing of a line where the pin is another than the file's", async () => {
    const { repinned } = await open(copy().where);
    const [told = ""] = await problemsOf(() => repinned("v1.2.0", { config: "v9" }));
    assert.match(told, /^Pulumi\.staging\.yaml pins\.config: /);
    const [same = ""] = await problemsOf(() => readStack(copy().where).repinned("v1.2.0", { config: "v9" }));
    assert.equal(same, told);
  });
}).timeout(20_000);
