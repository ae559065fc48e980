import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { backendUrl, describeBackend, parseBackendUrl } from "../../cli/backend-url";
import { Refusal } from "../../cli/result";

const parsed = (url: string) => parseBackendUrl(url, "/project");

describe("the URL of a backend, as the engine reads it", () => {
  const files: [url: string, folder: string][] = [
    ["file:///var/state", "/var/state"],
    ["file:///var/state?no_tmp_dir=true", "/var/state"],
    ["file:///var/with%20space", "/var/with space"],
    ["file:///var/with space", "/var/with space"],
    ["file:///var/100%", "/var/100%"],
    ["file://state", "/project/state"],
    ["file://./state", "/project/state"],
    ["file://~", homedir()],
    ["file://~/state", join(homedir(), "state")],
  ];
  for (const [url, folder] of files) {
    it(`${url} is ${folder === homedir() ? "the home folder" : folder}`, () => {
      assert.deepEqual(parsed(url), { kind: "file", folder });
    });
  }

  it("s3:// keeps AWS's own defaults", () => {
    const plain = { kind: "s3", bucket: "states", prefix: "", forcePathStyle: false, tls: true };
    assert.deepEqual(parsed("s3://states"), plain);
    assert.deepEqual(parsed("s3://states/team/one"), { ...plain, prefix: "team/one/" });
    assert.deepEqual(parsed("s3://states/team/?region=eu-west-1&profile=ops&awssdk=v2"), {
      ...{ ...plain, prefix: "team/", region: "eu-west-1", profile: "ops" },
    });
  });

  it("s3:// knows the old names and the new, and gives an endpoint its scheme", () => {
    for (const query of ["disableSSL=true&s3ForcePathStyle=true", "disable_https=true&use_path_style=1"]) {
      const { endpoint, forcePathStyle, tls } = parsed(`s3://states?endpoint=minio:9000&${query}`) as never;
      assert.deepEqual([endpoint, forcePathStyle, tls], ["http://minio:9000", true, false]);
    }
    const whole = parsed("s3://states?endpoint=https://minio:9000") as { endpoint?: string };
    assert.equal(whole.endpoint, "https://minio:9000");
  });

  it("postgres:// has the engine's table, its encryption and its folder, which is the database's name", () => {
    const { password, ...rest } = parsed("postgres://me:p%40ss@db:5433/states") as { password?: string };
    assert.equal(password, "p@ss");
    assert.deepEqual(rest, {
      ...{ kind: "postgres", host: "db", port: 5433, user: "me", database: "states", sslmode: "require" },
      ...{ table: "pulumi_state", prefix: "states/" },
    });
    const { table, sslmode } = parsed("postgres://db/states?table=ops.pulumi&sslmode=disable") as never;
    assert.deepEqual([table, sslmode], ["ops.pulumi", "disable"]);
  });

  const refused = [
    ...["", "states", "https://app.pulumi.com", "gs://states", "azblob://states"],
    ...["s3://states?role=arn:aws:iam::1:role/r", "s3://states?regoin=x", "s3://states?disableSSL=maybe"],
    ...["postgres://db/states?table=a;drop%20table%20b", "postgres://db/states?sslmode=maybe"],
  ];
  for (const url of refused) {
    it(`is refused, with what to do: ${JSON.stringify(url)}`, () => {
      assert.throws(() => parsed(url), Refusal);
    });
  }

  it("a password is read as it was written, and told to nobody", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 8 }), (password) => {
        const backend = parsed(`postgres://me:${encodeURIComponent(password)}@db.example/states`);
        assert.ok(backend.kind === "postgres" && backend.password === password);
        assert.equal(describeBackend(backend), "postgres://db.example/states, table pulumi_state");
      }),
    );
  });

  it("whatever is given, the answer is a backend or a refusal", () => {
    const url = fc.tuple(fc.constantFrom("file://", "s3://", "postgres://", ""), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(url, ([scheme, rest]) => {
        try {
          assert.ok(describeBackend(parsed(scheme + rest)).length > 0);
        } catch (error) {
          assert.ok(error instanceof Refusal, String(error));
        }
      }),
    );
  });
});

describe("which backend the engine uses", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rewind-backend-"));
    mkdirSync(join(folder, "home"));
    writeFileSync(join(folder, "Pulumi.yaml"), "name: rewind\n");
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("is the variable's, else the project's, else the one logged in to", () => {
    const env = { PULUMI_HOME: join(folder, "home") };
    assert.throws(() => backendUrl(folder, env), Refusal);
    writeFileSync(join(folder, "home", "credentials.json"), JSON.stringify({ current: "file://~" }));
    assert.equal(backendUrl(folder, env), "file://~");
    writeFileSync(join(folder, "Pulumi.yaml"), "name: rewind\nbackend: { url: 's3://states' }\n");
    assert.equal(backendUrl(folder, env), "s3://states");
    assert.equal(backendUrl(folder, { ...env, PULUMI_BACKEND_URL: "file:///here" }), "file:///here");
  });
});
