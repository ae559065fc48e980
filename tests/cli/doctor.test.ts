import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { doctor, type Patient } from "../../cli/doctor";
import type { RunPulumi } from "../../cli/engine-checks";
import { history } from "../../cli/history";
import { status } from "../../cli/status";
import type { Where } from "../../cli/stack";
import { readStack } from "../../cli/stack-file";
import { project } from "../release/stack-files";
import { standInServer, type StandIn } from "../rows/stand-in-server";
import { rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

const well: RunPulumi = ([verb]) =>
  verb === "version" ? Promise.resolve("v3.256.0\n") : Promise.reject(new Error("no stack is selected"));

describe("the doctor", () => {
  const copy = freshCopies();
  /** The stack with its database at a port of this machine. */
  const withDatabaseAt = (port: number, host = "127.0.0.1") => {
    const text = copy().text();
    const there = /host: \S+\n( +)port: \d+\n((?: +#.*\n)*) +sslmode: [\w-]+\n(?= +administrator)/;
    const sslmode = host === "127.0.0.1" ? "disable" : "verify-full";
    assert.match(text, there);
    writeFileSync(copy().file, text.replace(there, `host: ${host}\n$1port: ${port}\n$1sslmode: ${sslmode}\n`));
  };
  beforeEach(() => {
    writeFileSync(join(copy().folder, "package.json"), readFileSync(join(project, "package.json"), "utf8"));
    // No test asks the outside.
    withDatabaseAt(1);
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

  let server: StandIn | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  it("finds nothing wrong with a stack that nothing is wrong with, and leaves nothing behind", async () => {
    const before = readdirSync(copy().folder).sort();
    server = await standInServer({ password: true });
    withDatabaseAt(server.port);
    const { code, text, found, of } = await examined();
    assert.deepEqual([code, found.stack, found.result], [0, "staging", "passed"], text);
    assert.match(of("stack file").evidence, /staging, pins v1\.2\.1, \d releases/);
    assert.match(of("log folder").evidence, /is yet to be made/);
    assert.match(of("git").evidence, /not a checkout/);
    assert.match(text, /^ {2}✓ node /m);
    assert.deepEqual(readdirSync(copy().folder).sort(), before);
  });

  it("finds the log of a stack that was renamed, and says how it comes back", async () => {
    readStack(copy().where).log.append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    const { folder } = copy();
    renameSync(copy().file, join(folder, "Pulumi.fresh.yaml"));
    const { code, of } = await examined({ where: () => ({ folder, stack: "fresh" }) });
    assert.equal(code, 11);
    assert.match(of("renamed stack").evidence, /^fresh has no log, and there is one of staging without a stack file/);
    const command = "pulumi stack rename staging --stack fresh, if it was staging before";
    assert.equal(of("renamed stack").next, command);
    const fresh = { folder, stack: "fresh" };
    const asked = status(fresh);
    assert.match(asked.text, /^Log: +fresh has no log, and there is one of staging without a stack file/m);
    assert.equal(asked.json.next, `${command}; else pulumi up, nothing was applied yet`);
    const past = history(fresh, { entries: [], limit: 10 });
    assert.match(past.text, /^fresh has no log, and there is one of staging without a stack file/);
    assert.ok(past.text.endsWith(`\nNext: ${command}; else pulumi up`));
  });

  it("says nothing of a rename where every log has its stack, as status and history do not", async () => {
    const { folder } = copy();
    readStack(copy().where).log.append({ kind: "hold", release: "v1.2.0", reason: "leaks" });
    copyFileSync(copy().file, join(folder, "Pulumi.fresh.yaml"));
    const fresh = { folder, stack: "fresh" };
    assert.equal((await examined({ where: () => fresh })).of("renamed stack").result, "passed");
    assert.doesNotMatch(status(fresh).text, /has no log/);
    assert.equal(
      history(fresh, { entries: [], limit: 10 }).text,
      "Nothing was deployed to fresh yet.\nNext: pulumi up",
    );
  });

  it("says that values of Pulumi ESC are known to pulumi alone, and so does the status", async () => {
    assert.doesNotMatch(status(copy().where).text, /ESC/);
    writeFileSync(copy().file, `environment: [team/rewind]\n${copy().text()}`);
    const words = "imports team/rewind from Pulumi ESC, whose values only pulumi knows";
    assert.ok((await examined()).of("stack file").evidence.endsWith(`; ${words}`));
    assert.match(status(copy().where).text, new RegExp(`^Stack file: ${words}$`, "m"));
  });

  it("names a pooler, without a password, and what it must be set to", async () => {
    server = await standInServer({ refuses: ["statement_timeout"], password: true });
    withDatabaseAt(server.port);
    const { code, of } = await examined();
    assert.deepEqual([code, of("pooler").result], [0, "inconclusive"]);
    assert.match(of("pooler").evidence, /^127\.0\.0\.1:\d+ is a pooler; Rewind works with it in session mode only$/);
    assert.match(of("pooler").next ?? "", /^set pool_mode = session and ignore_startup_parameters/);
  });

  it("names a service's pooler in transaction mode by its address", async () => {
    withDatabaseAt(6543, "aws-0-eu-central-1.pooler.supabase.com");
    const { code, of } = await examined();
    assert.deepEqual([code, of("pooler").result], [11, "failed"]);
    assert.match(of("pooler").evidence, /Supabase's pooler, which shares server processes/);
    assert.equal(of("pooler").next, "use port 5432, its session mode, instead of 6543");
  });

  it("says that a database does not answer, which is no illness of this machine", async () => {
    withDatabaseAt(1);
    const { code, of } = await examined();
    assert.deepEqual([code, of("pooler").result], [0, "inconclusive"]);
    assert.match(of("pooler").evidence, /^127\.0\.0\.1:1 does not answer: /);
  });

  it("works without an engine, and says what to do for one", async () => {
    const missing: RunPulumi = () => Promise.reject(Object.assign(new Error("spawn"), { code: "ENOENT" }));
    const { code, text, of } = await examined({ pulumi: missing });
    assert.equal(code, 11);
    assert.match(text, /✗ pulumi +no pulumi is on the PATH\n +Next: rewind local up/);
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
    assert.match(evidence, /Pulumi\.staging\.yaml:\d+ verificaton: no such key/);
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
      /^1 entry in .*; line 1 is changed: its bytes are not what was written$/,
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
    assert.match(text, /Next: rewind unhold v1\.2\.1 --reason/);
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
