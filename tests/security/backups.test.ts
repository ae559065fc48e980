import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseBackup, pruneBackups } from "../../cli/backup-judge";
import { readStack } from "../../cli/stack-file";
import { freshStacks, put, refusalOf } from "./backup-stack";

const now = new Date("2026-11-22T15:00:00Z");
const hook = "#!/bin/sh\ntouch /tmp/owned\n";

describe("a backup that somebody put there", function () {
  this.timeout(20_000);
  const stack = freshStacks();

  it("SEC-H1 · whose own sums are right brings no code and no hook into the project", async () => {
    const modes = { "extra/.git/hooks/pre-commit": 0o755 };
    const contents = {
      "stack/cli/main.ts": "owned()",
      "extra/.git/hooks/pre-commit": hook,
      "stack/Pulumi.staging.yaml": stack().text(),
    };
    const id = await stack().forge(contents, { modes });
    await stack()
      .restore({ id, parts: ["stack"] })
      .catch(() => undefined);
    await stack()
      .restore({ id, parts: ["extra"] })
      .catch(() => undefined);
    assert.equal(readFileSync(join(stack().folder, "cli", "main.ts"), "utf8"), "// ours\n");
    assert.ok(!existsSync(join(stack().folder, ".git")));
  });

  it("SEC-H1 · is neither verified, chosen nor restored, and is restored with --unproven, which is written down", async () => {
    const id = await stack().forge({ "extra/data/kept.txt": "other\n", "stack/Pulumi.staging.yaml": stack().text() });
    const found = await stack().verify(id);
    assert.equal(found.code, 11, found.text);
    assert.match(
      found.text,
      /provenance.*nothing proves who made it: the deployment log does not say that it was made/,
    );
    const chosen = chooseBackup(stack().where, { wanted: [], now, unproven: false });
    assert.equal(chosen.json.chosen, undefined, chosen.text);
    await stack().untouched(
      () => stack().restore({ id, parts: ["extra"] }),
      /^nothing proves who made 20261121T150000Z/,
    );
    await stack().untouched(() => stack().restore({ parts: ["extra"] }), /^no backup fits/);
    assert.deepEqual(stack().entries(), []);
    assert.equal((await stack().verify(id, { unproven: true })).code, 0);
    assert.equal(chooseBackup(stack().where, { wanted: [], now, unproven: true }).json.chosen, id);
    await stack().restore({ id, parts: ["extra"], unproven: true });
    assert.equal(readFileSync(join(stack().folder, "data", "kept.txt"), "utf8"), "other\n");
    const used = stack()
      .entries()
      .flatMap((entry) => (entry.kind === "backup" && entry.act === "unproven" ? [[entry.verb, entry.backup]] : []));
    assert.deepEqual(
      used,
      ["verify", "choose", "restore"].map((verb) => [verb, id]),
    );
  });

  it("SEC-H1 · does not push the backups that were made here out of those that are kept", async () => {
    const own = [
      await stack().make("2026-11-20T10:00:00Z", "extra"),
      await stack().make("2026-11-20T11:00:00Z", "extra"),
    ];
    for (let day = 10; day < 15; day += 1)
      await stack().forge({ "extra/x": "" }, { at: `2026-11-${day}T10:00:00.000Z` });
    for (let hour = 10; hour < 15; hour += 1)
      await stack().forge({ "extra/x": "" }, { at: `2026-11-21T${hour}:00:00.000Z` });
    const { json } = pruneBackups(stack().where, { keep: 2, yes: true, now });
    for (const id of own) assert.ok(json.backups.find((each) => each.id === id)?.keep, JSON.stringify(json.backups));
  });

  it("SEC-H1 · gives no rights to what it brings, and leaves those of what is there", async () => {
    chmodSync(join(stack().folder, "data", "kept.txt"), 0o640);
    const names = ["extra/data/kept.txt", "extra/data/run", "extra/data/open"];
    const modes = { [names[0]!]: 0o777, [names[1]!]: 0o755, [names[2]!]: 0o666 };
    const id = await stack().forge(Object.fromEntries(names.map((name) => [name, hook])), { modes });
    const { text } = await stack().restore({ id, parts: ["extra"], unproven: true });
    const mode = (name: string) => (statSync(join(stack().folder, "data", name)).mode & 0o7777).toString(8);
    assert.deepEqual(["kept.txt", "run", "open"].map(mode), ["640", "600", "600"]);
    assert.match(text, /not to be run until you say so: chmod u\+x data\/kept\.txt data\/run/);
  });

  it("SEC-H1 · is not written through a link in the project", async () => {
    const outside = mkdtempSync(join(tmpdir(), "rewind-outside-"));
    try {
      put(outside, { "kept.txt": "theirs\n" });
      const id = await stack().forge({ "extra/data/deep/kept.txt": "x", "records/rows/a.jsonl": "" });
      const restoring = () => stack().restore({ id, parts: ["extra"], unproven: true });
      symlinkSync(outside, join(stack().folder, "data", "deep"));
      await stack().untouched(restoring, /^data\/deep is a link/);
      rmSync(join(stack().folder, "data"), { recursive: true });
      symlinkSync(outside, join(stack().folder, "data"));
      await stack().untouched(restoring, /^data is a link/);
      renameSync(stack().file, join(outside, "real.yaml"));
      symlinkSync(join(outside, "real.yaml"), stack().file);
      const text = stack().text();
      const own = await stack().forge({ "stack/Pulumi.staging.yaml": `${text}# more\n` });
      await stack().untouched(
        () => stack().restore({ id: own, parts: ["stack"], unproven: true }),
        /is a link out of the project/,
      );
      assert.deepEqual([readFileSync(join(outside, "kept.txt"), "utf8"), stack().text()], ["theirs\n", text]);
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it("SEC-H1 · with a policy that lets everybody write, or read without a reason, is refused", async () => {
    const Bucket = readStack(stack().where).settings.environment.objectStore?.buckets.documents ?? "";
    for (const Action of ["s3:PutObject", "s3:GetObject"]) {
      const open = {
        Version: "2012-10-17",
        Statement: { Effect: "Allow", Principal: "*", Action, Resource: `arn:aws:s3:::${Bucket}/*` },
      };
      const id = await stack().forge({ "policies/policies.json": JSON.stringify({ documents: open }) });
      await stack().untouched(
        () => stack().restore({ id, parts: ["policies"], unproven: true }),
        /holds policies that no release may have: .*everybody (?:would be allowed|may read only)/,
      );
    }
  });

  it("SEC-H1 · does not bring rows back under the digest of others, nor the log of another stack", async () => {
    const records = join(stack().folder, ".rewind", "records");
    put(records, { "prod.jsonl": "theirs\n" });
    const name = `records/rows/${"a".repeat(64)}.jsonl`;
    const id = await stack().forge({ [name]: "{}\n" });
    await assert.rejects(
      stack().restore({ id, parts: ["records"], unproven: true }),
      /holds other rows than its name says/,
    );
    assert.ok(!existsSync(join(records, "rows")));
    assert.equal(readFileSync(join(records, "prod.jsonl"), "utf8"), "theirs\n");
  });

  describe("beside one that was made here", () => {
    it("SEC-H1 · is proved by the log where it is the one that was made, and comes back", async () => {
      const id = await stack().make("2026-11-20T10:00:00Z", "extra", "stack");
      assert.equal((await stack().verify(id)).code, 0);
      writeFileSync(join(stack().folder, "data", "kept.txt"), "spoilt\n");
      const { json } = await stack().restore({ parts: ["extra"] });
      assert.equal(readFileSync(join(stack().folder, "data", "kept.txt"), "utf8"), "kept\n");
      // The way back is proved, too.
      assert.ok(json.outcome === "restored");
      assert.equal((await stack().verify(json.before, { now: new Date() })).code, 0);
    });

    it("SEC-H1 · under the name of one that was made is taken for tampered with", async () => {
      const id = await stack().make("2026-11-21T15:00:00Z", "extra");
      rmSync(join(stack().backups, id), { recursive: true });
      assert.equal(await stack().forge({ "extra/data/kept.txt": "forged\n" }), id);
      assert.equal((await stack().verify(id)).code, 17);
      await stack().untouched(
        () => stack().restore({ id, parts: ["extra"] }),
        /has another manifest under its name/,
        "tampered",
      );
    });

    it("SEC-H1 · an older one cannot be put in the place of a newer one, or under a name of its own", async () => {
      const old = await stack().make("2026-11-20T10:00:00Z", "extra");
      writeFileSync(join(stack().folder, "data", "kept.txt"), "newer\n");
      const newer = await stack().make("2026-11-21T10:00:00Z", "extra");
      rmSync(join(stack().backups, newer), { recursive: true });
      cpSync(join(stack().backups, old), join(stack().backups, newer), { recursive: true });
      await stack().untouched(() => stack().restore({ id: newer, parts: ["extra"] }), /another manifest/, "tampered");
      const third = "20261121T110000Z";
      renameSync(join(stack().backups, newer), join(stack().backups, third));
      await stack().untouched(() => stack().restore({ id: third, parts: ["extra"] }), /does not say that it was made/);
    });

    it("SEC-H1 · of another stack is refused, whatever is said", async () => {
      const id = await stack().forge({ "extra/data/kept.txt": "x" }, { stack: "prod" });
      await stack().untouched(
        () => stack().restore({ id, parts: ["extra"], unproven: true }),
        /is a backup of prod, not of staging/,
      );
    });

    it("SEC-H1 · that holds more than its manifest says is refused: a file, a hidden one, a link", async () => {
      const id = await stack().make("2026-11-20T10:00:00Z", "extra");
      const data = join(stack().backups, id, "extra", "data");
      for (const add of [
        () => {
          writeFileSync(join(data, "more"), "");
        },
        () => {
          put(data, { ".hidden/x": "" });
        },
        () => {
          symlinkSync("/etc", join(data, "etc"));
        },
      ]) {
        cpSync(join(stack().backups, id), join(stack().folder, "aside"), { recursive: true });
        add();
        const refusal = await refusalOf(() => stack().restore({ id, parts: ["extra"], unproven: true }));
        assert.match(refusal.message, /was added/);
        assert.equal(refusal.kind, "tampered");
        rmSync(join(stack().backups, id), { recursive: true });
        renameSync(join(stack().folder, "aside"), join(stack().backups, id));
      }
      // A link in the place of a folder, to the very same files.
      renameSync(data, join(stack().folder, "aside"));
      symlinkSync(join(stack().folder, "aside"), data);
      const refusal = await refusalOf(() => stack().restore({ id, parts: ["extra"] }));
      assert.equal(refusal.kind, "tampered", refusal.message);
    });

    it("SEC-H1 · a log that was changed speaks for none, and one that is lost neither", async () => {
      const id = await stack().make("2026-11-20T10:00:00Z", "extra");
      const log = join(stack().folder, ".rewind", "records", "staging.jsonl");
      const text = readFileSync(log, "utf8");
      const forged = await stack().forge({ "extra/data/kept.txt": "forged\n" });
      writeFileSync(log, text.replaceAll(id, forged));
      await stack().untouched(
        () => stack().restore({ id: forged, parts: ["extra"] }),
        /is not what was written, and no key signed it/,
      );
      rmSync(log);
      await stack().untouched(() => stack().restore({ id, parts: ["extra"] }), /does not say that it was made/);
      writeFileSync(log, text);
      assert.equal((await stack().verify(id)).code, 0);
    });

    it("a lost log comes back with --unproven, and then says so, and has the backup of what was there", async () => {
      readStack(stack().where).log.append({ kind: "stop", reason: "before" });
      const id = await stack().make("2026-11-20T10:00:00Z", "records");
      rmSync(join(stack().folder, ".rewind", "records"), { recursive: true });
      const { json } = await stack().restore({ id, parts: ["records"], unproven: true });
      assert.ok(json.outcome === "restored");
      const kinds = stack()
        .entries()
        .map((entry) => (entry.kind === "backup" ? `${entry.act} ${entry.backup}` : entry.kind));
      assert.deepEqual(kinds, ["stop", `unproven ${id}`, `made ${json.before}`]);
    });
  });
});
