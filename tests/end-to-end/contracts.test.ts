import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { artifactsFile } from "../../examples/contracts/chain/artifacts";
import { committed } from "../../examples/contracts/folders";
import { Home, storeOf, type Backend } from "../../examples/contracts/home";
import { soundRecords } from "../../examples/contracts/migrate";
import { damage, edit, findingsOf, newFolder, newHome, removeHomes, without } from "../examples/contracts-home";
import { checkout } from "./local-home";

const example = join(checkout, "examples", "contracts");
const program = join(example, "contracts.js");
const token = ["op-sepolia", "Token"] as const;
const all = async (home: Home, backend: Backend) => soundRecords(storeOf(home, backend), new Date());

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly output: string;
}

/** The example's command line, as a person types it. */
async function contracts(home: Home, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const child = start(home, args, env);
  let [stdout, output] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout, output };
}

function start(home: Home, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [program, "--home", home.folder, ...args], {
    cwd: checkout,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function well(home: Home, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran> {
  const ran = await contracts(home, args, env);
  assert.equal(ran.code, 0, ran.output);
  return ran;
}

/** Compiler and chains are large, and of this example alone: they are installed when they are first needed. */
function install(test: Mocha.Context): void {
  const lock = join(example, "node_modules", ".package-lock.json");
  if (existsSync(lock)) return;
  process.stderr.write("  installing the compiler and the local chains of examples/contracts, 300 MB, once\n");
  const npm = ["ci", "--prefix", example, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, stderr, error } = spawnSync("npm", npm, { encoding: "utf8", cwd: checkout });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split("\n").at(-1) ?? "npm ci failed";
  if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(reason);
  const hook = test.test;
  if (hook !== undefined) hook.title += ` (skipped: ${reason})`;
  test.skip();
}

describe("contracts on five local chains", () => {
  let chains: ChildProcess;
  let urls: Record<string, string>;
  let home: Home;

  before(async function () {
    install(this);
    chains = start(new Home(newFolder()), ["chains", "--empty"]);
    let said = "";
    for await (const text of chains.stdout!.setEncoding("utf8") as AsyncIterable<string>) {
      said += text;
      if (said.split("\n").length > 5) break;
    }
    urls = Object.fromEntries([...said.matchAll(/^export (\w+)=(.+)$/gm)].map(([, name, url]) => [name!, url!]));
    assert.equal(Object.keys(urls).length, 5, said);
    // The same transactions on empty chains: what all others read of them afterwards.
    home = new Home(newFolder());
    await well(home, ["deploy", "--network", "all"], urls);
  });

  after(async () => {
    if (chains.exitCode === null) {
      chains.kill("SIGTERM");
      await once(chains, "close");
    }
    removeHomes();
  });

  it("L5 · give the committed records byte for byte, deployed anew", () => {
    const files = readdirSync(committed).sort();
    assert.equal(files.length, 5);
    for (const file of files) {
      assert.equal(readFileSync(join(home.unified, file), "utf8"), readFileSync(join(committed, file), "utf8"), file);
    }
  });

  it("L5 · come from the sources that are committed with them", async () => {
    const before = readFileSync(artifactsFile, "utf8");
    await well(home, ["compile"]);
    assert.equal(readFileSync(artifactsFile, "utf8"), before);
  });

  it("L9 · would be deployed, set up and configured, says validate-only, and nothing changes by it", async () => {
    const blocks = async () => Promise.all(Object.values(urls).map((url) => rpc(url, "eth_blockNumber")));
    const before = await blocks();
    for (const operation of ["deploy", "setup", "configure"]) {
      const { stdout } = await well(home, [operation, "--validate-only"], urls);
      assert.equal(stdout.match(/^ {2}passed/gm)?.length, 5, stdout);
    }
    assert.deepEqual(await blocks(), before);
    const apart = await contracts(home, ["cross-chain", "--networks", "bsc-testnet,base-sepolia"], urls);
    assert.equal(apart.code, 11, apart.output);
  });

  it("L9 · work together between networks once they are configured", async () => {
    await well(home, ["setup"], urls);
    await well(home, ["configure"], urls);
    const { stdout } = await well(home, ["cross-chain", "--networks", "bsc-testnet,base-sepolia"], urls);
    assert.match(stdout, /passed +bridge bsc-testnet → base-sepolia/);
  });

  for (const backend of ["unified-json", "leveldb"] as const) {
    it(`L7 · give back implementation hashes, arguments and times that were lost: ${backend}`, async () => {
      const lost = await newHome();
      const whole = await all(lost, backend);
      const env = { ...urls, STATE_BACKEND: backend };
      await edit(lost, backend, token, (record) => ({
        ...record,
        implementation: record.address!,
        implementationHash: `0x${"0".repeat(64)}`,
      }));
      await edit(lost, backend, ["bsc-mainnet", "Treasury"], (record) => without(record, "constructorArguments"));
      await edit(lost, backend, ["base-sepolia", "Oracle"], (record) => ({
        ...record,
        ...{ block: 1, deployedAt: "2001-01-01T00:00:00.000Z", transaction: `0x${"0".repeat(64)}` },
      }));
      const before = await findingsOf(lost, backend);
      for (const what of ["hashes", "constructor-args", "timestamps"]) {
        const { stdout } = await well(lost, ["recover", what, "--network", "all"], env);
        assert.match(stdout, /^1 records mended$/m);
        assert.match((await well(lost, ["recover", what], env)).stdout, /^0 records mended$/m);
      }
      assert.ok(before.length >= 3);
      assert.equal(JSON.stringify(await all(lost, backend)), JSON.stringify(whole));
    });
  }

  it("L7 · are not asked when another chain answers in their place, or none", async () => {
    const lost = await newHome();
    const { RPC_URL_BSC_TESTNET: testnet, RPC_URL_BSC_MAINNET: mainnet } = urls;
    const other = await contracts(lost, ["recover", "hashes"], { RPC_URL_BSC_MAINNET: testnet });
    assert.equal(other.code, 10);
    assert.match(other.output, /bsc-mainnet is chain 56, and chain 97 answers\nNext: RPC_URL_BSC_MAINNET=/);
    const none = await contracts(lost, ["recover", "hashes"], { RPC_URL_BSC_MAINNET: mainnet });
    assert.equal(none.code, 10);
    assert.match(none.output, /nobody said where the chain of bsc-testnet is/);
  });
});

describe("the emergency rollback, as a person types it", () => {
  after(removeHomes);

  it("L4 · asks first, and where there is nobody to ask touches nothing", async () => {
    const home = await newHome();
    const ran = await contracts(home, ["rollback-to-leveldb"]);
    assert.equal(ran.code, 10);
    assert.match(ran.output, /Next: the same command with --force/);
    assert.ok(!existsSync(join(home.folder, ".emergency-stop")));
    const kept = await contracts(home, ["rollback-to-leveldb", "--force"], { STATE_BACKEND: "unified-json" });
    assert.match(kept.output, /STATE_BACKEND=unified-json would keep unified JSON in use/);
  });

  it("L4 · with --force and --no-backup goes back at once, and the plan's validation passes", async () => {
    const home = await newHome();
    damage(join(home.unified, "op-sepolia.unified.json"), (text) => text.slice(0, 200));
    assert.equal((await contracts(home, ["validate", "--quick"])).code, 11);
    const { stdout, output } = await well(home, ["rollback-to-leveldb", "--force", "--no-backup"]);
    assert.match(output, /No backup was asked for/);
    assert.match(stdout, /^Available: /m);
    assert.match((await well(home, ["count"])).stdout, /^26 contracts on 5 networks$/m);
    const five = (await well(home, ["validate-rollback"])).stdout;
    assert.equal(five.match(/^ {2}passed/gm)?.length, 5, five);
    assert.match(five, /passed +leveldb accessible/);
  });

  it("L13 · killed anywhere and run again loses nothing; whoever reads all the time is always answered", async () => {
    const home = await newHome();
    const whole = await all(home, "unified-json");
    const reader = start(home, ["availability"]);
    let told = "";
    reader.stdout?.setEncoding("utf8").on("data", (text: string) => (told += text));
    await once(reader.stderr!, "data");
    const kills = 6;
    let killed = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      await well(home, ["migrate", "use", "unified-json"]);
      const rollback = start(home, ["rollback-to-leveldb", "--force"]);
      // From its first word to its last, a little later each time.
      await once(rollback.stderr!, "data");
      await sleep(kill * 120);
      if (rollback.kill("SIGKILL")) killed += 1;
      await once(rollback, "close");
      await well(home, ["rollback-to-leveldb", "--force"]);
      assert.equal(JSON.stringify(await all(home, "leveldb")), JSON.stringify(whole), `kill ${kill}`);
      assert.ok(!existsSync(join(home.folder, ".emergency-stop")));
    }
    reader.kill("SIGINT");
    const [code] = (await once(reader, "close")) as [number];
    assert.ok(killed > 0);
    assert.match(told, /^100 % of \d+ reads \(0 failed, out for 0 of/);
    assert.equal(code, 0);
  });
});

describe("LevelDB in a repository", () => {
  after(removeHomes);

  it("L7, G6 · comes back from a commit, and what is not committed stays, index included", async () => {
    const home = await newHome();
    const git = (...args: readonly string[]): string =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
        cwd: home.folder,
        encoding: "utf8",
      });
    const whole = await all(home, "leveldb");
    git("init", "--quiet");
    writeFileSync(join(home.folder, "notes"), "committed\n");
    git("add", "leveldb", "notes");
    git("commit", "--quiet", "--message", "leveldb as it was migrated");
    const good = git("rev-parse", "HEAD").trim();
    rmSync(home.leveldb, { recursive: true });
    git("commit", "--quiet", "--all", "--message", "lost");
    writeFileSync(join(home.folder, "notes"), "not committed\n");
    writeFileSync(join(home.folder, "staged"), "staged\n");
    git("add", "staged");
    const none = await contracts(home, ["recover", "git", "HEAD"]);
    assert.equal(none.code, 10);
    assert.match(none.output, /HEAD has no leveldb\/\nNext: git -C .* log --oneline -- leveldb/);
    assert.match((await contracts(home, ["recover", "git", "--", "--output=x"])).output, /no commit --output=x/);
    await well(home, ["recover", "git", good]);
    assert.deepEqual(await all(home, "leveldb"), whole);
    assert.equal(readFileSync(join(home.folder, "notes"), "utf8"), "not committed\n");
    assert.deepEqual(git("diff", "--cached", "--name-only").trim(), "staged");
  });
});

async function rpc(url: string, method: string): Promise<unknown> {
  const request = { method: "POST", headers: { "content-type": "application/json" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [] });
  const response = await fetch(url, { ...request, body });
  return ((await response.json()) as { result: unknown }).result;
}
