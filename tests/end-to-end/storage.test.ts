import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import {
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  GetBucketPolicyCommand,
  ListObjectVersionsCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { lastVerified } from "../../records/state";
import { openFileLog } from "../../records/log";
import { withValueAt } from "../../project/stack-edit";
import { fixtureFor, stack as stackName, stackFileOf, type Fixture, type Ran } from "./fixture";
import { patientUp } from "./patient";

const Bucket = "scoring-documents";

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

describe("the object store of a release, on a real store", function () {
  let stack: Fixture;
  let own: S3Client;
  let opened: S3Client | undefined;
  before(async function () {
    stack = await fixtureFor(this);
    own = opened = storeAs(stack.environment.objectStore);
    await stack.empty();
    await patientUp(stack);
  });
  after(() => {
    opened?.destroy();
  });

  const storeAs = ({ accessKey, secretKey }: Keys): S3Client => {
    const { endpoint, region } = stack.environment.objectStore;
    const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
    return new S3Client({ endpoint, region, forcePathStyle: true, credentials, maxAttempts: 1 });
  };
  const application = async (): Promise<Keys> => {
    const { stdout } = await stack.pulumi(["config", "get", "secrets"]);
    const secrets = JSON.parse(stdout) as Record<string, string>;
    return { accessKey: secrets["application-access-key"]!, secretKey: secrets["application-secret-key"]! };
  };
  /** The name of the error with which a key is refused, undefined when it may write. */
  const writing = async (keys: Keys): Promise<string | undefined> => {
    const store = storeAs(keys);
    try {
      await store.send(new PutObjectCommand({ Bucket, Key: "documents/report.txt", Body: "report" }));
      return undefined;
    } catch (error) {
      return (error as Error).name;
    } finally {
      store.destroy();
    }
  };
  const evidenceOf = (check: string): string =>
    lastVerified(stack.log())?.outcome?.checks.find(({ name }) => name === check)?.evidence ?? "";
  const probes = async (): Promise<string[]> => {
    const { Versions = [], DeleteMarkers = [] } = await own.send(new ListObjectVersionsCommand({ Bucket }));
    return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key).filter((key) => key.includes("rewind-probe"));
  };
  const addressOf = async (entry: string): Promise<string> => {
    const id = (await stack.containers())[entry] ?? "";
    const { NetworkSettings } = await stack.docker.getContainer(id).inspect();
    return `http://127.0.0.1:${Object.values(NetworkSettings.Ports)[0]?.[0]?.HostPort ?? ""}`;
  };

  /** A verb that applies; where a busy machine stopped it half-way, `finish` does what its own report says is next. */
  const applied = async (finish: () => Promise<Ran>, ...args: readonly string[]): Promise<Ran> => {
    let ran = await stack.rewind(...args);
    for (
      let left = 2;
      left > 0 && ran.code !== 0 && /Next: +(?:rewind rotate|rewind verify|pulumi up)/.test(ran.output);
      left -= 1
    ) {
      ran = await finish();
    }
    assert.equal(ran.code, 0, ran.output);
    return ran;
  };
  const rotated = (reason: string): Promise<Ran> => {
    const args = ["rotate", "application", "--reason", reason];
    return applied(() => stack.rewind(...args), ...args);
  };
  const toggled = (...args: readonly string[]): Promise<Ran> =>
    applied(() => stack.pulumi(["up", "--yes", "--skip-preview"]), "toggle", ...args);

  it("W7 · the pinned policy is tried by everybody who may and may not, and nothing of it stays", async () => {
    assert.match(
      evidenceOf("access documents"),
      /^24 attempts on scoring-documents by anonymous, application, stranger ended as its policy says$/,
    );
    assert.equal(await writing(await application()), undefined, "v1.2.1 lets the application write");
    assert.deepEqual(await probes(), []);
  });

  it("W7 · a signed URL reads, an expired one is refused, and only the allowed site may use the bucket", () => {
    assert.equal(
      evidenceOf("signed URL documents"),
      "a signed URL of 60 s reads; one that was signed 600 s ago is refused",
    );
    assert.equal(evidenceOf("cors documents"), "1 preflight let through, another origin is refused");
  });

  it("W7 · a signed URL of the application lives no longer than allowed", () => {
    assert.match(evidenceOf("signed-url"), /^a signed URL lives 60 s \(at most 15m\) and answered 200/);
  });

  it("W7 · the earlier policy comes back, and by it the application reads and does not write", async () => {
    stack.pin("v1.2.0");
    await patientUp(stack);
    assert.equal(await writing(await application()), "AccessDenied");
    assert.match(evidenceOf("access documents"), /ended as its policy says$/);
    stack.pin("v1.2.1");
    await patientUp(stack);
    assert.equal(await writing(await application()), undefined);
  });

  it("W6 · a bucket that was opened to everybody by hand is found by what it does, and the probe leaves nothing behind", async () => {
    const { Policy = "" } = await own.send(new GetBucketPolicyCommand({ Bucket }));
    const policy = JSON.parse(Policy) as { Statement: object[] };
    const Resource = `arn:aws:s3:::${Bucket}/*`;
    policy.Statement.push({ Effect: "Allow", Principal: "*", Action: ["s3:PutObject", "s3:GetObject"], Resource });
    await own.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) }));
    const { CORSRules } = await own.send(new GetBucketCorsCommand({ Bucket }));
    await own.send(new DeleteBucketCorsCommand({ Bucket }));
    const { code, stdout } = await stack.rewind("verify", "--json");
    assert.equal(code, 11, stdout);
    const { verdict } = JSON.parse(stdout) as { verdict: { checks: { name: string; evidence: string }[] } };
    const seen = (check: string) => verdict.checks.find(({ name }) => name === check)?.evidence ?? "";
    assert.match(seen("access documents"), /anonymous: put \S+ answered 200, but the policy does not allow it/);
    assert.match(seen("cors documents"), /does not let https:\/\/app\.example\.com GET/);
    assert.deepEqual(await probes(), []);
    await own.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await own.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  });

  it("a policy that locks out its own writer, or lets everybody write, is refused before anything is touched", async () => {
    const text = readFileSync(stack.stackFile, "utf8");
    const { Policy } = await own.send(new GetBucketPolicyCommand({ Bucket }));
    const entries = stack.log().length;
    const at = ["rewind:releases", "v1.2.1", "storage", "documents"] as const;
    const documents = (stackFileOf(stack).config["rewind:releases"] as Record<string, Release>)["v1.2.1"]!.storage
      .documents;
    const deny = {
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: ["arn:aws:s3:::${bucket}", "arn:aws:s3:::${bucket}/*"],
    };
    const open = { Effect: "Allow", Principal: "*", Action: "s3:PutObject", Resource: "arn:aws:s3:::${bucket}/*" };
    const secret = { ...open, Effect: "Deny", Principal: { AWS: "${principal.application}" } };
    const cases: [object, object, RegExp][] = [
      [{}, deny, /locks out the stack itself/],
      [{}, open, /everybody would be allowed s3:PutObject/],
      [{ writers: ["application"] }, secret, /locks out its own writer: application may not write anywhere/],
    ];
    try {
      for (const [more, statement, problem] of cases) {
        const policy = { ...documents.policy, Statement: [...documents.policy.Statement, statement] };
        writeFileSync(stack.stackFile, withValueAt(text, at, { ...documents, ...more, policy }));
        const { code, output } = await stack.pulumi(["up", "--yes", "--skip-preview"]);
        assert.notEqual(code, 0);
        assert.match(output, problem);
      }
    } finally {
      writeFileSync(stack.stackFile, text);
    }
    assert.equal((await own.send(new GetBucketPolicyCommand({ Bucket }))).Policy, Policy);
    assert.equal(stack.log().length, entries);
  });

  it("W7 · a leaked key is rotated: the new one works, the old one is refused, and the log says so", async () => {
    const old = await application();
    const { output } = await rotated("leaked");
    const fresh = await application();
    assert.notEqual(fresh.accessKey, old.accessKey);
    assert.equal(await writing(fresh), undefined);
    assert.equal(await writing(old), "InvalidAccessKeyId");
    for (const secret of [old.secretKey, fresh.secretKey]) assert.ok(!output.includes(secret));
    const { Policy = "" } = await own.send(new GetBucketPolicyCommand({ Bucket }));
    assert.ok(Policy.includes(fresh.accessKey) && !Policy.includes(old.accessKey));
    const steps = stack.log().flatMap((entry) => (entry.kind === "rotation" ? [entry] : []));
    assert.deepEqual(
      steps.map(({ step, from, to }) => [step, from, to]),
      (["begun", "revoked", "finished"] as const).map((step) => [step, old.accessKey, fresh.accessKey]),
    );
    assert.ok(!JSON.stringify(stack.log()).includes(fresh.secretKey));
    assert.ok(!readFileSync(stack.stackFile, "utf8").includes(fresh.secretKey));
    assert.equal((await stack.rewind("verify")).code, 0);
  });

  it("W7 · a rotation that was interrupted is finished by the same command, also after the store was started again", async () => {
    const old = await application();
    const log = openFileLog(stack.logFile, stackName, String);
    log.append({
      kind: "rotation",
      identity: "application",
      step: "begun",
      from: old.accessKey,
      to: "APPLOST",
      reason: "leaked",
    });
    await stack.kill("objectStore");
    await stack.repair();
    assert.equal(await writing(old), undefined, "the rotated key outlives its store's process");
    await rotated("again");
    assert.equal(await writing(await application()), undefined);
    assert.equal(await writing(old), "InvalidAccessKeyId");
  });

  it("SEC-M3 · a key is not rotated without somebody else's agreement where the stack asks for it", async () => {
    const before = readFileSync(stack.stackFile, "utf8");
    const key = await application();
    writeFileSync(stack.stackFile, withValueAt(before, ["rewind:approval"], {}));
    const { code, output } = await stack.rewind("rotate", "application", "--reason", "alone");
    writeFileSync(stack.stackFile, before);
    assert.equal(code, 10, output);
    assert.match(
      output,
      /rotate: another key for application, \S+ revoked, by the stack file sha256:.*approve --request/s,
    );
    assert.equal(await writing(key), undefined);
    assert.deepEqual(await application(), key);
  });

  it("an identity without keys is refused with those that have some", async () => {
    const { code, output } = await stack.rewind("rotate", "nobody", "--reason", "leaked");
    assert.equal(code, 10, output);
    assert.match(output, /no keys of an identity nobody; the environment has application, stranger/);
  });

  it("W9 · the correlation-ID flag is switched off without a release, by one command that leaves its trace", async () => {
    const header = async () =>
      (await fetch(`${await addressOf("services/api")}/v1/tasks`)).headers.get("x-correlation-id");
    assert.notEqual(await header(), null);
    const before = readFileSync(stack.stackFile, "utf8");
    await toggled("CORRELATION_ID_ENABLED", "false", "--reason", "W9 drill");
    assert.equal(await header(), null);
    const changed = readFileSync(stack.stackFile, "utf8")
      .split("\n")
      .filter((line) => !before.includes(line));
    assert.deepEqual(changed, ["  rewind:toggles: { CORRELATION_ID_ENABLED: false }"]);
    const entry = stack.log().findLast(({ kind }) => kind === "toggle");
    assert.ok(
      entry?.kind === "toggle" && entry.reason === "W9 drill" && entry.value === false && entry.by.includes("@"),
    );
    assert.deepEqual(lastVerified(stack.log())?.intent.to.toggles, { CORRELATION_ID_ENABLED: false });
    const listed = await stack.rewind("toggle", "--json");
    assert.deepEqual(
      (JSON.parse(listed.stdout) as { toggle: string }[]).find(({ toggle }) => toggle === "CORRELATION_ID_ENABLED"),
      { toggle: "CORRELATION_ID_ENABLED", value: false, source: "stack", release: true },
    );
    await toggled("CORRELATION_ID_ENABLED", "--release", "--reason", "drill over");
    assert.notEqual(await header(), null);
  });

  it("W4 · a tighter CORS allow-list refuses another site's pages, without a rollback", async () => {
    const ask = async (origin: string) => fetch(`${await addressOf("services/api")}/v1/tasks`, { headers: { origin } });
    assert.equal((await ask("https://other.example.com")).status, 200);
    await toggled("CORS_ALLOWED_ORIGINS", "https://app.example.com", "--reason", "abuse");
    assert.equal((await ask("https://other.example.com")).status, 403);
    const allowed = await ask("https://app.example.com");
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example.com");
  });

  it("W4 · an unknown toggle, a value of another type and a missing reason are refused, and nothing is written", async () => {
    const before = readFileSync(stack.stackFile, "utf8");
    for (const [args, problem] of [
      [["NOT_THERE", "true", "--reason", "x"], /no toggle NOT_THERE; the environment has AUTOPILOT_WORKER_DISABLED/],
      [["CORRELATION_ID_ENABLED", "maybe", "--reason", "x"], /CORRELATION_ID_ENABLED is true or false, got "maybe"/],
      [["CORRELATION_ID_ENABLED", "false"], /expected a reason/],
    ] as const) {
      const { code, output } = await stack.rewind("toggle", ...args);
      assert.equal(code, 10, output);
      assert.match(output, problem);
    }
    assert.equal(readFileSync(stack.stackFile, "utf8"), before);
  });
});

interface Release {
  storage: { documents: { policy: { Statement: object[] } } };
}
