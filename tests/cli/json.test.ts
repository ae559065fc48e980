import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Command } from "commander";
import { archive } from "../../cli/archive";
import type { Kit } from "../../cli/commands/kit";
import { diff } from "../../cli/diff";
import { doctor } from "../../cli/doctor";
import { history } from "../../cli/history";
import { schemaFiles, schemas } from "../../cli/json/verbs";
import { plan, whyNot } from "../../cli/plan";
import { programOf } from "../../cli/program";
import { addRelease } from "../../cli/release-add";
import { listReleases, showRelease } from "../../cli/release-list";
import { Refusal, type VerbResult } from "../../cli/result";
import { schema } from "../../cli/schema";
import { readStack } from "../../cli/stack-file";
import { listKnownGood, showLog, status } from "../../cli/status";
import { stop } from "../../cli/stop";
import type { Draft } from "../../records/log";
import { project } from "../release/stack-files";
import { assertDocumented } from "./documented";
import { freshCopies } from "./project";
import { deploy } from "./deployed";

const nobody = (): never => assert.fail("no verb is run");
const kit: Kit = { tell: nobody, finish: nobody, heeded: nobody, choose: nobody, confirmed: nobody };

/** Every verb that can be typed, with the words that lead to it. */
function verbsOf(command: Command, words: readonly string[] = []): { name: string; command: Command }[] {
  const own = [...words, ...(words.length === 0 && command.parent === null ? [] : [command.name()])];
  const below = command.commands.flatMap((each) => verbsOf(each, own));
  // The log is a verb, and has some.
  return below.length === 0 || own.join(" ") === "log" ? [{ name: own.join(" "), command }, ...below] : below;
}

/** Every schema of an object with named properties, wherever it stands in another. */
function objectsIn(value: unknown): Readonly<Record<string, unknown>>[] {
  if (typeof value !== "object" || value === null) return [];
  const found = Object.values(value).flatMap(objectsIn);
  return "type" in value && value.type === "object" && "properties" in value ? [{ ...value }, ...found] : found;
}

describe("what the verbs print with --json", () => {
  const copy = freshCopies();
  const append = (draft: Draft) => readStack(copy().where).log.append(draft);
  const deployed = (release: string): string => {
    const check = { name: "health", result: "passed", evidence: "200", milliseconds: 3, attempts: 1 } as const;
    return deploy(copy(), release, { checks: [check] });
  };
  const documented = (verb: string, { json }: VerbResult): void => {
    const printed = JSON.stringify(json);
    assert.ok(schemas.refusal?.safeParse(JSON.parse(printed)).success !== true, "a verb's own answer");
    assertDocumented(verb.split(" "), printed);
  };

  it("has a schema for every verb that takes --json, and for no other", () => {
    const taking = verbsOf(programOf(kit)).filter(({ command }) =>
      command.options.some(({ long }) => long === "--json"),
    );
    assert.ok(taking.length > 30);
    assert.deepEqual(
      taking.map(({ name }) => name).toSorted(),
      Object.keys(schemas)
        .filter((name) => name !== "refusal")
        .toSorted(),
    );
  });

  it("stands in docs/json as the schemas say it: npm run schema", () => {
    const folder = join(project, "docs", "json");
    const files = schemaFiles();
    assert.deepEqual(
      readdirSync(folder)
        .filter((name) => name !== "README.md")
        .toSorted(),
      [...files.keys()].toSorted(),
    );
    for (const [name, text] of files) assert.equal(readFileSync(join(folder, name), "utf8"), text, name);
  });

  it("is JSON Schema of draft 2020-12, with no object that lets unknown keys through", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: false });
    for (const [name, text] of schemaFiles()) {
      const parsed = JSON.parse(text) as { $schema: string };
      assert.equal(parsed.$schema, "https://json-schema.org/draft/2020-12/schema");
      assert.equal(typeof ajv.compile(parsed), "function", name);
      for (const object of objectsIn(parsed)) assert.equal(object.additionalProperties, false, name);
    }
  });

  it("of the verbs that need no engine is what their schemas say", async () => {
    const first = deployed("v1.2.0");
    const second = deployed("v1.2.1");
    const { where, folder } = copy();
    documented("status", status(where));
    documented("known-good", listKnownGood(where));
    documented("history", history(where, { entries: [], limit: 1 }));
    documented("history", history(where, { entries: [first], limit: 1 }));
    documented("history", history(where, { entries: [first, second], limit: 1 }));
    documented("plan", plan(where, undefined, "full"));
    documented("diff", await diff(where, { rows: 20 }));
    documented("diff", await diff(where, { from: "v1.2.1", to: "v1.1.0", rows: 1 }));
    documented("release list", listReleases(where));
    documented("release show", showRelease(where, "v1.2.0"));
    documented(
      "doctor",
      await doctor({ folder, where: () => where, now: new Date(), pulumi: () => Promise.reject(new Error("none")) }),
    );
    append({ kind: "hold", release: "v1.2.0", reason: "slow" });
    documented("why-not", whyNot(where, "v1.2.0", "full"));
    documented("stop", stop(where, "stop", "corrupt data"));
    documented("status", status(where));
    documented("start", stop(where, "start", "mended"));
    documented("release archive", archive(where, 1));
    const lists = { images: [], builds: [], rowFiles: [], values: [], removed: [] };
    const whole = { from: undefined, schema: undefined, file: undefined, baseline: undefined, pin: false };
    documented("release add", addRelease(where, { id: "v1.3.0", description: "another", ...lists, ...whole }));
  });

  it("of the log is every kind of entry", () => {
    const deployment = deployed("v1.2.1");
    const pin = { release: "v1.2.1", pins: {} };
    const digest = `sha256:${"a".repeat(64)}`;
    const { id } = append({
      kind: "rollback",
      from: "v1.2.1",
      to: "v1.2.0",
      level: "full",
      plan: digest,
      before: pin,
      ran: pin,
      skipped: ["functions/score_prism"],
      runner: { host: hostname(), pid: 1 },
    });
    append({ kind: "rollback-end", of: id, result: "passed", deployment, milliseconds: 1, parts: { backup: 1 } });
    append({ kind: "unhold", release: "v1.2.0", reason: "mended" });
    append({ kind: "toggle", toggle: "AUTOPILOT_WORKER_DISABLED", value: true, reason: "runaway" });
    append({ kind: "audit", act: "publish", what: "web: sha256:1 into scoring-frontend" });
    append({ kind: "rotation", identity: "application", step: "begun", from: "A", to: "B", reason: "leaked" });
    append({ kind: "data", act: "clean", step: "finished", run: id, table: "app.profiles", count: 3 });
    append({ kind: "stop", reason: "corrupt data" });
    documented("log", showLog(copy().where, 50));
  });

  it("is typed by schemas that no verb waits for: all but rewind schema import them as types alone", () => {
    const folder = join(project, "cli");
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".ts") && each !== "schema.ts")) {
      for (const [line] of readFileSync(join(folder, name), "utf8").matchAll(/^.*"\.\/json\/.*$/gm)) {
        assert.match(line, /^(?:import type \{|\} from)/, `${name}: ${line}`);
      }
    }
  });

  it("is printed by rewind schema, without a stack or an engine; of an unknown verb it says which there are", () => {
    const rewind = (...args: string[]): string =>
      execFileSync(process.execPath, [join(project, "cli", "rewind.js"), ...args], { encoding: "utf8", cwd: "/" });
    assert.equal(rewind("schema", "release", "list"), schemaFiles().get("release-list.schema.json"));
    assert.throws(
      () => schema("nonsense"),
      (error) => error instanceof Refusal && error.next.includes("can-rollback, doctor"),
    );
  }).timeout(20_000);
});
