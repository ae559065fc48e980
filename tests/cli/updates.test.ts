import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parse } from "yaml";
import { openBackendFiles, type BackendFiles } from "../../cli/backend-files";
import { describeBackend, parseBackendUrl } from "../../cli/backend-url";
import { exported } from "../../cli/history-engine";
import { Refusal } from "../../cli/result";
import { writeSealed } from "../../cli/sealed-folder";
import { matchUpdate, updatesIn, type Update } from "../../cli/updates";
import type { Intent } from "../../records/entry";

const digest = `sha256:${"0".repeat(64)}` as const;
const at = (seconds: number, milliseconds = 0): string => new Date(seconds * 1_000 + milliseconds).toISOString();
const intentAt = (when: string): Intent => ({
  ...{ kind: "intent", version: 2, id: "20250917T033000Z-0a1b2c3d", at: when, stack: "prod", by: "me@here" },
  to: { release: "v1.2.0", digest, pins: {}, surroundings: digest },
  snapshot: { policies: {} },
});
const update = (id: string, start: number, end: number, more: Partial<Update> = {}): Update => ({
  ...{ id, kind: "update", start: at(start), end: at(end), message: "", result: "succeeded" },
  ...{ resourceChanges: {}, environment: {}, config: { "rewind:release": "v1.2.0" }, ...more },
});

describe("the engine's update of a deployment", () => {
  it("is the one that ran when the intent was written, both seconds included", () => {
    const updates = [update("a", 100, 110), update("b", 120, 130), update("c", 131, 140)];
    for (const [when, id] of [
      [at(100), "a"],
      [at(110, 999), "a"],
      [at(125, 500), "b"],
      [at(131), "c"],
    ] as const) {
      assert.equal(matchUpdate(intentAt(when), updates).id, id);
    }
  });

  it("is missed where none ran: it was killed, or is under way", () => {
    const updates = [update("a", 100, 110), update("b", 120, 130)];
    for (const when of [at(99, 999), at(111), at(131)]) {
      assert.throws(() => matchUpdate(intentAt(when), updates), /the engine kept no update that ran at/);
    }
  });

  it("is not guessed among several, which are named", () => {
    const updates = [update("a", 100, 110), update("b", 110, 130)];
    assert.throws(
      () => matchUpdate(intentAt(at(110, 400)), updates),
      (error) => error instanceof Refusal && /^2 updates ran .*: a \(.* to .*\), b \(/.test(error.message),
    );
  });

  it("is neither a refresh nor one of another release", () => {
    const refresh = update("r", 100, 110, { kind: "refresh" });
    assert.equal(matchUpdate(intentAt(at(110)), [refresh, update("a", 110, 120)]).id, "a");
    const other = update("o", 100, 110, { config: { "rewind:release": "v1.2.1" } });
    assert.throws(
      () => matchUpdate(intentAt(at(105)), [other]),
      /o, which ran at .*, pinned v1\.2\.1, and .* v1\.2\.0/,
    );
  });

  it("of updates that follow each other, each intent finds its own", () => {
    const spans = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 30 })), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(spans, fc.nat(), fc.nat(999), (gaps, choice, milliseconds) => {
        let end = 1_000;
        const updates = gaps.map(([length, gap], index) => {
          const start = end + gap;
          end = start + length;
          return update(String(index), start, end);
        });
        const own = updates[choice % updates.length]!;
        const [first, last] = [own.start, own.end].map((time) => Date.parse(time) / 1_000);
        const second = first! + (choice % (last! - first! + 1));
        assert.equal(matchUpdate(intentAt(at(second, milliseconds)), updates).id, own.id);
      }),
    );
  });
});

describe("what the engine keeps of a stack's past", () => {
  const history = { kind: "update", startTime: 100, endTime: 110, message: "m", result: "succeeded", version: 0 };
  const filesOf = (held: Readonly<Record<string, string | Buffer>>): BackendFiles => ({
    names: (folder) =>
      Promise.resolve(
        Object.keys(held).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : [])),
      ),
    read: (path) => Promise.resolve(held[path] === undefined ? undefined : Buffer.from(held[path])),
    close: () => Promise.resolve(),
  });
  const archiveOf = (held: Readonly<Record<string, string | Buffer>>) =>
    updatesIn(filesOf({ ".pulumi/meta.yaml": "version: 1\n", ...held }), "here", "rewind", "prod");
  const folder = ".pulumi/history/rewind/prod";
  const text = JSON.stringify(history);

  it("is read packed or not, oldest first, and only what ended since", async () => {
    const archive = archiveOf({
      [`${folder}/prod-130000000000.history.json`]: text,
      [`${folder}/prod-120000000000.history.json.gz`]: gzipSync(text),
      [`${folder}/prod-120000000000.checkpoint.json.gz`]: gzipSync("{}"),
      [`${folder}/prod-90000000000.history.json`]: "this is not read",
      [`${folder}/notes.txt`]: "nor is this",
    });
    const updates = await archive.updates(new Date(100_000));
    assert.deepEqual(
      updates.map(({ id }) => id),
      ["prod-120000000000", "prod-130000000000"],
    );
    assert.deepEqual([updates[0]?.start, updates[0]?.end], [at(100), at(110)]);
    assert.equal(await archive.checkpoint({ id: "prod-120000000000" }), "{}");
  });

  it("of a backend from before projects lies in another folder", async () => {
    const held = { ".pulumi/history/prod/prod-120000000000.history.json": text };
    const archive = updatesIn(filesOf(held), "here", "rewind", "prod");
    assert.equal((await archive.updates(new Date(0))).length, 1);
  });

  for (const [what, content] of [
    ["no JSON", "{"],
    ["nothing", ""],
    ["another form", JSON.stringify({ ...history, endTime: "later" })],
    ["half an archive", gzipSync(text).subarray(0, 20)],
    ["zstd that is none", Buffer.from("28b52ffd0000", "hex")],
  ] as const) {
    it(`that holds ${what} is a refusal with the file's name`, async () => {
      const archive = archiveOf({ [`${folder}/prod-120000000000.history.json`]: content });
      await assert.rejects(
        archive.updates(new Date(0)),
        (error) => error instanceof Refusal && error.message.includes("prod-120000000000"),
      );
    });
  }

  for (const url of ["postgres://127.0.0.1:1/states?sslmode=disable", "s3://states?endpoint=http://127.0.0.1:1"]) {
    it(`is asked of ${url.split(":", 1)[0]}, and a backend that does not answer is a refusal that names it`, async () => {
      const backend = parseBackendUrl(`${url}&region=eu-central-1`, "/");
      const [id, key] = [process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY];
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x" });
      const archive = updatesIn(await openBackendFiles(backend), describeBackend(backend), "rewind", "prod");
      try {
        await assert.rejects(archive.updates(new Date(0)), (error) => {
          assert.ok(error instanceof Refusal, String(error));
          assert.match(error.message, /^the engine's backend cannot be read: \w+:\/\/\S+.*: .*ECONNREFUSED/);
          return true;
        });
      } finally {
        await archive.close();
        restore({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: key });
      }
    });
  }

  it("and has lost is a refusal", async () => {
    await assert.rejects(
      archiveOf({}).checkpoint({ id: "prod-1" }),
      /keeps no checkpoint of the update prod-1 any more/,
    );
  });
});

describe("an export of a deployment", () => {
  const deployment = { intent: intentAt(at(105)), outcome: undefined };
  const checkpointOf = (stack: string, outputs: object): string =>
    JSON.stringify({
      version: 3,
      checkpoint: {
        stack,
        latest: {
          secrets_providers: { type: "passphrase", state: { salt: "v1:salt" } },
          resources: [{ type: "pulumi:pulumi:Stack", outputs }],
        },
      },
    });
  const whole = checkpointOf("organization/rewind/prod", { release: "v1.2.0", digest });

  it("holds a stack file that reads as it did, with what its secrets need, and the checkpoint byte by byte", () => {
    const config = { "rewind:release": "v1.2.0", "rewind:secrets": { secure: "v1:xyz" }, "rewind:day": "2012-10-17" };
    const files = exported("prod", deployment, update("a", 100, 110, { config }), whole);
    assert.deepEqual(parse(files["Pulumi.prod.yaml"] ?? ""), { encryptionsalt: "v1:salt", config });
    assert.match(files["Pulumi.prod.yaml"] ?? "", /"2012-10-17"/);
    assert.equal(files["checkpoint.json"], whole);
    assert.ok(!("config" in (JSON.parse(files["update.json"] ?? "") as object)));
  });

  for (const [what, checkpoint] of [
    ["no JSON", "{"],
    ["no checkpoint", "{}"],
    ["empty", checkpointOf("organization/rewind/prod", {})],
    ["of another stack", checkpointOf("organization/rewind/staging", { release: "v1.2.0", digest })],
    ["of another release", checkpointOf("organization/rewind/prod", { release: "v1.2.1", digest })],
    ["of another record", checkpointOf("organization/rewind/prod", { release: "v1.2.0", digest: "sha256:1" })],
  ] as const) {
    it(`is refused with a checkpoint that is ${what}`, () => {
      assert.throws(() => exported("prod", deployment, update("a", 100, 110), checkpoint), Refusal);
    });
  }

  it("of an update that failed may hold the outputs of the one before", () => {
    const before = checkpointOf("organization/rewind/prod", { release: "v1.1.0", digest });
    assert.ok("checkpoint.json" in exported("prod", deployment, update("a", 100, 110, { result: "failed" }), before));
  });
});

describe("a folder that is written as a whole", () => {
  let home = "";
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), "rewind-sealed-"))));
  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it("takes the place of an empty one, and leaves a full one alone with nothing beside it", () => {
    const place = join(home, "a");
    mkdirSync(place);
    writeSealed(place, { "one.json": "1" });
    assert.equal(readFileSync(join(place, "one.json"), "utf8"), "1");
    assert.throws(() => {
      writeSealed(place, { "two.json": "2" });
    });
    assert.deepEqual(readdirSync(home), ["a"]);
  });

  it("is not there when a file cannot be written", () => {
    assert.throws(() => {
      writeSealed(join(home, "a"), { "one.json": "1", "not/there": "2" });
    });
    assert.ok(!existsSync(join(home, "a")));
    assert.deepEqual(readdirSync(home), []);
  });
});

function restore(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
}
