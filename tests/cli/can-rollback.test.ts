import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { proveNewestBackup } from "../../cli/backup-proof";
import { assessAll, resultOf, type CanRollback } from "../../cli/can-rollback";
import { measureEngine, measurePlugins, type RunPulumi } from "../../cli/engine-checks";
import type { Advised } from "../../cli/look";
import { withPin } from "../../cli/pin";
import type { Planning } from "../../cli/planning";
import { Refusal } from "../../cli/result";
import { readStack } from "../../cli/stack-file";
import type { Settings } from "../../release/parse";
import { recordsOf } from "../../release/records";
import { redactor } from "../../release/redact";
import { snapshotOf, surroundingsOf } from "../../release/snapshot";
import type { Check, Result } from "../../release/verdict";
import { freshCopies } from "./project";

const check = (name: string, result: Result, evidence = "as it is"): Check => ({
  name,
  result,
  evidence,
  milliseconds: 1,
  attempts: 1,
});
const sound: readonly Advised[] = [check("backup", "passed"), check("engine", "passed")];

describe("whether a stack can be rolled back", () => {
  const copy = freshCopies();
  const deployed = (release: string, result: "passed" | "failed" = "passed"): void => {
    writeFileSync(copy().file, withPin(copy().text(), release, {}));
    const { settings, log } = readStack(copy().where);
    const { id } = log.append({
      kind: "intent",
      to: { release, digest: settings.pinned.digest, pins: {}, surroundings: surroundingsOf(settings) },
      snapshot: snapshotOf(settings),
      records: recordsOf(settings),
    });
    log.append({ kind: "outcome", of: id, result, checks: [check("health", result)], milliseconds: 60_000 });
  };
  const hold = (release: string): void => {
    readStack(copy().where).log.append({ kind: "hold", release, reason: "leaks" });
  };
  const planning = (): Planning => {
    const { name, settings, log, repinned } = readStack(copy().where);
    return { name, settings, entries: log.entries(), repinned };
  };
  interface Given {
    readonly release?: string;
    readonly limit?: number;
    readonly common?: readonly Advised[];
    readonly checks?: (target: Settings) => Check[];
    readonly redact?: (text: string) => string;
  }
  const assessed = async (given: Given = {}) => {
    const { release, limit = 5, common = sound, redact = (text: string) => text } = given;
    const { checks = () => [check("image x", "passed")] } = given;
    const ask = (target: Settings) => Promise.resolve(target).then(checks);
    const asking = { planning: planning(), common, ask, redact, tell: () => undefined };
    const found = await assessAll(asking, { release, limit });
    const { code, text, json } = resultOf(found);
    assert.equal(json, found);
    return { code, text, found };
  };
  const saidOf = ({ releases }: CanRollback) => releases.map(({ release, can }) => [release, can]);

  it("G2 · asks about every known-good release but the one that was applied last, the newest first", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const pins: string[] = [];
    const { code, text, found } = await assessed({
      checks: ({ pinned }) => {
        pins.push(pinned.release);
        return [check("image x", "passed")];
      },
    });
    assert.equal(code, 0, text);
    assert.deepEqual(saidOf(found), [
      ["v1.2.0", true],
      ["v1.1.0", true],
    ]);
    assert.deepEqual(pins, ["v1.2.0", "v1.1.0"], "each is asked of the stack as it would be pinned");
    assert.deepEqual([found.next, found.applied, found.asked], ["rewind rollback v1.2.0", "v1.2.1", null]);
    assert.match(text, /v1\.2\.0 {2}yes {2}3 checks passed {2}→ rewind rollback v1\.2\.0/);
    assert.match(text, /2 of 2 known-good releases can be rolled back to/);
  });

  it("asks about no more than the limit, and says how many were left out", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { found, text } = await assessed({ limit: 1 });
    assert.deepEqual([saidOf(found), found.older], [[["v1.2.0", true]], 1]);
    assert.match(text, /1 older not asked about: --limit 2/);
    await assert.rejects(assessed({ limit: 0 }), Refusal);
  });

  it("G2 · one release that can be rolled back to is enough, and it is the next command", async () => {
    deployed("v1.1.0");
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, text, found } = await assessed({
      checks: ({ pinned }) => [check("image x", pinned.release === "v1.2.0" ? "failed" : "passed", "not there")],
    });
    assert.equal(code, 0);
    assert.equal(found.next, "rewind rollback v1.1.0");
    assert.match(text, /v1\.2\.0 {2}no {3}image x: not there {2}→ rewind can-rollback v1\.2\.0, when image x is well/);
    assert.equal((await assessed({ release: "v1.2.0", checks: () => [check("image x", "failed")] })).code, 11);
  });

  for (const [result, code] of [
    ["failed", 11],
    ["inconclusive", 12],
    ["error", 13],
  ] as const) {
    it(`exits ${code} when a check of the only release is ${result}, with the check as the reason`, async () => {
      deployed("v1.2.0");
      deployed("v1.2.1");
      const said = await assessed({ checks: () => [check("rows limits", result, "changed by hand")] });
      assert.equal(said.code, code);
      assert.equal(said.found.releases[0]?.reason, "rows limits: changed by hand");
      assert.match(said.found.next, /^rewind diff --live/);
    });
  }

  it("L8 · where nothing could be asked, the answer is inconclusive, however well the engine is", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, found } = await assessed({ checks: () => [] });
    assert.deepEqual([code, found.releases[0]?.reason], [12, "nothing was measured"]);
  });

  it("G2 · what refuses a rollback exits 10 with its own next command, and is told beside the checks", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    hold("v1.2.0");
    const { code, text, found } = await assessed({ release: "v1.2.0" });
    assert.equal(code, 10);
    assert.match(found.next, /^rewind unhold v1\.2\.0/);
    assert.equal(found.releases[0]?.reason, "v1.2.0 is on hold: leaks");
    assert.match(text, /v1\.2\.0 cannot be rolled back to/);
    assert.equal((await assessed({ release: "v7.0.0" })).code, 10);
    assert.equal((await assessed({ release: "v1.2.1" })).code, 10, "it is what runs");
  });

  it("a held release is not known to be good, and without another one nothing is promised", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    hold("v1.2.0");
    const { code, text, found } = await assessed();
    assert.deepEqual([code, found.can, found.releases], [12, false, []]);
    assert.match(text, /No other release is known to be good on this stack/);
    assert.match(text, /Next: rewind can-rollback <release>/);
  });

  it("a named release that never passed here can be rolled back to, with that warning", async () => {
    deployed("v1.2.1");
    const { code, text, found } = await assessed({ release: "v1.2.0" });
    assert.deepEqual([code, found.releases[0]?.knownGood], [0, null]);
    assert.match(text, /Warning: v1\.2\.0 never passed verification on this stack/);
  });

  it("a missing backup speaks against nothing, and a corrupt one against every release", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const missing = await assessed({ common: [check("backup", "inconclusive", "none yet")] });
    assert.equal(missing.code, 0, missing.text);
    assert.match(missing.text, /\? inconclusive backup/);
    const corrupt = await assessed({ common: [{ ...check("backup", "failed", "is corrupt"), next: "mv it" }] });
    assert.deepEqual([corrupt.code, corrupt.found.next], [11, "mv it"]);
    assert.match(corrupt.text, /Whatever the release:\n.*backup.*is corrupt\n.*backup: mv it/);
  });

  it("what cannot even be asked is a check that broke, and no value of a secret is in it", async () => {
    deployed("v1.2.0");
    deployed("v1.2.1");
    const { code, text, found } = await assessed({
      redact: redactor({ token: "hunter2-hunter2" }),
      checks: () => {
        throw new Error("the rehearsal's log at hunter2-hunter2 is none");
      },
    });
    assert.equal(code, 13);
    assert.match(
      found.releases[0]?.reason ?? "",
      /^what the first gate asks: the rehearsal's log at \[secret\] is none/,
    );
    assert.ok(!`${text}${JSON.stringify(found)}`.includes("hunter2"));
  });
});

describe("the newest backup of a stack", () => {
  const copy = freshCopies();
  const now = new Date("2026-11-21T15:00:00Z");
  const proof = () => proveNewestBackup(copy().folder, "staging", now);
  const place = (name: string): string => join(copy().folder, ".rewind", "backups", "staging", name);
  const written = (name: string, files: Record<string, string>): void => {
    mkdirSync(place(name), { recursive: true });
    const sums = Object.entries(files).map(([path, text]) => {
      writeFileSync(join(place(name), path), text);
      return `${createHash("sha256").update(text).digest("hex")}  ${path}\n`;
    });
    writeFileSync(join(place(name), "SHA256SUMS"), sums.join(""));
  };

  it("is inconclusive while there is none, and one that was half made is none", () => {
    assert.deepEqual(proof(), { result: "inconclusive", evidence: "none yet; a rollback makes one first" });
    written("20261121T140000Z.partial", { "state.json": "{}" });
    assert.equal(proof().result, "inconclusive");
  });

  it("is hashed again, file by file, and its age is told; an older one does not matter", () => {
    written("20261120T120000Z", { "state.json": "{}" });
    writeFileSync(join(place("20261120T120000Z"), "state.json"), "changed");
    written("20261121T120000Z", { "state.json": "{}", "Pulumi.staging.yaml": "config: {}" });
    const { result, evidence } = proof();
    assert.equal(result, "passed", evidence);
    assert.match(evidence, /20261121T120000Z: 2 files are whole, 3 h old/);
  });

  it("that was changed, lost a file, or proves nothing has failed, with the next command", () => {
    const name = "20261121T120000Z";
    const spoilt = (spoil: () => void, said: RegExp): void => {
      written(name, { "state.json": "{}", "policies.json": "{}" });
      spoil();
      const { result, evidence, next } = proof();
      assert.equal(result, "failed", evidence);
      assert.match(evidence, said);
      assert.match(next ?? "", /^mv \.rewind\/backups\/staging\/20261121T120000Z /);
    };
    const write = (file: string, text: string) => () => {
      writeFileSync(join(place(name), file), text);
    };
    spoilt(write("state.json", "{ }"), /corrupt: state\.json is not what was written$/);
    spoilt(() => {
      rmSync(join(place(name), "policies.json"));
    }, /policies\.json cannot be read/);
    spoilt(write("SHA256SUMS", ""), /SHA256SUMS names no file/);
    spoilt(write("SHA256SUMS", `${"a".repeat(64)}  ../../../../Pulumi.staging.yaml\n`), /a line that is none/);
    spoilt(() => {
      rmSync(join(place(name), "SHA256SUMS"));
    }, /no SHA256SUMS that can be read/);
  });
});

describe("the engine that a rollback needs", () => {
  const saying =
    (text: string): RunPulumi =>
    () =>
      Promise.resolve(text);
  const missing: RunPulumi = () => Promise.reject(Object.assign(new Error("spawn pulumi ENOENT"), { code: "ENOENT" }));

  it("is on the PATH and not older than the SDK", async () => {
    const results = async (said: string) => (await measureEngine(saying(said), "3.256.0")).result;
    assert.equal(await results("v3.256.0\n"), "passed");
    assert.equal(await results("3.260.1"), "passed");
    assert.equal(await results("3.99.0"), "inconclusive");
    assert.equal(await results("4.0.0"), "failed");
    assert.equal(await results("hello"), "inconclusive");
    const { result, evidence, next } = await measureEngine(missing, "3.256.0");
    assert.deepEqual([result, evidence], ["failed", "no pulumi is on the PATH"]);
    assert.match(next ?? "", /npx rewind local up/);
  });

  it("has the plugins of exactly the versions that the program's packages name, or would have to fetch them", async () => {
    const ls = saying(JSON.stringify([{ name: "docker", kind: "resource", version: "5.2.0" }]));
    const docker = { name: "docker", version: "5.2.0" };
    assert.equal((await measurePlugins(ls, [docker], {})).result, "passed");
    const wanted = [docker, { name: "aws", version: "7.48.0" }];
    const { result, evidence, next } = await measurePlugins(ls, wanted, {});
    assert.deepEqual([result, next], ["inconclusive", "pulumi plugin install"]);
    assert.match(evidence, /^not installed: aws 7\.48\.0; a rollback would have to fetch it first/);
    const off = { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" };
    assert.equal((await measurePlugins(ls, wanted, off)).result, "failed");
  });
});
