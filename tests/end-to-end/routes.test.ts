import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { deleteRoute, dialOf, readRoute } from "../../checks/proxy";
import { withCache } from "./cache";
import { fixtureFor, scratch, type Fixture } from "./fixture";
import { checkout } from "./local-home";
import { configOf, edit } from "./stack-edits";

const patience = 300_000;

/** One answer of the load, or why there was none. */
interface Answer {
  readonly status: number;
  readonly version: string;
  readonly failure?: string;
}

/** Sends requests to a URL until told to stop: on connections that are kept, and on new ones. */
function load(url: string): { stop(): Promise<Answer[]> } {
  const kept = new Agent({ keepAlive: true, maxSockets: 2 });
  const answers: Answer[] = [];
  let stopped = false;
  const once = (agent: Agent | false): Promise<Answer> =>
    new Promise((resolve) => {
      const sent = request(url, { agent }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.once("end", () => {
          const { version = "" } = JSON.parse(body === "" ? "{}" : body) as { version?: string };
          resolve({ status: response.statusCode ?? 0, version });
        });
      });
      sent.once("error", (error: NodeJS.ErrnoException) => {
        // A server may close a kept connection while a request is on its way there. Browsers and every HTTP client send
        // a GET again then, on a new connection (RFC 9110, 9.2.2); Node leaves that to its caller.
        if (sent.reusedSocket && error.code === "ECONNRESET") resolve(once(false));
        else resolve({ status: 0, version: "", failure: error.message });
      });
      sent.end();
    });
  const worker = async (agent: Agent | false): Promise<void> => {
    while (!stopped) {
      answers.push(await once(agent));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const workers = [worker(kept), worker(kept), worker(false), worker(false)];
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
      kept.destroy();
      return answers;
    },
  };
}

/** The ports that a process listens on, as the kernel tells. */
function listenersOf(pid: number): string[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    }),
  );
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === "0A" && own.has(`socket:[${inode}]`))
      .map(([, local = ""]) => String(parseInt(local.split(":")[1] ?? "", 16))),
  );
}

describe("a route in front of a service", function () {
  this.timeout(patience);
  let fixture: Fixture;
  before(async function () {
    fixture = await fixtureFor(this);
    await fixture.empty();
    await fixture.up();
  });

  const proxy = () => ({ admin: fixture.environment.proxy.admin, server: "rewind" });
  const id = () => `rewind.local-${fixture.environment.id}.route.api`;
  const version = async (): Promise<string> => {
    const response = await fetch(`${fixture.environment.proxy.url}/health`);
    return ((await response.json()) as { version: string }).version;
  };
  const hasLocale = async (): Promise<boolean> =>
    (
      await fixture.query(
        "select from information_schema.columns where table_name = 'notes' and column_name = 'locale'",
      )
    ).length === 1;
  /** Changes the stack file's smoke requests of the route. */
  const smoke = (requests: { path: string; status?: number }[]): void => {
    const document = parseDocument(readFileSync(fixture.stackFile, "utf8"));
    document.setIn(["config", "rewind:environment", "routes", "api", "smoke"], document.createNode(requests));
    writeFileSync(fixture.stackFile, document.toString({ lineWidth: 0 }));
  };
  const usual = [{ path: "/health" }, { path: "/readiness" }, { path: "/v1/tasks" }];

  it("W3 · a load that runs through the rollback sees no failed request, and the new version only after the old", async () => {
    assert.equal(await version(), "v1.2.1");
    const running = load(`${fixture.environment.proxy.url}/health`);
    fixture.pin("v1.2.0");
    await fixture.up();
    const answers = await running.stop();
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    const versions = answers.map((answer) => answer.version);
    assert.ok(answers.length > 100, `only ${answers.length} answers`);
    assert.deepEqual([...new Set(versions)], ["v1.2.1", "v1.2.0"]);
  });

  it("SEC-M9 · the proxy's admin API is a socket that only its owner reaches, and nothing else of it listens but its port", () => {
    const { admin, url } = fixture.environment.proxy;
    const socket = admin.replace("unix://", "");
    // Every change of its configuration makes the socket anew.
    const { mode, uid } = statSync(socket);
    assert.equal(mode & 0o077, 0, mode.toString(8));
    assert.equal(uid, process.getuid?.());
    const pid = (JSON.parse(readFileSync(join(checkout, scratch, "proxy", "process.json"), "utf8")) as { pid: number })
      .pid;
    assert.deepEqual(listenersOf(pid), [new URL(url).port]);
    if (process.getuid?.() !== 0) return;
    const asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "test", "-w", socket];
    assert.equal(spawnSync("setpriv", asNobody).status, 1);
  });

  it("follows its container to another port, as Docker gives out when it starts again, with a plain update", async () => {
    const container = (await fixture.containers())["services/api"] ?? "";
    const before = dialOf(await readRoute(proxy(), id()));
    // Docker may give out the same port again; the next start then has another.
    for (let start = 0; start < 5; start += 1) {
      await fixture.docker.getContainer(container).restart();
      const { NetworkSettings } = await fixture.docker.getContainer(container).inspect();
      if (!JSON.stringify(NetworkSettings.Ports).includes(`"${before?.split(":")[1] ?? ""}"`)) break;
    }
    const broken = await fixture.rewind("verify");
    assert.equal(broken.code, 11, broken.output);
    assert.match(broken.output, /leads to 127\.0\.0\.1:\d+, the pinned version is at 127\.0\.0\.1:\d+/);
    assert.match(broken.output, /Next: (?:rewind rollback, or )?pulumi up/);
    await fixture.up();
    assert.notEqual(dialOf(await readRoute(proxy(), id())), before);
    assert.equal(await version(), "v1.2.0");
    assert.equal((await fixture.containers())["services/api"], container, "the container stayed");
    const again = await fixture.up();
    assert.doesNotMatch(again.output, /updated|created|replaced/);
  });

  it("W3 · a version that does not answer as it must at its own address never gets the route", async () => {
    const before = await readRoute(proxy(), id());
    smoke([...usual, { path: "/v1/nobody" }]);
    fixture.pin("v1.2.1");
    const running = load(`${fixture.environment.proxy.url}/health`);
    const { code, output } = await fixture.pulumi(["up", "--yes", "--skip-preview"]);
    const answers = await running.stop();
    assert.notEqual(code, 0);
    assert.match(output, /was not moved, what it led to still answers.*\/v1\/nobody → 404; expected 200/s);
    assert.deepEqual(await readRoute(proxy(), id()), before);
    assert.deepEqual([...new Set(answers.map((each) => `${each.status} ${each.version}`))], ["200 v1.2.0"]);
    smoke(usual);
  });

  it("W1 · the way back from an update that ended half-way clears what was cached and takes the schema along", async () => {
    assert.equal(await hasLocale(), true);
    await withCache(fixture, (cache) => cache.set("scoring:probe", "as the version that never was verified read it"));
    fixture.pin("v1.2.0");
    await fixture.up();
    assert.equal(await withCache(fixture, (cache) => cache.get("scoring:probe")), null);
    assert.equal(await hasLocale(), false);
    fixture.pin("v1.2.1");
    await fixture.up();
    assert.equal(await version(), "v1.2.1");
  });

  it("a route that was moved by hand is seen by verification and repaired by refresh and up", async () => {
    await deleteRoute(proxy(), id());
    const verified = await fixture.rewind("verify");
    assert.notEqual(verified.code, 0);
    assert.match(verified.output, /route api.*leads to nobody/);
    const refreshed = await fixture.pulumi(["refresh", "--yes", "--skip-preview"]);
    assert.equal(refreshed.code, 0, refreshed.output);
    await fixture.up();
    assert.notEqual(dialOf(await readRoute(proxy(), id())), undefined);
    assert.equal((await fixture.rewind("verify")).code, 0);
  });

  it("a proxy that is down is named before anything is touched, and the same command works when it is back", async () => {
    const before = await fixture.containers();
    const entries = fixture.log().length;
    await fixture.kill("proxy");
    fixture.pin("v1.2.0");
    const { code, output } = await fixture.pulumi(["up", "--yes", "--skip-preview"]);
    assert.notEqual(code, 0);
    assert.match(output, /error\s+proxy: the proxy at unix:\S+admin\.sock does not answer/);
    assert.deepEqual(await fixture.containers(), before);
    assert.equal(fixture.log().length, entries);
    await fixture.repair();
    assert.equal(await version(), "v1.2.1", "what the proxy saved, it has again");
    await fixture.up();
    assert.equal(await version(), "v1.2.0");
  });

  it("W4 · a toggle lets in only the addresses that it names, without a release, and everyone again when it is given back", async () => {
    const good = readFileSync(fixture.stackFile, "utf8");
    const toggles = configOf(fixture)["rewind:environment"]?.toggles as unknown as string[];
    edit(
      fixture,
      ["rewind:environment/toggles", [...toggles, "INGRESS_ALLOWED"]],
      ["rewind:environment/routes/api/allow", "INGRESS_ALLOWED"],
      ["rewind:toggles/INGRESS_ALLOWED", "192.0.2.0/24, 2001:db8::/32"],
    );
    const containers = await fixture.containers();
    const status = async () => (await fetch(`${fixture.environment.proxy.url}/health`)).status;
    await fixture.up();
    assert.equal(await status(), 403);
    edit(fixture, ["rewind:toggles/INGRESS_ALLOWED", "127.0.0.0/8"]);
    await fixture.up();
    assert.equal(await status(), 200);
    assert.deepEqual(await fixture.containers(), containers, "nobody is started anew for a toggle of the proxy");
    writeFileSync(fixture.stackFile, good);
    await fixture.up();
    assert.equal(await status(), 200);
  });

  it("a stack that is destroyed takes its routes along", async () => {
    await fixture.empty();
    assert.equal(await readRoute(proxy(), id()), undefined);
  });
});
