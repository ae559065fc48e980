import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { deleteRoute } from "../../checks/proxy";
import { frontendBucket, publishFrontends, type Builds } from "../../local/frontend";
import { lastVerified } from "../../records/state";
import { fixtureFor, type Fixture } from "./fixture";

interface StackFile {
  readonly config: { readonly "rewind:environment": Record<string, unknown> };
}

const pages = ["/tasks", "/documents", "/onboarding", "/assistant"];
const nowhere = `sha256:${"0".repeat(64)}`;

describe("a frontend on real components", function () {
  let [stack, folder, original]: [Fixture?, string?, string?] = [];
  let builds: Builds;
  const own = (): Fixture => stack!;
  const proxy = () => own().environment.proxy;

  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    folder = mkdtempSync(join(tmpdir(), "rewind-frontend-"));
    builds = await publishFrontends(stack.environment.objectStore, folder);
    original = readFileSync(stack.stackFile, "utf8");
    // The frontend and the rows beside it: containers have tests of their own.
    const environment = (parseDocument(original).toJS() as StackFile).config["rewind:environment"];
    const place = { bucket: frontendBucket, url: proxy().url, route: {} };
    for (const other of ["services", "functions", "routes", "caches", "jobs"])
      Reflect.deleteProperty(environment, other);
    set(["rewind:environment"], { ...environment, toggles: [], frontends: { web: place } });
    const releases = Object.entries(builds).map(([version, build]) => {
      const rows = [{ key: "results_version", value: version }];
      return [version, { frontend: { web: { build } }, config: { scoring_config: { rows } } }];
    });
    set(["rewind:releases"], Object.fromEntries(releases));
    const check = { kind: "browser", to: "frontend/web", path: pages, visible: "[data-assistant-dock]" };
    set(["rewind:verification", "checks"], { pages: check });
  });

  after(async () => {
    if (stack === undefined || original === undefined) return;
    const { code, output } = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    assert.equal(code, 0, output);
    writeFileSync(stack.stackFile, original);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const set = (path: readonly string[], value: unknown): void => {
    const document = parseDocument(readFileSync(own().stackFile, "utf8"));
    document.setIn(["config", ...path], value);
    writeFileSync(own().stackFile, document.toString({ lineWidth: 0 }));
  };
  const rows = async () => await own().query("select * from app.scoring_config order by key");
  const script = async (): Promise<string> => {
    const page = await (await fetch(`${proxy().url}/tasks`)).text();
    const [, path = ""] = /src="([^"]+)"/.exec(page) ?? [];
    const answer = await fetch(`${proxy().url}${path}`);
    assert.equal(answer.headers.get("content-type"), "text/javascript; charset=utf-8");
    assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
    return await answer.text();
  };
  const evidenceOf = (name: string): string =>
    own()
      .log()
      .flatMap((entry) => (entry.kind === "outcome" ? [entry] : []))
      .at(-1)
      ?.checks.find((check) => check.name === name)?.evidence ?? "";

  it("W2 · the pinned build is served, and every declared page loads in a real browser with the assistant dock visible", async () => {
    await own().up();
    assert.match(await script(), /v1\.2\.1/);
    assert.match(evidenceOf("pages"), /^\/tasks, \/documents, \/onboarding, \/assistant load without an error/);
    const document = await fetch(`${proxy().url}/documents`);
    assert.equal(document.headers.get("cache-control"), "no-cache");
    assert.equal(document.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal((await fetch(`${proxy().url}/assets/none.js`)).status, 404, "a file that is not there is not a page");
    assert.equal((await fetch(`${proxy().url}/tasks`, { method: "POST" })).status, 405);
    assert.doesNotMatch(await (await fetch(`${proxy().url}/?list-type=2`)).text(), /ListBucketResult/);
  });

  it("W2 · the earlier build is made current again by the release pin, and the later one as well", async () => {
    own().pin("v1.2.0");
    await own().up();
    assert.match(await script(), /v1\.2\.0/);
    own().pin("v1.2.1");
    await own().up();
    assert.match(await script(), /v1\.2\.1/);
  });

  it("W2 · the frontend alone goes back and forth, and nothing else is touched", async () => {
    const before = await rows();
    own().pin("v1.2.1", { frontend: "v1.2.0" });
    await own().up();
    assert.match(await script(), /v1\.2\.0/);
    assert.deepEqual(await rows(), before);
    own().pin("v1.2.1");
    await own().up();
    assert.match(await script(), /v1\.2\.1/);
    assert.deepEqual(await rows(), before);
  });

  it("W2 · a build that writes an error to the console fails verification, and what was verified stays", async () => {
    const verified = lastVerified(own().log())?.intent.id;
    own().pin("v1.2.1", { "frontend/web": "v1.2.2" });
    const { code, output } = await own().pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /failed +pages: .*console error: the assistant has no model/);
    assert.equal(lastVerified(own().log())?.intent.id, verified);
    assert.equal(((await own().outputs()).verified as { entry: string }).entry, verified);
    own().pin("v1.2.1");
    await own().up();
    assert.match(await script(), /v1\.2\.1/);
  });

  it("W2 · a build that is not in the store is refused before anything is touched, in a preview too", async () => {
    set(["rewind:releases", "v1.2.2", "frontend", "web", "build"], nowhere);
    try {
      own().pin("v1.2.2");
      const before = { rows: await rows(), log: own().log().length };
      for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
        const { code, output } = await own().pulumi(args);
        assert.notEqual(code, 0);
        assert.match(output, /failed +build web: scoring-frontend has no build sha256:0{12}/);
        assert.match(output, /rewind frontend publish <folder> --name web/);
      }
      assert.deepEqual({ rows: await rows(), log: own().log().length }, before);
      assert.match(await script(), /v1\.2\.1/);
    } finally {
      set(["rewind:releases", "v1.2.2", "frontend", "web", "build"], builds["v1.2.2"]);
      own().pin("v1.2.1");
    }
  });

  it("W2 · a build is published by command under its digest, twice is once, and a hostile folder is refused", async () => {
    const copy = mkdtempSync(join(tmpdir(), "rewind-build-"));
    try {
      cpSync(join(folder!, "v1.2.0"), copy, { recursive: true });
      writeFileSync(join(copy, "robots.txt"), "User-agent: *\n");
      const publish = async () => await own().rewind("frontend", "publish", copy, "--name", "web", "--json");
      const [first, second] = [await publish(), await publish()];
      assert.equal(first.code, 0, first.output);
      const [once, twice] = [first, second].map(({ stdout }) => JSON.parse(stdout) as { build: string; sent: number });
      assert.match(once?.build ?? "", /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(twice, { ...once, sent: 0 });
      symlinkSync("/etc/passwd", join(copy, "passwd.txt"));
      const noted = own()
        .log()
        .filter(({ kind }) => kind === "audit");
      assert.equal(noted.length, 1, "what changed nothing leaves no entry");
      const refused = await publish();
      assert.equal(refused.code, 10, refused.output);
      assert.match(refused.output, /passwd\.txt: a link that leads out of the folder/);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });

  it("W2 · a route that somebody changed at the proxy is found, and put back after a refresh", async () => {
    const { admin } = proxy();
    await deleteRoute({ admin, server: "rewind" }, `rewind.local-${own().environment.id}.frontend.web`);
    const found = await own().rewind("verify", "--json");
    assert.equal(found.code, 11, found.output);
    assert.match(found.stdout, /served frontend\/web/);
    const refreshed = await own().pulumi(["up", "--yes", "--skip-preview", "--refresh"]);
    assert.equal(refreshed.code, 0, refreshed.output);
    assert.match(await script(), /v1\.2\.1/);
  });
});
