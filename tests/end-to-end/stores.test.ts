import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "pg";
import type { LogVerifyJson } from "../../cli/json/history";
import type { RecordsConvertJson } from "../../cli/json/records";
import type { ReportJson } from "../../cli/json/rollback";
import { openLogAt } from "../../records/open-log";
import { deployments } from "../../records/state";
import { openStore, type Place } from "../../records/stores";
import { inlineRows } from "../../release/rows";
import type { Release } from "../../release/schema/release";
import { describeLogIn } from "../records/log-suite";
import { describeStore } from "../records/store-suite";
import { fixtureFor, stack as stackName, type Fixture } from "./fixture";
import { configOf, edit } from "./stack-edits";

const variable = "REWIND_STORE_URL";
const place: Place = { store: "postgresql", variable };
const database = "rewind_records";

describe("records on a real PostgreSQL server", function () {
  let stack: Fixture;
  let url = "";
  const urlOf = (name: string): string => {
    const { host, port, user, password } = stack.environment.postgres;
    return `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${name}`;
  };
  const ask = async <T extends object>(sql: string, at = url): Promise<T[]> => {
    const client = new Client({ connectionString: at });
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const empty = async (): Promise<Place> => {
    await ask("drop schema if exists rewind cascade");
    return place;
  };
  const inRewind = async (): Promise<unknown> => {
    const [{ made } = { made: false }] = await ask<{ made: boolean }>(
      "select to_regclass('rewind.format') is not null as made",
    );
    if (!made) return [];
    const all = "select collection, key, record::text from rewind.records order by 1, 2";
    return [
      await ask("select * from rewind.format"),
      await ask("select * from rewind.journals order by 1, 2"),
      await ask(all),
    ];
  };
  before(async function () {
    stack = await fixtureFor(this);
    await ask(`drop database if exists ${database} with (force)`, urlOf("postgres"));
    await ask(`create database ${database}`, urlOf("postgres"));
    url = urlOf(database);
    process.env[variable] = url;
    stack.variables[variable] = url;
  });
  after(async () => {
    Reflect.deleteProperty(process.env, variable);
    Reflect.deleteProperty(stack.variables, variable);
    await ask(`drop database if exists ${database} with (force)`, urlOf("postgres"));
  });

  describeStore("PostgreSQL", {
    place: empty,
    age: async () => {
      await ask("update rewind.format set version = 2");
    },
    image: inRewind,
  });
  describeLogIn("PostgreSQL", empty);

  it("L5 · are made once, however many come first", async () => {
    await empty();
    const stores = Array.from({ length: 6 }, () => openStore(place));
    await Promise.all(stores.map((store, at) => store.collection("contracts").write(new Map([[`${at}`, at]]))));
    const found: string[] = [];
    for await (const [key] of openStore(place).collection("contracts").entries()) found.push(key);
    assert.deepEqual(found, ["0", "1", "2", "3", "4", "5"]);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("L5 · say what is wrong with the server, and nothing of the connection string", async () => {
    const { host, port, user, password } = stack.environment.postgres;
    const wrong = {
      password: `postgresql://${user}:wr0ng-password@${host}:${port}/${database}`,
      database: `postgresql://${user}:${password}@${host}:${port}/nowhere-at-all`,
      form: `postgresql://${user}:${password}/no-host@${host}:${port}/x`,
    };
    for (const [name, string] of Object.entries(wrong)) {
      process.env.WRONG_STORE_URL = string;
      const store = openStore({ store: "postgresql", variable: "WRONG_STORE_URL" });
      await assert.rejects(store.journals(), (error: Error) => {
        assert.match(
          error.message,
          /^PostgreSQL at \$WRONG_STORE_URL cannot be reached: [A-Z0-9_]+$|no connection$/,
          name,
        );
        for (const part of [password, "wr0ng", "nowhere", "no-host"]) assert.ok(!error.message.includes(part), name);
        return true;
      });
      await store.close();
    }
    Reflect.deleteProperty(process.env, "WRONG_STORE_URL");
  });

  describe("with a stack deployed on it", () => {
    before(async () => {
      await empty();
      await stack.empty();
      stack.variables.REWIND_STORE = "postgresql";
    });
    after(async () => {
      Reflect.deleteProperty(stack.variables, "REWIND_STORE");
      rmSync(join(dirname(stack.logFile), "leveldb"), { recursive: true, force: true });
      await stack.empty();
    });
    const verified = async (): Promise<LogVerifyJson> => {
      const { code, stdout, output } = await stack.rewind("log", "verify", "--json");
      assert.equal(code, 0, output);
      return JSON.parse(stdout) as LogVerifyJson;
    };
    const entries = () => openLogAt(place, stackName, String).entries();

    it("L5 · the gates write their entries there, and leave no file", async () => {
      const { output } = await stack.up();
      assert.match(output, /deployment log: PostgreSQL at \$REWIND_STORE_URL, test\S* entry /);
      assert.ok(!existsSync(stack.logFile));
      assert.deepEqual(
        entries().map(({ kind }) => kind),
        ["intent", "outcome"],
      );
      assert.deepEqual([(await verified()).result, (await verified()).chained], ["sound", 2]);
      for (const secret of await stack.secrets()) assert.ok(!output.includes(secret));
    });

    it("L5 · a rollback is recorded there from the request to the report, and history reads it", async () => {
      const { code, output } = await stack.rewind("rollback", "v1.2.0", "--yes", "--reason", "the store");
      assert.equal(code, 0, output);
      const kinds = entries().map(({ kind }) => kind);
      for (const kind of ["rollback", "intent", "outcome", "rollback-end"]) assert.ok(kinds.includes(kind as "intent"));
      assert.equal(deployments(entries()).at(-1)?.outcome?.result, "passed");
      assert.equal((await verified()).result, "sound");
      const report = await stack.rewind("report", "--json");
      assert.equal((JSON.parse(report.stdout) as ReportJson).why, "the store");
      assert.ok(!existsSync(stack.logFile));
    });

    it("a machine that has neither the rows nor the records of another rolls back what that one applied", async () => {
      const before = readFileSync(stack.stackFile, "utf8");
      const rows = "rewind:releases/v1.2.1/config/scoring_config/rows";
      const pinned = configOf(stack)["rewind:releases"] as unknown as Record<string, Release>;
      edit(stack, [
        rows,
        [...(inlineRows(pinned["v1.2.1"]?.config?.scoring_config) ?? []), { key: "extra", value: 1 }],
      ]);
      stack.pin("v1.2.1");
      await stack.up();
      const folder = mkdtempSync(join(tmpdir(), "rewind-other-machine-"));
      try {
        const other = stack.clone(folder);
        const refreshed = await other.pulumi(["refresh", "--yes", "--skip-preview"]);
        assert.equal(refreshed.code, 0, refreshed.output);
        const { code, output } = await other.rewind("rollback", "v1.2.0", "--yes", "--reason", "from another machine");
        assert.equal(code, 0, output);
        assert.deepEqual(await stack.query("select from app.scoring_config where key = 'extra'"), []);
      } finally {
        rmSync(folder, { recursive: true });
        writeFileSync(stack.stackFile, before);
      }
    });

    it("L5 · an update that is cut off still writes its outcome", async () => {
      stack.pin("v1.2.1");
      const before = entries().length;
      let watching: NodeJS.Timeout | undefined;
      const { code, output } = await stack.rewindHeard(
        (_, pid) => {
          watching ??= setInterval(() => {
            if (
              !entries()
                .slice(before)
                .some(({ kind }) => kind === "intent")
            )
              return;
            clearInterval(watching);
            process.kill(pid, "SIGINT");
          }, 100);
        },
        ...["rollback", "v1.2.1", "--yes", "--reason", "to be cut off"],
      );
      assert.notEqual(code, 0, output);
      const since = entries().slice(before);
      const intents = since.flatMap((entry) => (entry.kind === "intent" ? [entry.id] : []));
      const outcomes = since.flatMap((entry) => (entry.kind === "outcome" ? [entry.of] : []));
      assert.ok(intents.length > 0);
      for (const intent of intents) assert.ok(outcomes.includes(intent), output);
      assert.equal((await verified()).result, "sound");
    });

    it("L5 · everything is converted into LevelDB, proved equal, and goes on there", async () => {
      await stack.rewind("abort", "--yes");
      stack.pin("v1.2.0");
      await stack.up();
      const bytes = openLogAt(place, stackName, String).bytes();
      const { code, stdout, output } = await stack.rewind(
        "records",
        "convert",
        "--to",
        "leveldb",
        "--no-switch",
        "--json",
      );
      assert.equal(code, 0, output);
      const converted = JSON.parse(stdout) as RecordsConvertJson;
      assert.deepEqual([converted.from.store, converted.to.store, converted.switched], ["postgresql", "leveldb", []]);
      stack.variables.REWIND_STORE = "leveldb";
      const folder = dirname(stack.logFile);
      assert.deepEqual(openLogAt({ store: "leveldb", folder }, stackName, String).bytes(), bytes);
      const { code: again, output: said } = await stack.rewind("rollback", "v1.2.1", "--yes", "--reason", "there");
      assert.equal(again, 0, said);
      assert.equal((await verified()).result, "sound");
      assert.equal(Buffer.compare(openLogAt(place, stackName, String).bytes(), bytes), 0);
      assert.ok(!existsSync(stack.logFile));
      assert.ok(!readFileSync(stack.stackFile, "utf8").includes("leveldb"));
    });
  });
});
