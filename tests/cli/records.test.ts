import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schemas } from "../../cli/json/verbs";
import { verify } from "../../cli/log";
import { convert, show, type Conversion } from "../../cli/records";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import { BadStore } from "../../records/store";
import { openStore } from "../../records/stores";
import type { StoreName } from "../../release/store-names";
import { deploy, intend, rollbackBegun } from "./deployed";
import { freshCopies } from "./project";

describe("rewind records", () => {
  const copy = freshCopies();
  const records = () => join(copy().folder, ".rewind", "records");
  const journalFile = () => join(records(), "staging.jsonl");
  const log = () => readStack(copy().where).log;
  const to = (backend: StoreName, more: Partial<Conversion> = {}) =>
    convert(copy().where, { to: backend, switches: true, ...more });
  const level = () => openStore({ store: "leveldb", folder: records() });
  const refused = (pattern: RegExp, kind: string) => (error: unknown) =>
    error instanceof Refusal && error.kind === kind && pattern.test(error.message);
  /** Sets what another project or another person sets, for one piece of work. */
  const withStore = async <T>(value: string, work: () => T | Promise<T>): Promise<T> => {
    process.env.REWIND_STORE = value;
    try {
      return await work();
    } finally {
      delete process.env.REWIND_STORE;
    }
  };

  it("L5 · shows the store, who chose it, and what is in it", async () => {
    const empty = await show(copy().where);
    assert.deepEqual([empty.json.store, empty.json.chosenBy, empty.json.journals], ["json", "default", []]);
    deploy(copy(), "v1.2.0");
    const { json, text } = await show(copy().where);
    schemas["records show"]!.parse(json);
    assert.deepEqual(
      json.journals.map(({ name, lines }) => [name, lines]),
      [["staging", 2]],
    );
    assert.match(text, /^staging: json, .*records \(default\)\n {2}journal staging: 2 lines, \d+ bytes$/);
    const other = await withStore("leveldb:elsewhere", () => show(copy().where));
    assert.deepEqual([other.json.store, other.json.chosenBy, other.json.journals], ["leveldb", "REWIND_STORE", []]);
    assert.equal(other.json.location, join(copy().folder, "elsewhere", "leveldb"));
  });

  it("L5 · converts to LevelDB: everything equal, one line of the stack file changed, the old store kept", async () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    await openStore({ store: "json", folder: records() })
      .collection("contracts")
      .write(new Map([["a", { x: 1 }]]));
    const [before, bytes, entries] = [copy().text(), readFileSync(journalFile()), log().entries()];
    const { json, text, code } = await to("leveldb");
    assert.equal(code, 0);
    schemas["records convert"]!.parse(json);
    assert.deepEqual(json.switched, ["Pulumi.staging.yaml"]);
    assert.match(text, /EQUAL.*entry by entry/);
    const lines = copy().text().split("\n");
    const added = lines.filter((line) => !before.split("\n").includes(line));
    assert.deepEqual(
      added.map((line) => line.trim()),
      ["records: { store: leveldb }"],
    );
    assert.deepEqual(lines.filter((line) => !added.includes(line)).join("\n"), before);
    assert.deepEqual(readFileSync(journalFile()), bytes);
    assert.deepEqual(log().entries(), entries);
    assert.deepEqual(log().bytes(), bytes);
    assert.deepEqual(await level().collection("contracts").get("a"), { x: 1 });
    deploy(copy(), "v1.2.0");
    assert.equal(log().entries().length, entries.length + 2);
    assert.deepEqual(readFileSync(journalFile()), bytes);
    assert.equal(verify(copy().where, {}).json.result, "sound");
  });

  it("L5 · converts back, adding to the kept file what was written since, byte for byte", async () => {
    deploy(copy(), "v1.2.0");
    const before = copy().text();
    await to("leveldb");
    deploy(copy(), "v1.2.1");
    const bytes = log().bytes();
    const { json } = await to("json");
    assert.deepEqual(readFileSync(journalFile()), bytes);
    assert.equal(json.to.store, "json");
    assert.ok(!copy().text().includes("records:"));
    assert.equal(copy().text(), before.replace(/^( *rewind:release: ).*$/m, "$1v1.2.1"));
    await assert.rejects(to("json"), refused(/already/, "refused"));
  });

  it("L5 · refuses while a rollback or a deployment is under way", async () => {
    deploy(copy(), "v1.2.1");
    const { id } = log().append(rollbackBegun("v1.2.0", { host: "elsewhere", pid: 1 }));
    await assert.rejects(to("leveldb"), refused(/rollback of staging/, "locked"));
    log().append({ kind: "rollback-end", of: id, result: "refused", milliseconds: 1, parts: {} });
    intend(copy(), "v1.2.1");
    await assert.rejects(to("leveldb"), refused(/has no outcome yet/, "locked"));
    assert.ok(!existsSync(join(records(), "leveldb")));
  });

  it("L5 · refuses a store that holds something else, and changes nothing", async () => {
    deploy(copy(), "v1.2.0");
    await level().journal("staging").append(Buffer.from("something else\n"), 0);
    const before = copy().text();
    await assert.rejects(
      to("leveldb"),
      refused(/holds what .* does not: the journal staging from line 1 on/, "refused"),
    );
    assert.equal(copy().text(), before);
    assert.equal(String(await level().journal("staging").read()), "something else\n");
  });

  it("L5 · goes on with a conversion that was killed half-way, before or after the switch of some", async () => {
    deploy(copy(), "v1.2.0");
    const bytes = readFileSync(journalFile());
    await level().journal("staging").append(bytes.subarray(0, 100), 0);
    assert.equal((await to("leveldb")).code, 0);
    assert.deepEqual(log().bytes(), bytes);
  });

  it("L5 · takes the switch back when somebody wrote to the old store meanwhile", async () => {
    deploy(copy(), "v1.2.0");
    const before = copy().text();
    const old = log();
    const watching = setInterval(() => {
      if (copy().text() === before) return;
      clearInterval(watching);
      old.append({ kind: "hold", release: "v1.1.0", reason: "in between" });
    }, 1);
    await assert.rejects(to("leveldb"), refused(/are not equal: the journal staging from line 3 on/, "locked"));
    assert.equal(copy().text(), before);
    assert.equal(log().entries().length, 3);
    assert.equal((await to("leveldb")).code, 0);
    assert.equal(log().entries().length, 3);
  });

  it("L5 · only copies and compares where it is to leave the stack file alone", async () => {
    deploy(copy(), "v1.2.0");
    const before = copy().text();
    const { json } = await to("leveldb", { switches: false });
    assert.deepEqual([json.switched, copy().text()], [[], before]);
    assert.deepEqual(await level().journal("staging").read(), readFileSync(journalFile()));
  });

  it("L5 · leaves every other stack's file and journal alone", async () => {
    const prod = join(copy().folder, "Pulumi.prod.yaml");
    const gone = join(copy().folder, "Pulumi.gone.yaml");
    deploy(copy(), "v1.2.0");
    for (const file of [prod, gone]) cpSync(copy().file, file);
    cpSync(journalFile(), join(records(), "prod.jsonl"));
    cpSync(journalFile(), join(records(), "gone.jsonl"));
    writeFileSync(
      gone,
      readFileSync(gone, "utf8").replace(/^( *)rewind:environment:\n/m, "$&$1  records: {store: leveldb}\n"),
    );
    await level().journal("gone").append(Buffer.from("went on\n"), 0);
    const { json } = await to("leveldb");
    assert.deepEqual(json.switched, ["Pulumi.staging.yaml"]);
    assert.deepEqual(
      json.journals.map(({ name }) => name),
      ["staging"],
    );
    assert.doesNotMatch(readFileSync(prod, "utf8"), /leveldb/);
    assert.equal(readStack({ folder: copy().folder, stack: "prod" }).log.entries().length, 2);
    assert.equal(String(await level().journal("gone").read()), "went on\n");
  });

  it("L5 · is not switched behind REWIND_STORE, which comes before the stack file", async () => {
    deploy(copy(), "v1.2.0");
    await withStore("leveldb", async () => {
      assert.deepEqual(log().entries(), []);
      await assert.rejects(to("json"), refused(/REWIND_STORE names the store/, "refused"));
    });
    const bad = "postgresql://me:hunter2@db/x";
    await withStore(bad, () => {
      assert.throws(log, (error) => error instanceof BadStore && !error.message.includes("hunter2"));
    });
    for (const each of ["sqlite", "json:", "postgresql:lower"])
      await withStore(each, () => {
        assert.throws(log, BadStore);
      });
  });

  it("L5 · refuses a store that the stack file cannot name, with what it may", () => {
    const before = copy().text();
    const put = (value: string) => {
      writeFileSync(copy().file, before.replace(/^( *)rewind:environment:\n/m, `$&$1  records: ${value}\n`));
    };
    for (const [value, expected] of [
      [
        "{ store: sqlite }",
        /environment\.records: expected a folder, or a store such as .*; there are json, leveldb, postgresql$/,
      ],
      ["{ store: leveldb, url: X }", /environment\.records\.url: /],
      ["{ store: postgresql, url: 'postgresql://me:hunter2@db/x' }", /environment\.records\.url: [^@]+$/],
      ["/absolute", /environment\.records: expected a path inside the project/],
    ] as const) {
      put(value);
      assert.throws(log, expected, value);
    }
    put("kept/records");
    assert.equal(log().location, join(copy().folder, "kept", "records", "staging.jsonl"));
    put("{ store: leveldb, folder: kept }");
    assert.equal(log().location, `${join(copy().folder, "kept", "leveldb")}, staging`);
    assert.equal(log().folder, join(copy().folder, "kept"));
  });

  it("L5 · names a connection that cannot be had without saying what stands in it", async () => {
    const before = copy().text();
    writeFileSync(
      copy().file,
      before.replace(/^( *)rewind:environment:\n/m, "$&$1  records: { store: postgresql, url: NEVER_SET_RECORDS }\n"),
    );
    await assert.rejects(show(copy().where), /PostgreSQL at \$NEVER_SET_RECORDS: it is not set/);
    assert.throws(() => log().entries(), /PostgreSQL at \$NEVER_SET_RECORDS: it is not set/);
    process.env.NEVER_SET_RECORDS = "postgresql://me:hunter2@127.0.0.1:1/x";
    try {
      await assert.rejects(show(copy().where), (error: Error) => {
        return error.message.includes("cannot be reached: ECONNREFUSED") && !/hunter2|127\.0/.test(error.message);
      });
    } finally {
      delete process.env.NEVER_SET_RECORDS;
    }
  });

  it("L5 · opens a store that was moved to another folder, whole", async () => {
    deploy(copy(), "v1.2.0");
    const entries = log().entries();
    await to("leveldb");
    renameSync(records(), join(copy().folder, "moved"));
    assert.deepEqual(await withStore("leveldb:moved", () => log().entries()), entries);
  });
});
