import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { doctor, type Patient } from "../../cli/doctor";
import type { RunPulumi } from "../../cli/engine-checks";
import type { Where } from "../../cli/stack";
import { readStack } from "../../cli/stack-file";
import { project } from "../release/stack-files";
import { rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

const well: RunPulumi = ([verb]) =>
  verb === "version" ? Promise.resolve("v3.256.0\n") : Promise.reject(new Error("no stack is selected"));

describe("the doctor", () => {
  const copy = freshCopies();
  beforeEach(() => {
    writeFileSync(join(copy().folder, "package.json"), readFileSync(join(project, "package.json"), "utf8"));
  });
  const log = () => readStack(copy().where).log;
  const examined = async (more: Partial<Patient> = {}) => {
    const { folder, where } = copy();
    const patient = { folder, where: () => where, now: new Date(Date.now() + 1_000), pulumi: well, node: "v22.1.0" };
    const { code, text, json } = await doctor({ ...patient, ...more });
    const found = json;
    const of = (name: string) => found.checks.find((check) => check.name === name) ?? assert.fail(`no check ${name}`);
    return { code, text, found, of };
  };

  it("finds nothing wrong with a stack that nothing is wrong with, and leaves nothing behind", async () => {
    const before = readdirSync(copy().folder).sort();
    const { code, text, found, of } = await examined();
    assert.deepEqual([code, found.stack, found.result], [0, "staging", "passed"], text);
    assert.match(of("stack file").evidence, /staging, pins v1\.2\.1, \d releases/);
    assert.match(of("log folder").evidence, /is yet to be made/);
    assert.match(of("git").evidence, /not a checkout/);
    assert.match(text, /^ {2}✓ node /m);
    assert.deepEqual(readdirSync(copy().folder).sort(), before);
  });

  it("works without an engine, and says what to do for one", async () => {
    const missing: RunPulumi = () => Promise.reject(Object.assign(new Error("spawn"), { code: "ENOENT" }));
    const { code, text, of } = await examined({ pulumi: missing });
    assert.equal(code, 11);
    assert.match(text, /✗ pulumi +no pulumi is on the PATH\n +Next: npx rewind local up/);
    assert.equal(of("stack file").result, "passed", "and goes on");
  });

  it("says that no stack is selected, and examines the rest", async () => {
    const { folder } = copy();
    writeFileSync(join(folder, "Pulumi.prod.yaml"), "config: {}");
    const { code, text, found } = await examined({ where: () => ({ folder, stack: undefined }) });
    assert.deepEqual([code, found.stack], [0, null]);
    assert.match(text, /\? stack +none is named and none is selected; there are: prod, staging/);
    assert.match(text, /Next: rewind doctor --stack <name>/);
    assert.ok(found.checks.some(({ name }) => name === "disk"));
  });

  it("takes the selected stack, else the only one that has a file", async () => {
    const { folder } = copy();
    const unnamed = { where: (): Where => ({ folder, stack: undefined }) };
    assert.match((await examined(unnamed)).of("stack").evidence, /staging, the only one with a file/);
    const selected: RunPulumi = ([verb]) => Promise.resolve(verb === "version" ? "3.256.0" : "elsewhere\n");
    const { code, of } = await examined({ ...unnamed, pulumi: selected });
    assert.equal(code, 11);
    assert.match(of("stack").evidence, /elsewhere has no file Pulumi\.elsewhere\.yaml; there are: staging/);
  });

  it("lists every problem of a stack file, and still examines the log", async () => {
    writeFileSync(
      copy().file,
      copy()
        .text()
        .replace("rewind:release: v1.2.1", "rewind:release: v9")
        .replace("rewind:verification", "rewind:verificaton"),
    );
    const { code, of } = await examined();
    assert.equal(code, 11);
    const { evidence, next } = of("stack file");
    assert.match(evidence, /Pulumi\.staging\.yaml verificaton: no such key/);
    assert.match(next ?? "", /^edit Pulumi\.staging\.yaml/);
    assert.equal(of("deployment log").result, "passed");
  });

  it("names the line of a log that is none, and does not read more into it", async () => {
    const folder = join(copy().folder, ".rewind", "records");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "staging.jsonl"), "not an entry\n\n");
    const { code, of, found } = await examined();
    assert.equal(code, 11);
    assert.match(of("deployment log").evidence, /staging\.jsonl:1: not an entry/);
    assert.ok(!found.checks.some(({ name }) => name === "rollback"));
  });

  it("says when the log is not what was written, and when only the end of its last line is missing", async () => {
    log().append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    const { location } = log();
    const whole = readFileSync(location, "utf8");
    writeFileSync(location, whole.replace("leaks", "is ok"));
    const { code, of } = await examined();
    assert.deepEqual(
      [code, of("deployment log").result, of("deployment log").next],
      [11, "failed", "rewind log verify --stack staging"],
    );
    assert.match(
      of("deployment log").evidence,
      /^1 entries in .*; line 1 is changed: its bytes are not what was written$/,
    );
    writeFileSync(location, `${whole}{"version":3,"id`);
    const torn = await examined();
    assert.deepEqual([torn.code, torn.of("deployment log").result], [0, "inconclusive"]);
  });

  it("says that the log cannot be written where its folder is none", async () => {
    mkdirSync(join(copy().folder, ".rewind"));
    writeFileSync(join(copy().folder, ".rewind", "records"), "a file");
    const { code, of } = await examined();
    assert.equal(code, 11);
    assert.equal(of("log folder").result, "failed");
  });

  it("L5 · says that the store of records is none, or does not answer", async () => {
    process.env.REWIND_STORE = "sqlite";
    try {
      assert.match((await examined()).of("deployment log").evidence, /^REWIND_STORE: expected one of json, /);
      process.env.REWIND_STORE = "postgresql:NEVER_SET_RECORDS";
      const { of } = await examined();
      assert.match(of("deployment log").evidence, /^PostgreSQL at \$NEVER_SET_RECORDS: it is not set/);
    } finally {
      delete process.env.REWIND_STORE;
    }
  });

  it("L8 · names an open rollback, an emergency stop and a hold on what is pinned, each with the way out", async () => {
    const deployment = log();
    deployment.append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    assert.deepEqual([(await examined()).code, (await examined()).of("holds").evidence], [0, "v1.2.0: leaks"]);
    deployment.append({ kind: "hold", release: "v1.2.1", reason: "wrong stamps" });
    deployment.append({ kind: "stop", reason: "corrupt data" });
    deployment.append(rollbackBegun("v1.2.0", { host: "elsewhere", pid: 1 }));
    const { code, of, text } = await examined();
    assert.equal(code, 11);
    assert.match(of("holds").evidence, /v1\.2\.1 is pinned and on hold: wrong stamps/);
    assert.match(of("emergency stop").evidence, /corrupt data/);
    assert.match(of("rollback").evidence, /one to v1\.2\.0 by .* has not come to its end/);
    assert.match(text, /Next: rewind resume, or rewind abort/);
    assert.match(text, /Next: rewind rollback, or rewind unhold v1\.2\.1/);
  });

  it("P4 · sees a clock that is behind the newest entry of the log", async () => {
    log().append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    const { code, of } = await examined({ now: new Date("2020-01-01T00:00:00Z") });
    assert.equal(code, 11);
    assert.match(of("clock").evidence, /^2020-01-01T00:00:00\.000Z; the newest entry is of 20/);
  });

  it("refuses a Node that package.json does not allow", async () => {
    const { code, of } = await examined({ node: "v20.18.3" });
    assert.equal(code, 11);
    assert.match(of("node").evidence, /v20\.18\.3; package\.json asks for >=20\.19/);
  });

  it("never throws: a look that breaks is a result, and exits 13", async () => {
    rmSync(join(copy().folder, "package.json"));
    const where = (): never => {
      throw new Error("the embedded environment's file is torn");
    };
    const { code, found } = await examined({ where });
    assert.deepEqual([code, found.result], [13, "error"]);
    const broken = found.checks.filter(({ result }) => result === "error").map(({ name }) => name);
    assert.deepEqual(broken, ["environment", "node", "pulumi"]);
  });
});
