import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { openClients, type Clients } from "../../checks/clients";
import { readPolicy } from "../../checks/policy";
import { settingsIn } from "../../cli/stack-file";
import { canonicalJson } from "../../release/canonical";
import { checkout } from "./local-home";
import { fixtureFor, stack as name, type Fixture } from "./fixture";
import { edit, keepTheDatabase } from "./stack-edits";

interface Created {
  id: string;
  folder: string;
  parts: string[];
  files: number;
}

describe("L8 · backups of a real stack", function () {
  let stack: Fixture;
  let original: string | undefined;
  const backups = join(checkout, ".rewind", "backups", name);
  const extra = join(checkout, ".rewind-test-extra");
  before(async function () {
    stack = await fixtureFor(this);
    rmSync(backups, { recursive: true, force: true });
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    mkdirSync(join(extra, "deep"), { recursive: true });
    writeFileSync(join(extra, "deep", "a file.txt"), "kept\n");
    writeFileSync(join(extra, "run.sh"), "true\n", { mode: 0o755 });
    edit(stack, ["rewind:backups", { extra: [".rewind-test-extra"], copy: { bucket: "kept-backups", prefix: "of" } }]);
    await stack.up();
    await withStore(({ store }) => store.send(new CreateBucketCommand({ Bucket: "kept-backups" })));
    await stack.query("create table if not exists app.many (id bigint primary key, said text)");
    await stack.query(
      "insert into app.many select n, repeat('x', 20) || n from generate_series(1, 5000) n on conflict do nothing",
    );
  });
  after(async () => {
    rmSync(extra, { recursive: true, force: true });
    if (original !== undefined) writeFileSync(stack.stackFile, original);
    rmSync(backups, { recursive: true, force: true });
    // What a restored database replaced is kept for a person, and holds what the stack's roles own.
    const kept = await stack.query<{ datname: string }>(
      "select datname from pg_database where datname like '%_before_%'",
    );
    for (const { datname } of kept) await stack.query(`drop database "${datname}"`);
    await stack.empty();
  });

  const create = async (...args: string[]): Promise<Created> => {
    const ran = await stack.rewind("backup", "create", "--json", ...args);
    assert.equal(ran.code, 0, ran.output);
    return JSON.parse(ran.stdout) as Created;
  };
  const verified = async (id: string, level = "daily") => {
    const ran = await stack.rewind("backup", "verify", id, "--level", level, "--json");
    const { checks = [] } = JSON.parse(ran.stdout) as { checks?: { name: string; result: string; evidence: string }[] };
    return { code: ran.code, output: ran.output, checks };
  };

  it("L8 · a backup has every part, and the real sha256sum accepts its sums", async () => {
    const made = await create("--name", "first");
    assert.deepEqual(made.parts, ["stack", "state", "rows", "policies", "database", "records", "extra"]);
    const said = execFileSync("sha256sum", ["-c", "checksums/SHA256SUMS"], { cwd: made.folder, encoding: "utf8" });
    assert.equal(said.trim().split("\n").length, made.files + 1);
    assert.deepEqual(readdirSync(backups), [made.id]);
    const { code, output } = await verified(made.id);
    assert.equal(code, 0, output);
    const secrets = await stack.secrets();
    for (const file of readdirSync(made.folder, { recursive: true, encoding: "utf8" })) {
      if (!/json|yaml/.test(file) || !existsSync(join(made.folder, file))) continue;
      for (const secret of secrets) assert.ok(!readFileSync(join(made.folder, file), "utf8").includes(secret), file);
    }
  });

  it("L8 · what is damaged, missing, extra or renamed is named, and exits as tampered", async () => {
    const { id, folder } = await create();
    const file = join(folder, "state", "state.json");
    const text = readFileSync(file, "utf8");
    const found = async (spoil: () => void, said: RegExp, mend: () => void): Promise<void> => {
      spoil();
      try {
        const { code, output, checks } = await verified(id);
        assert.equal(code, 17, output);
        assert.match(checks[0]?.evidence ?? "", said);
      } finally {
        mend();
      }
    };
    const put = (path: string, content: string) => () => {
      writeFileSync(join(folder, path), content);
    };
    const restore = put("state/state.json", text);
    await found(
      put("state/state.json", text.replace("{", " ")),
      /^state\/state\.json is not what was written$/,
      restore,
    );
    const remove = () => {
      rmSync(file);
    };
    await found(remove, /^state\/state\.json is missing$/, restore);
    const stray = join(folder, "rows", "stray.jsonl");
    await found(put("rows/stray.jsonl", ""), /^rows\/stray\.jsonl was added$/, () => {
      rmSync(stray);
    });
    const move = (from: string, to: string) => () => {
      renameSync(join(folder, from), join(folder, to));
    };
    await found(
      move("state/state.json", "state/other.json"),
      /^state\/state\.json was renamed to state\/other\.json$/,
      move("state/other.json", "state/state.json"),
    );
    assert.equal((await verified(id)).code, 0);
  });

  it("L8 · on the higher levels everything is opened, the dump is restored and counted, and nothing is left behind", async () => {
    const { id } = await create();
    for (const level of ["comprehensive", "emergency-ready"]) {
      const { code, output, checks } = await verified(id, level);
      assert.equal(code, 0, output);
      assert.match(
        checks.find((check) => check.name === "database")?.evidence ?? "",
        /restored and counted: 50\d\d rows/,
      );
      assert.match(checks.find((check) => check.name === "logs")?.evidence ?? "", /^1 deployment logs/);
    }
    const left = await stack.query("select datname from pg_database where datname like 'rewind_scratch%'");
    assert.deepEqual(left, []);
    const ran = await stack.rewind("backup", "quality", id, "--json");
    const { backups: scored } = JSON.parse(ran.stdout) as { backups: { score: number }[] };
    assert.equal(scored[0]?.score, 100, ran.output);
    const chosen = await stack.rewind("backup", "choose", "--part", "database", "--json");
    assert.equal((JSON.parse(chosen.stdout) as { chosen: string }).chosen, id);
  });

  const rowsNow = async () => ({
    config: await stack.query("select md5(string_agg(t::text, ',' order by t::text)) as sum from app.scoring_config t"),
    many: await stack.query("select md5(string_agg(t::text, ',' order by t::text)) as sum from app.many t"),
  });
  const withStore = async <T>(
    work: (there: { clients: Clients; store: S3Client; bucket: string }) => Promise<T>,
  ): Promise<T> => {
    const { environment } = settingsIn(name, readFileSync(stack.stackFile, "utf8"), checkout);
    const { stdout } = await stack.pulumi(["config", "get", "secrets"]);
    const clients = openClients(environment, JSON.parse(stdout) as Record<string, string>, checkout);
    const [bucket = ""] = Object.values(environment.objectStore?.buckets ?? {});
    try {
      return await work({ clients, store: clients.objectStore("own"), bucket });
    } finally {
      await clients.close();
    }
  };
  const policyNow = () =>
    withStore(async ({ clients, bucket }) => canonicalJson((await readPolicy(clients, bucket)) ?? null));
  const extraNow = () =>
    execFileSync("sh", ["-c", "find . -type f -printf '%m %p ' -exec sha256sum {} ';' | sort"], {
      cwd: extra,
      encoding: "utf8",
    });
  const stateNow = async () => {
    const { stdout } = await stack.pulumi(["stack", "export"]);
    // The engine encrypts what is secret anew each time.
    const open = (key: string, value: unknown): unknown => (key === "ciphertext" ? "" : value);
    return canonicalJson((JSON.parse(stdout, open) as { deployment: { resources: never } }).deployment.resources);
  };
  const everything = async () => ({
    rows: await rowsNow(),
    policy: await policyNow(),
    extra: extraNow(),
    stack: readFileSync(stack.stackFile, "utf8"),
  });
  const logNow = () => readFileSync(stack.logFile, "utf8");
  const spoilEverything = async () => {
    await stack.query("update app.scoring_config set value = '\"spoilt\"'::jsonb");
    await stack.query("delete from app.many where id > 10");
    await withStore(({ store, bucket }) => store.send(new DeleteBucketPolicyCommand({ Bucket: bucket })));
    const { stdout } = await stack.pulumi(["stack", "export"]);
    const lost = JSON.parse(stdout) as { deployment: { resources: unknown[] } };
    lost.deployment.resources = [];
    writeFileSync(join(extra, "lost.json"), JSON.stringify(lost));
    const emptied = await stack.pulumi(["stack", "import", "--file", join(extra, "lost.json")]);
    assert.equal(emptied.code, 0, emptied.output);
    writeFileSync(join(extra, "deep", "a file.txt"), "spoilt\n");
    writeFileSync(join(extra, "added"), "");
    writeFileSync(stack.stackFile, `${readFileSync(stack.stackFile, "utf8")}# spoilt\n`);
    writeFileSync(stack.logFile, readFileSync(stack.logFile, "utf8").replace("intent", "intend"));
  };
  const restored = async (...args: string[]) => {
    const ran = await stack.rewind("restore", ...args, "--yes", "--json");
    assert.equal(ran.code, 0, ran.output);
    return JSON.parse(ran.stdout) as { before: string; restored: { part: string; evidence: string }[] };
  };

  it("L4 · L7 · L8 · each part comes back by itself as it was, after what was there was backed up", async () => {
    const before = { ...(await everything()), log: logNow(), state: await stateNow() };
    const { id } = await create();
    await spoilEverything();
    const spoilt = await everything();
    // The log is spoilt, and the one in the backup is from before its own entry: nothing proves the backup any more.
    const refused = await stack.rewind("restore", id, "--part", "records", "--yes");
    assert.equal(refused.code, 10, refused.output);
    for (const part of ["records", "extra", "state", "rows", "policies", "database", "stack"]) {
      const { before: kept, restored: done } = await restored(id, "--part", part, "--unproven");
      assert.deepEqual(
        done.map((each) => each.part),
        [part],
      );
      assert.ok(existsSync(join(backups, kept, part)), `${part} was backed up first`);
      assert.equal((await verified(kept)).code, 0);
    }
    const { log, ...rest } = before;
    assert.deepEqual({ ...(await everything()), state: await stateNow() }, rest);
    assert.ok(logNow().startsWith(log), "the log has what it had, and what was restored since");
    assert.notDeepEqual(spoilt.rows, before.rows);
    const old = await stack.query<{ name: string }>(
      "select datname as name from pg_database where datname like 'scoring_before_%'",
    );
    assert.equal(old.length, 1, "what was there stays under another name");
    await stack.query(`drop database ${old[0]?.name ?? ""}`);
  });

  it("S3 · configuration rows that were changed, added and removed are as they were; rows that no release names stay", async () => {
    const { id } = await create();
    const before = await rowsNow();
    await stack.query("update app.scoring_config set value = '1'::jsonb where key = 'results_version'");
    await stack.query("insert into app.scoring_config (key, value) values ('somebody''s', '1'::jsonb)");
    await stack.query("delete from app.scoring_config where key <> 'results_version' and key <> 'somebody''s'");
    await restored(id, "--part", "rows");
    const own = await stack.query("delete from app.scoring_config where key = 'somebody''s' returning key");
    assert.equal(own.length, 1);
    assert.deepEqual(await rowsNow(), before);
  });

  it("L4 · the whole comes back, and the next updates go on from there", async () => {
    const before = await everything();
    const log = logNow();
    const { id } = await create();
    stack.pin("v1.2.0");
    await stack.up();
    await stack.query("delete from app.many");
    const { restored: done } = await restored(id);
    assert.deepEqual(
      done.map((each) => each.part),
      ["extra", "records", "database", "policies", "stack"],
    );
    assert.deepEqual(await everything(), before);
    // History goes on: what was deployed meanwhile stays in the log.
    assert.ok(logNow().startsWith(log) && logNow().length > log.length);
    // What came back is nobody's edit: it is verified by the next update, and the one after goes on from there.
    await stack.up();
    const verdict = await stack.rewind("verify");
    assert.equal(verdict.code, 0, verdict.output);
    stack.pin("v1.2.0");
    await stack.up();
    stack.pin("v1.2.1");
    await stack.up();
  });

  it("L4 · a backup that is not what was written is refused, and nothing is touched", async () => {
    const { id, folder } = await create();
    writeFileSync(join(folder, "state", "state.json"), "{}");
    const count = readdirSync(backups).length;
    const ran = await stack.rewind("restore", id, "--yes");
    assert.equal(ran.code, 17, ran.output);
    assert.match(ran.output, /nothing was touched\nNext: rewind backup choose/);
    assert.equal(readdirSync(backups).length, count);
    const chosen = await stack.rewind("backup", "choose", "--json");
    assert.notEqual((JSON.parse(chosen.stdout) as { chosen: string }).chosen, id);
    rmSync(folder, { recursive: true });
  });

  it("a stack file that is lost comes back without an engine", async () => {
    const { id } = await create();
    const text = readFileSync(stack.stackFile, "utf8");
    rmSync(stack.stackFile);
    try {
      await restored(id, "--part", "stack");
      assert.equal(readFileSync(stack.stackFile, "utf8"), text);
    } finally {
      writeFileSync(stack.stackFile, text);
    }
  });

  it("an encrypted backup holds nothing in clear, opens with its key alone, and is restored", async () => {
    const key = join(extra, "..", ".rewind-test-key");
    const secret = await generateIdentity();
    writeFileSync(key, `# made for a test\n${secret}\n`, { mode: 0o600 });
    try {
      const made = await create("--encrypt-to", await identityToRecipient(secret));
      assert.deepEqual(readdirSync(made.folder).sort(), ["BACKUP_MANIFEST.json", "backup.tar.age", "checksums"]);
      execFileSync("sha256sum", ["--quiet", "-c", "checksums/SHA256SUMS"], { cwd: made.folder });
      assert.equal((await verified(made.id)).code, 0);
      const closed = await stack.rewind("backup", "verify", made.id, "--level", "comprehensive");
      assert.notEqual(closed.code, 0, closed.output);
      const open = await stack.rewind("backup", "verify", made.id, "--level", "comprehensive", "--identity", key);
      assert.equal(open.code, 0, open.output);
      const before = await rowsNow();
      await stack.query("update app.scoring_config set value = '1'::jsonb");
      const refused = await stack.rewind("restore", made.id, "--part", "rows", "--yes");
      assert.equal(refused.code, 10, refused.output);
      await restored(made.id, "--part", "rows", "--identity", key);
      assert.deepEqual(await rowsNow(), before);
      assert.deepEqual(
        readdirSync(backups).filter((each) => each.includes("partial")),
        [],
      );
    } finally {
      rmSync(key);
    }
  });

  it("a copy in the object store is byte for byte the backup", async () => {
    await withStore(async ({ store }) => {
      const made = await create("--copy");
      const Prefix = `of/${name}/${made.id}/`;
      const { Contents = [] } = await store.send(new ListObjectsV2Command({ Bucket: "kept-backups", Prefix }));
      assert.equal(Contents.length, made.files + 2);
      for (const { Key = "" } of Contents) {
        const { Body } = await store.send(new GetObjectCommand({ Bucket: "kept-backups", Key }));
        const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
        assert.ok(bytes.equals(readFileSync(join(made.folder, Key.slice(Prefix.length)))), Key);
      }
    });
  });

  it("a copy is fetched where the machine has lost its own, and of a damaged one nothing is kept", async () => {
    await withStore(async ({ store }) => {
      const [older, newest] = [await create("--copy"), await create("--copy")];
      const here = await stack.rewind("backup", "fetch");
      assert.equal(here.code, 10, here.output);
      assert.match(here.output, /is here already/);
      const lost = `${newest.folder}.lost`;
      renameSync(newest.folder, lost);
      const ran = await stack.rewind("backup", "fetch", "--json");
      assert.equal(ran.code, 0, ran.output);
      assert.equal((JSON.parse(ran.stdout) as Created).id, newest.id);
      execFileSync("diff", ["--recursive", lost, newest.folder]);
      execFileSync("sha256sum", ["--quiet", "-c", "checksums/SHA256SUMS"], { cwd: newest.folder });
      rmSync(lost, { recursive: true });
      rmSync(older.folder, { recursive: true });
      const Key = `of/${name}/${older.id}/stack/Pulumi.yaml`;
      await store.send(new PutObjectCommand({ Bucket: "kept-backups", Key, Body: "name: another\n" }));
      const damaged = await stack.rewind("backup", "fetch", older.id);
      assert.equal(damaged.code, 17, damaged.output);
      await store.send(new DeleteObjectCommand({ Bucket: "kept-backups", Key }));
      const without = await stack.rewind("backup", "fetch", older.id);
      assert.equal(without.code, 17, without.output);
      const unknown = await stack.rewind("backup", "fetch", "../..");
      assert.equal(unknown.code, 10, unknown.output);
      assert.ok(!existsSync(older.folder));
      assert.deepEqual(
        readdirSync(backups).filter((each) => each.includes("partial")),
        [],
      );
    });
  });

  it("pruning says what it would do, keeps what is needed, and never the interrupted", async () => {
    const last = await create();
    mkdirSync(join(backups, "making.partial-killed"));
    const said = async (...args: string[]) => {
      const ran = await stack.rewind("backup", "prune", "--keep", "1", "--json", ...args);
      assert.equal(ran.code, 0, ran.output);
      return JSON.parse(ran.stdout) as { backups: { id: string; keep: boolean; why: string }[] };
    };
    const count = readdirSync(backups).length;
    const dry = await said();
    assert.equal(readdirSync(backups).length, count);
    assert.ok(dry.backups.some(({ keep }) => !keep));
    await said("--yes");
    const left = (await stack.rewind("backup", "list", "--json")).stdout;
    const ids = (JSON.parse(left) as { backups: { id: string }[] }).backups.map(({ id }) => id);
    assert.ok(ids.includes(last.id));
    assert.ok(!ids.some((id) => id.includes("partial")));
    assert.deepEqual(
      ids,
      dry.backups.filter(({ keep }) => keep).map(({ id }) => id),
    );
  });
});
