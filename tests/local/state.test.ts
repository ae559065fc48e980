import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type LocalEnvironment } from "../../local/environment";
import { readEntry, readEnvironment, writeEnvironment } from "../../local/environment-file";
import { homeOf, newSecret, readJson, writeJson, writeWhole } from "../../local/state";

const keys = { accessKey: "A", secretKey: "S" };
const complete: LocalEnvironment = {
  id: "0a1b2c",
  folder: "/somewhere/.rewind",
  pulumi: { bin: "/b", home: "/h", backend: "file:///s", passphraseFile: "/p", version: "3.256.0", source: "built" },
  plugins: [{ name: "docker", version: "5.2.0", source: "ours" }],
  docker: { host: "unix:///d", gateway: "10.64.0.1", version: "20", source: "machine" },
  registry: { address: "127.0.0.1:20000", source: "debian" },
  postgres: { host: "127.0.0.1", port: 20_001, user: "u", password: "p", version: "15.1", source: "npm" },
  objectStore: {
    endpoint: "http://127.0.0.1:20002",
    containerEndpoint: "http://10.64.0.1:20002",
    region: "us-east-1",
    ...keys,
    application: keys,
    foreign: keys,
    source: "built",
  },
  redis: { host: "127.0.0.1", port: 20_003, password: "p", source: "image" },
  proxy: { admin: "http://127.0.0.1:20004", url: "http://127.0.0.1:20005", source: "debian" },
};

describe("the state folder", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "rewind-state-")));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("names a clone by its real path", () => {
    fs.mkdirSync(path.join(folder, "clone"));
    fs.symlinkSync(path.join(folder, "clone"), path.join(folder, "link"));
    const home = homeOf(path.join(folder, "clone"));
    assert.match(home.id, /^[0-9a-f]{6}$/);
    assert.equal(home.folder, path.join(folder, "clone", ".rewind"));
    assert.deepEqual(homeOf(path.join(folder, "link")), home);
    assert.notEqual(homeOf(folder).id, home.id);
  });

  it("is another one, with another id, where REWIND_HOME says", () => {
    const home = homeOf(folder, path.join(folder, "not", "there", "yet"));
    assert.equal(home.folder, path.join(folder, "not", "there", "yet"));
    assert.notEqual(home.id, homeOf(folder).id);
    assert.notEqual(home.id, homeOf(folder, path.join(folder, "other")).id);
    assert.deepEqual(homeOf(folder, ""), homeOf(folder));
    assert.equal(homeOf("/x", path.join(folder, ".rewind")).id, homeOf(folder).id, "the same folder, the same id");
  });

  it("gives a file its name only when it is whole, for its owner's eyes only", () => {
    const file = path.join(folder, "below", "file.json");
    writeJson(file, { a: 1 });
    assert.deepEqual(readJson(file), { a: 1 });
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    fs.chmodSync(file, 0o666);
    writeWhole(file, "new");
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["file.json"], "no temporary name is left");
  });

  it("starts afresh on a file that is missing or damaged", () => {
    assert.equal(readJson(path.join(folder, "none")), undefined);
    fs.writeFileSync(path.join(folder, "cut"), '{"a": ');
    assert.equal(readJson(path.join(folder, "cut")), undefined);
  });

  it("holds the environment that was written, readable by its owner only", () => {
    writeEnvironment(folder, complete);
    assert.deepEqual(readEnvironment(folder), complete);
    assert.equal(fs.statSync(path.join(folder, "environment.json")).mode & 0o777, 0o600);
  });

  it("holds no environment when it is damaged, incomplete, or of another version", () => {
    assert.equal(readEnvironment(folder), undefined);
    for (const text of [
      "",
      "[]",
      JSON.stringify(complete).slice(0, 100),
      JSON.stringify({ ...complete, redis: undefined }),
      JSON.stringify({ ...complete, surplus: 1 }),
      JSON.stringify({ ...complete, redis: { ...complete.redis, port: 0 } }),
      JSON.stringify({ ...complete, docker: { ...complete.docker, source: "stolen" } }),
    ]) {
      fs.writeFileSync(path.join(folder, "environment.json"), text);
      assert.equal(readEnvironment(folder), undefined, text);
    }
  });

  it("holds a part's entry only in the present shape", () => {
    const file = path.join(folder, "running.json");
    writeJson(file, complete.redis);
    assert.deepEqual(readEntry("redis", file), complete.redis);
    assert.equal(readEntry("postgres", file), undefined);
  });

  it("gives out secrets that need no quoting anywhere and never come twice", () => {
    const secrets = new Set(Array.from({ length: 100 }, () => newSecret()));
    assert.equal(secrets.size, 100);
    for (const secret of secrets) assert.match(secret, /^[0-9a-f]{40}$/);
  });
});
