import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { archive, countToMove } from "../../cli/archive";
import { withCatalogue } from "../../cli/catalogue-file";
import { diff, diffOf } from "../../cli/diff";
import { addRelease, type AddOptions } from "../../cli/release-add";
import { listReleases, showRelease } from "../../cli/release-list";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import { plan } from "../../cli/plan";
import { status } from "../../cli/status";
import { sealed } from "../../release/baseline";
import { engineBytes } from "../../release/size";
import { openFileLog } from "../../records/log";
import type { Pin } from "../../records/entry";
import { deploy } from "./deployed";
import { freshCopies } from "./project";

const digest = `sha256:${"a".repeat(64)}`;
const none: Omit<AddOptions, "id"> = {
  from: undefined,
  images: [],
  builds: [],
  rowFiles: [],
  values: [],
  removed: [],
  schema: undefined,
  description: undefined,
  file: undefined,
  baseline: undefined,
  pin: false,
};
const config = (text: string) => (parse(text) as { config: Record<string, Record<string, unknown>> }).config;

describe("rewind release add", () => {
  const copy = freshCopies();
  const add = (id: string, options: Partial<AddOptions> = {}) => addRelease(copy().where, { ...none, id, ...options });

  it("writes the pinned release with its changes, and every other line of the stack file stays as it is", () => {
    const before = copy().text();
    const { code, text } = add("v1.2.3", {
      images: [`services/api=engine:v1.2.3@${digest}`],
      values: ["config.scoring_config.results_version.value=v1.2.3", "functions.score_prism.parameters.precision=3"],
      description: "Engine v1.2.3",
    });
    assert.equal(code, 0);
    assert.match(text, /Added v1\.2\.3 .* 3 changes against the pin, risk low/);
    const after = copy().text();
    const kept = after.split("\n");
    let at = 0;
    for (const line of before.split("\n")) {
      at = kept.indexOf(line, at);
      assert.ok(at >= 0, `lost: ${line}`);
      at += 1;
    }
    const { releases } = readStack(copy().where).settings;
    assert.equal(releases.get("v1.2.3")?.services?.api?.image, `engine:v1.2.3@${digest}`);
    assert.equal(config(after)["rewind:release"], "v1.2.1");
  });

  it("then differs from what it was made of by exactly the changes given", async () => {
    add("v1.2.3", { values: ["config.scoring_config.fc_share.value=0.4", "toggles.CORRELATION_ID_ENABLED=false"] });
    const { changes } = await diffOf(copy().where, { from: "v1.2.1", to: "v1.2.3", rows: 20 });
    assert.deepEqual(
      changes.map(({ facet, entry, rows, values }) => [facet, entry, rows?.shown.map(({ key }) => key), values]),
      [
        ["config", "scoring_config", ["fc_share"], []],
        ["toggles", "CORRELATION_ID_ENABLED", undefined, [{ path: "", before: true, after: false }]],
      ],
    );
  });

  it("keeps texts as texts for every YAML parser: a date in quotes", () => {
    add("v1.2.3");
    assert.match(copy().text(), /v1\.2\.3:[\s\S]*Version: "2012-10-17"/);
  });

  it("takes a part of a release from a file, rows by key, null for what goes, and the pin along", () => {
    const file = join(copy().folder, "changes.yaml");
    writeFileSync(
      file,
      "config: {scoring_config: {rows: [{key: fc_share, value: 0.5}, {key: new, value: 1}]}}\ntoggles: {CORRELATION_ID_ENABLED: null}\n",
    );
    add("v1.2.3", { file, removed: ["config.scoring_config.prism_weights"], pin: true });
    const { settings } = readStack(copy().where);
    assert.equal(settings.release, "v1.2.3");
    const { config: tables, toggles } = settings.releases.get("v1.2.3")!;
    const { rows } = tables!.scoring_config as { rows: { key: string; value: unknown }[] };
    assert.deepEqual(
      rows.map(({ key, value }) => [key, value]),
      [
        ["results_version", "v1.2.1"],
        ["fc_share", 0.5],
        ["new", 1],
      ],
    );
    assert.deepEqual(Object.keys(toggles ?? {}), ["AUTOPILOT_WORKER_DISABLED"]);
  });

  const baselineOf = (count: number, stack = "staging"): string => {
    const file = join(copy().folder, "baseline.json");
    const rows = Array.from({ length: count }, (_, at) => ({ key: `key${at}`, value: at, updated_at: "2025-09-17" }));
    const known = [{ key: "results_version", value: "v1.2.1", updated_at: "2025-09-17" }, ...rows];
    const contents: Parameters<typeof sealed>[0] = {
      format: "rewind-baseline",
      version: 1,
      stack,
      at: "2025-09-17T03:30:00.000Z",
      release: "v1.2.1",
      pins: {},
      config: { scoring_config: { schema: "app", rows: known } },
      services: {},
      functions: {},
      policies: {},
    };
    writeFileSync(file, JSON.stringify(sealed(contents)));
    return file;
  };

  it("S3 · has exactly the configuration rows of a baseline, and the columns that releases pin", () => {
    add("v1.2.3", { baseline: baselineOf(2) });
    const { settings } = readStack(copy().where, ["v1.2.3"]);
    const { config: tables, services } = settings.releases.get("v1.2.3")!;
    assert.deepEqual(tables, {
      scoring_config: {
        rows: [
          { key: "results_version", value: "v1.2.1" },
          { key: "key0", value: 0 },
          { key: "key1", value: 1 },
        ],
      },
    });
    assert.deepEqual(services, settings.releases.get("v1.2.1")?.services);
  });

  it("S3 · has the rows of a large baseline in a row file, by its digest", () => {
    const baseline = baselineOf(300);
    add("v1.2.3", { baseline });
    const { settings } = readStack(copy().where, ["v1.2.3"]);
    const pinned = settings.releases.get("v1.2.3")!.config!.scoring_config as { file: string; digest: string };
    const bytes = readFileSync(join(copy().folder, pinned.file));
    assert.equal(pinned.file, "rows/v1.2.3-scoring_config.jsonl");
    assert.equal(pinned.digest, `sha256:${createHash("sha256").update(bytes).digest("hex")}`);
    writeFileSync(join(copy().folder, "rows/v1.2.4-scoring_config.jsonl"), "somebody's\n");
    assert.throws(
      () => add("v1.2.4", { baseline }),
      /v1\.2\.4-scoring_config\.jsonl is there already, with other rows/,
    );
  });

  it("S3 · is not made of another stack's baseline, nor of none", () => {
    const before = copy().text();
    const other = baselineOf(1, "prod");
    assert.throws(() => add("v1.2.3", { baseline: other }), /it was taken of the stack prod\nNothing was written/);
    assert.throws(() => add("v1.2.3", { baseline: join(copy().folder, "none.json") }), /ENOENT/);
    assert.equal(copy().text(), before);
  });

  const refusals: readonly [string, Partial<AddOptions> & { id?: string }, RegExp][] = [
    ["an id that exists", { id: "v1.2.0" }, /there is a release v1\.2\.0 already/],
    ["an id that differs by capitals alone", { id: "V1.2.0" }, /there is a release v1\.2\.0 already/],
    ["an image without a digest", { images: ["services/api=engine:v3"] }, /a tag floats/],
    [
      "an image for what has none",
      { images: [`config/x=engine@${digest}`] },
      /expected services\/NAME or functions\/NAME/,
    ],
    ["a service that the environment lacks", { images: [`services/x=engine@${digest}`] }, /has no such entry/],
    ["a column that the table lacks", { values: ["config.scoring_config.fc_share.x=1"] }, /no such column/],
    ["a table that the environment lacks", { values: ["config.other.a.value=1"] }, /has no table other/],
    ["a row that is not whole", { values: ["config.other.a=1"] }, /--set/],
    ["a path into nowhere", { values: ["nothing.at.all=1"] }, /expected a path such as/],
    [
      "a key that reaches for a prototype",
      { values: ["toggles.__proto__=1"] },
      /a key that no stack file may hold|no such key|variable name/,
    ],
    ["something that is not there", { removed: ["toggles.OTHER"] }, /there is no toggles\.OTHER/],
    ["a release to start from that is not there", { from: "v9" }, /no release v9 to make it from/],
    ["a value without a path", { values: ["v3"] }, /expected PATH=VALUE/],
    ["a file that is not there", { file: "/nowhere/changes.yaml" }, /--file .*no such file/],
    ["a migration that is no name", { schema: "; drop table x" }, /name of a migration/],
  ];
  for (const [what, options, words] of refusals) {
    it(`refuses ${what}, and writes nothing`, () => {
      const before = copy().text();
      assert.throws(
        () => add(options.id ?? "v1.2.3", options),
        (error: unknown) => error instanceof Refusal && words.test(error.message),
      );
      assert.equal(copy().text(), before);
      assert.deepEqual(readdirSync(join(copy().folder, "releases")), ["v1.1.0.yaml"]);
    });
  }

  it("moves older releases out when the stack file grows, never the pinned one, and nothing is lost", function () {
    this.timeout(120_000);
    const before = readStack(copy().where).settings;
    for (let count = 0; count < 25; count += 1) {
      add(`r${count}`, { from: "v1.2.1", values: [`functions.score_prism.parameters.precision=${count}`] });
    }
    const stack = readStack(copy().where, before.catalogue);
    assert.equal(stack.settings.catalogue.length, 28);
    assert.ok(stack.settings.archived.size > 0, "some moved");
    assert.ok(!stack.settings.archived.has("v1.2.1"), "the pinned one stays");
    assert.ok(Buffer.byteLength(copy().text()) < 64 * 1024);
    for (const id of before.catalogue) {
      const was = before.releases.get(id);
      if (was !== undefined) assert.deepEqual(stack.settings.releases.get(id), was);
    }
    const last = readStack(copy().where, ["r3"]).settings.releases.get("r3");
    assert.equal(last?.functions?.score_prism?.parameters?.precision, 3);
    const indexes = readdirSync(join(copy().folder, "releases")).filter((name) => name.startsWith("archive-"));
    assert.equal(indexes.length, 1, "the archives that were replaced are gone");
  });
});

describe("rewind release archive", () => {
  const copy = freshCopies();

  it("moves all but the newest to files that the stack file refers to by one digest", () => {
    const { text, json } = archive(copy().where, 1);
    assert.match(text, /Moved 2 releases/);
    assert.deepEqual(json.moved, ["v1.1.0", "v1.2.0"]);
    const { settings } = readStack(copy().where, ["v1.2.0"]);
    assert.deepEqual([...settings.archived], ["v1.1.0", "v1.2.0"]);
    assert.equal(settings.releases.get("v1.2.0")?.description, "Engine v1.2.0, FC handling v1.1");
    assert.match(copy().text(), /# The pin\. Rolling back is this line/, "comments stay");
    assert.match(archive(copy().where, 1).text, /Nothing to move/);
  });

  it("leaves a stack that can be read wherever a crash stops it: the stack file is written last", () => {
    const before = copy().text();
    archive(copy().where, 1);
    // The files are there, the stack file is still the old one: what a crash between the two leaves.
    writeFileSync(copy().file, before);
    assert.equal(readStack(copy().where).settings.archived.size, 0);
    archive(copy().where, 1);
    assert.equal(readStack(copy().where, ["v1.2.0"]).settings.archived.size, 2);
  });

  it("refuses a name under which another release lies already, and writes nothing", () => {
    const before = copy().text();
    writeFileSync(join(copy().folder, "releases", "v1.2.0.yaml"), "description: of another stack\n");
    assert.throws(() => archive(copy().where, 1), /releases\/v1\.2\.0\.yaml holds another release/);
    assert.equal(copy().text(), before);
  });

  it("keeps a release whose anchor others refer to", () => {
    writeFileSync(
      copy().file,
      copy()
        .text()
        .replace("v1.2.0:\n      description", "v1.2.0: &old\n      description")
        .replace("  rewind:environment:", "    same: *old\n\n  rewind:environment:"),
    );
    archive(copy().where, 1);
    assert.ok(!readStack(copy().where).settings.archived.has("v1.2.0"));
  });

  it("finds an archive that was tampered with", () => {
    archive(copy().where, 1);
    const folder = join(copy().folder, "releases");
    const index = readdirSync(folder).find((name) => name.startsWith("archive-"))!;
    const text = readFileSync(join(folder, index), "utf8");
    writeFileSync(
      join(folder, index),
      text.replace(/sha256:(.)/, (_, digit: string) => `sha256:${digit === "0" ? "1" : "0"}`),
    );
    assert.throws(() => readStack(copy().where), /archive\.digest: .* has sha256:[0-9a-f]{64}: it is not what it was/);
  });

  it("finds a release in a file that was tampered with, when it is asked for", () => {
    archive(copy().where, 1);
    const file = join(copy().folder, "releases", "v1.2.0.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("FC handling v1.1", "FC handling v1.3"));
    assert.throws(() => readStack(copy().where, ["v1.2.0"]), /releases\.v1\.2\.0\.digest: .*not the release it was/);
    assert.ok(existsSync(file));
  });
});

describe("the releases that make room", () => {
  const record = fc.record({ description: fc.string({ maxLength: 40 }) });

  it("are the fewest of the oldest with which the configuration fits, or all of them", () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 100, max: 3_000 }),
        (all, limit) => {
          const releases = Object.fromEntries(all.map((each, at) => [`v${at}`, each]));
          const ids = Object.keys(releases);
          const config = { "rewind:release": "v0", "rewind:releases": releases };
          const archive = { file: "releases/archive-000000000000.json", digest };
          const fits = (count: number): boolean => {
            const left = Object.fromEntries(ids.slice(count).map((id) => [id, releases[id]]));
            return engineBytes({ ...config, "rewind:releases": left, "rewind:archive": archive }) <= limit;
          };
          const fewest = ids.findIndex((_, at) => fits(at + 1)) + 1;
          assert.equal(countToMove(config, ids, limit), fewest === 0 ? ids.length : fewest);
        },
      ),
    );
  });

  it("leave together as they would leave one by one, with the comments above them", () => {
    const entries = ["a", "b", "c", "d"].map(
      (id) => `    # what ${id} is\n    v${id}: { description: ${id} } # same line\n\n`,
    );
    const text = `config:\n  rewind:release: vd\n  rewind:releases:\n${entries.join("")}  # the end\n  rewind:pins: {}\n`;
    for (const ids of [
      ["va", "vb"],
      ["vc", "va"],
      ["vb", "vc", "va"],
    ]) {
      const singly = ids.reduce((left, id) => withCatalogue(left, { remove: [id] }), text);
      assert.equal(withCatalogue(text, { remove: ids }), singly, ids.join());
      for (const id of ids) assert.ok(!singly.includes(`what ${id.slice(1)} is`));
    }
  });
});

describe("rewind release list and show", () => {
  const copy = freshCopies();
  const pin: Pin = { release: "v1.2.0", digest, pins: {}, surroundings: digest };

  it("say where each release stands and what the deployment log knows of it", () => {
    const folder = join(copy().folder, ".rewind", "records");
    mkdirSync(folder, { recursive: true });
    const log = openFileLog(join(folder, "staging.jsonl"), "staging", String);
    const { id } = log.append({
      kind: "intent",
      to: pin,
      snapshot: { rows: {}, policies: {} },
      records: { "v1.2.0": digest },
    });
    log.append({ kind: "outcome", of: id, result: "passed", checks: [], milliseconds: 1 });
    log.append({ kind: "hold", release: "v1.1.0", reason: "loses rows" });
    const { releases } = listReleases(copy().where).json;
    assert.deepEqual(
      releases.map(({ release, from, pinned, verified, held }) => [release, from, pinned, verified !== null, held]),
      [
        ["v1.1.0", "file", false, false, "loses rows"],
        ["v1.2.0", "inline", false, true, null],
        ["v1.2.1", "inline", true, false, null],
      ],
    );
    const shown = showRelease(copy().where, "v1.2.0");
    assert.match(shown.text, /Record: {3}sha256:[0-9a-f]{64} \(Pulumi\.staging\.yaml\)/);
    assert.match(shown.text, /Changed: {2}applied as sha256:aaaa.*immutable once applied/);
    assert.match(shown.text, /Applied: {2}.*: passed/);
    assert.throws(() => showRelease(copy().where, "v9"), Refusal);
  });

  it("call the digest of a record and that of what it deploys by their names, like every other verb", async () => {
    deploy(copy(), "v1.2.0");
    deploy(copy(), "v1.2.1");
    const { where } = copy();
    const compared = await diff(where, { from: "v1.2.0", to: "v1.2.1", rows: 0 });
    const shown = showRelease(where, "v1.2.0").json;
    const digests = (text: string) =>
      [...text.matchAll(/v1\.2\.0\S* +[^→]*?(\w+ sha256:[0-9a-f]{12})/g)].map(([, said]) => said);
    const record = `record ${shown.recordDigest.slice(0, 19)}`;
    const deploys = `deploys ${shown.deploys.slice(0, 19)}`;
    assert.notEqual(shown.recordDigest, shown.deploys);
    assert.deepEqual(digests(listReleases(where).text), [record]);
    assert.deepEqual(digests(plan(where, "v1.2.0", "full").text), [deploys]);
    assert.deepEqual(digests(compared.text.split("\n")[0] ?? ""), [deploys]);
    deploy(copy(), "v1.2.0");
    assert.deepEqual(new Set(digests(status(where).text)), new Set([deploys]));
  });

  it("refuse an id that was applied before, even when the catalogue has lost it", () => {
    const folder = join(copy().folder, ".rewind", "records");
    mkdirSync(folder, { recursive: true });
    const log = openFileLog(join(folder, "staging.jsonl"), "staging", String);
    log.append({ kind: "intent", to: pin, snapshot: { rows: {}, policies: {} }, records: { "v0.9.0": digest } });
    assert.throws(() => addRelease(copy().where, { ...none, id: "v0.9.0" }), /there is a release v0\.9\.0 already/);
  });
});
