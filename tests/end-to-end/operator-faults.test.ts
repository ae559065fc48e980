import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Step } from "../../cli/by-hand";
import type { HistoryLine, Status } from "../../cli/json/history";
import { readEngineState } from "../../cli/pending-operations";
import { deployments, holds, lastVerified, rollbacks } from "../../records/state";
import { fixtureFor, scratch, stack as name, type Fixture, type Ran } from "./fixture";
import { checkout } from "./local-home";
import { amongMounts, mountsOrSkip } from "./mounts";
import { standStill } from "./stand-still";
import { configOf, edit, keepTheDatabase } from "./stack-edits";
import { onTerminal, type OnTerminal } from "./terminal";

/** A checkpoint of the engine on its file backend, as far as it matters here. */
interface Checkpoint {
  checkpoint: { latest: { resources: { type: string; id?: string }[]; pending_operations?: unknown[] } };
}

/**
 * What is left where the engine and its plugins are killed together while they make a container: one that no state has,
 * and the engine's memory of making it, and of pulling its image. Returns the container's id.
 */
async function leaveHalfMade(stack: Fixture): Promise<string> {
  const [running] = Object.values(await stack.containers());
  const { Image, Config } = await stack.docker.getContainer(running ?? "").inspect();
  const made = await stack.docker.createContainer({ name: "half-made", Image, Labels: Config.Labels });
  const folder = fileURLToPath(stack.variables.PULUMI_BACKEND_URL ?? "");
  const path = join(folder, ".pulumi", "stacks", "rewind", `${name}.json`);
  const state = JSON.parse(readFileSync(path, "utf8")) as Checkpoint;
  const { latest } = state.checkpoint;
  const creating = ["docker:index/container:Container", "docker:index/remoteImage:RemoteImage"].map((type) => {
    const resource = { ...latest.resources.find((each) => each.type === type) };
    delete resource.id;
    return { type: "creating", resource };
  });
  latest.pending_operations = creating;
  writeFileSync(path, JSON.stringify(state));
  return made.id;
}

/** A module that sets the clock of a Node process ahead when it is preloaded. Returns its path. */
function clockAhead(milliseconds: number): string {
  const path = join(checkout, scratch, "clock-ahead.cjs");
  writeFileSync(
    path,
    `const now = Date.now;
    const ahead = () => now() + ${milliseconds};
    globalThis.Date = class extends Date {
      constructor(...given) {
        super(...(given.length === 0 ? [ahead()] : given));
      }
      static now() {
        return ahead();
      }
    };`,
  );
  return path;
}

describe("faults on the operator's way back, on the real engine", function () {
  let stack: Fixture;
  let original = "";
  before(async function () {
    stack = await fixtureFor(this);
    await stack.empty();
    original = readFileSync(stack.stackFile, "utf8");
    keepTheDatabase(stack);
    stack.pin("v1.2.0");
    await stack.up();
    stack.pin("v1.2.1");
    await stack.up();
  });
  after(async () => {
    writeFileSync(stack.stackFile, original);
    await stack.empty();
  });

  const file = (): string => readFileSync(stack.stackFile, "utf8");
  const pinned = (): unknown => configOf(stack)["rewind:release"];
  const status = async (): Promise<Status> => {
    const { stdout } = await stack.rewind("status", "--json");
    return JSON.parse(stdout) as Status;
  };
  /** What runs, as the database tells it; nothing of it half. */
  const runs = async (): Promise<unknown> =>
    (await stack.query<{ value: unknown }>("select value from app.scoring_config where key = 'results_version'"))[0]
      ?.value;
  const verified = (): string | undefined => lastVerified(stack.log())?.intent.to.release;
  /** Every rollback that began has come to an end. */
  const nothingHalfRecorded = (): void => {
    assert.deepEqual(
      rollbacks(stack.log()).filter(({ ended }) => ended === undefined),
      [],
    );
  };
  /** The stack runs a release, pins it, and has verified it last. */
  const standsAt = async (release: string): Promise<void> => {
    assert.deepEqual([pinned(), await runs(), verified()], [release, release, release]);
    nothingHalfRecorded();
  };

  /** The steps of a rollback before anything is touched, and how each is known by what the terminal shows. */
  const untouched: Readonly<Record<string, (rollback: OnTerminal) => Promise<void>>> = {
    "while it plans": (rollback) => rollback.started("pulumi"),
    "while it asks": (rollback) => rollback.heard(/Type yes: /),
    "during the backup": (rollback) => answered(rollback, /backing up the present state/),
    "while the engine plans": (rollback) => answered(rollback, /applying v1\.2\.0/),
  };
  const answered = async (rollback: OnTerminal, said: RegExp): Promise<void> => {
    await rollback.heard(/Type yes: /);
    rollback.type("yes\n");
    await rollback.heard(said);
  };

  for (const [when, reached] of Object.entries(untouched)) {
    it(`Ctrl-C ${when} touches nothing, says so once and exits 10; killed there, abort gives it up`, async () => {
      const before = file();
      const interrupted = onTerminal(stack, "rollback", "v1.2.0");
      await reached(interrupted);
      interrupted.interrupt();
      const { code, output } = await interrupted.ended;
      assert.equal(code, 10, output);
      assert.match(output, /nothing was touched|runs as before/);
      assert.equal(output.match(/nothing was touched|runs as before/g)?.length, 1, output);
      assert.equal(file(), before);
      nothingHalfRecorded();

      const killed = onTerminal(stack, "rollback", "v1.2.0");
      await reached(killed);
      killed.kill();
      await killed.ended;
      const open = rollbacks(stack.log()).some(({ ended }) => ended === undefined);
      const { rollback, next } = await status();
      assert.equal(rollback?.to, open ? "v1.2.0" : undefined);
      if (open) {
        assert.match(next, /^rewind resume, or rewind abort/);
        const given = await stack.rewind("abort", "--yes");
        assert.equal(given.code, 0, given.output);
        assert.match(given.output, /was interrupted, before anything was touched/);
      }
      assert.equal(file(), before);
      await standsAt("v1.2.1");
    });
  }

  it("Ctrl-C in the middle of the update is no failed verification: resume takes it to its verified end", async () => {
    const rollback = onTerminal(stack, "rollback", "v1.2.0", "--yes");
    await rollback.heard(/deployment log:/);
    rollback.interrupt();
    const { code, output } = await rollback.ended;
    assert.equal(code, 1, output);
    assert.match(output, /Interrupted; waiting for the engine to stop/);
    assert.match(output, /ROLLBACK UNFINISHED: the update to v1\.2\.0 did not come to its end\S*\s+interrupted/);
    assert.match(output, /Next: +rewind resume, which goes on and verifies; or rewind abort, back to v1\.2\.1/);
    assert.match(output, /By hand: +rewind plan v1\.2\.0 --by-hand/);
    assert.doesNotMatch(output, /ROLLBACK FAILED/);
    await standsUnfinished("v1.2.0");
    const resumed = await stack.rewind("resume", "--yes");
    assert.equal(resumed.code, 0, resumed.output);
    assert.match(resumed.output, /was interrupted, in the middle of the update/);
    await standsAt("v1.2.0");
    assert.equal((await status()).rollback, null);
    assert.equal((await stack.rewind("resume", "--yes")).code, 10, "there is nothing to resume any more");
  });

  it("Ctrl-C during verification is none that failed: nothing is held, no policy goes back, and abort does", async () => {
    edit(stack, ["rewind:onFailure", "rollback"]);
    const verifying = await standStill(stack);
    const rollback = onTerminal(stack, "rollback", "v1.2.1", "--yes");
    await verifying.reached();
    rollback.interrupt();
    const { code, output } = await rollback.ended;
    await verifying.goOn();
    edit(stack, ["rewind:onFailure", undefined]);
    assert.equal(code, 1, output);
    assert.match(output, /ROLLBACK UNFINISHED/);
    assert.doesNotMatch(output, /ROLLBACK FAILED|By policy/);
    await standsUnfinished("v1.2.1");
    const given = await stack.rewind("abort", "--yes");
    assert.equal(given.code, 0, given.output);
    await standsAt("v1.2.0");
  });

  it("a reader that goes away after the first line does not keep it from its verified end", async () => {
    const through = async (release: string, redirection: string): Promise<void> => {
      const rewind = `"${process.execPath}" cli/rewind.js rollback ${release} --yes --stack ${name}`;
      const line = `${rewind} ${redirection}; exit "\${PIPESTATUS[0]}"`;
      await promisify(execFile)("bash", ["--norc", "-c", line], {
        cwd: checkout,
        env: { ...process.env, ...stack.variables },
      });
      await standsAt(release);
    };
    await through("v1.2.1", "2>&1 | head -1");
  });

  it("clears what an update that was killed, and was no rollback, left behind", async () => {
    const halfMade = await leaveHalfMade(stack);
    const { code, output } = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(code, 0, output);
    await standsAt("v1.2.0");
    assert.match(output, /half-made was made by the update that was killed and is in no state; it is removed/);
    await assert.rejects(stack.docker.getContainer(halfMade).inspect(), { statusCode: 404 });
    assert.deepEqual(readEngineState((await stack.pulumi(["stack", "export"])).stdout).pending, []);
  });

  it("killed during verification, it goes on by resume", async () => {
    const verifying = await standStill(stack);
    const rollback = onTerminal(stack, "rollback", "v1.2.1", "--yes");
    await verifying.reached();
    rollback.kill();
    await rollback.ended;
    await verifying.goOn();
    assert.equal(pinned(), "v1.2.1");
    assert.match((await stack.rewind("status")).stdout, /Under way: +rollback to v1\.2\.1/);
    const halfMade = await leaveHalfMade(stack);
    const resumed = await stack.rewind("resume", "--yes");
    assert.equal(resumed.code, 0, resumed.output);
    await standsAt("v1.2.1");
    assert.match(resumed.output, /half-made was made by the update that was killed and is in no state; it is removed/);
    await assert.rejects(stack.docker.getContainer(halfMade).inspect(), { statusCode: 404 });
    assert.deepEqual(readEngineState((await stack.pulumi(["stack", "export"])).stdout).pending, []);
  });

  it("killed when it was verified and its end not recorded yet, it is brought to that end", async () => {
    const rollback = onTerminal(stack, "rollback", "v1.2.0", "--yes");
    await rollback.until("it was verified", () => verified() === "v1.2.0");
    rollback.kill();
    await rollback.ended;
    assert.equal((await status()).rollback?.to, "v1.2.0");
    const { code, output } = await stack.rewind("resume", "--yes");
    assert.match(output, /after its verification said passed/);
    // Whether the engine had come to its end is a matter of milliseconds; what it left is done, over its lock.
    assert.equal(code, 0, output);
    await standsAt("v1.2.0");
    assert.equal((await stack.rewind("verify")).code, 0);
  });

  it("a plan that somebody overtakes while it asks is refused as stale", async () => {
    const rollback = onTerminal(stack, "rollback", "v1.2.1");
    await rollback.heard(/Type yes: /);
    assert.equal((await stack.rewind("hold", "v1.2.2", "--reason", "meanwhile")).code, 0);
    rollback.type("yes\n");
    const { code, output } = await rollback.ended;
    assert.equal(code, 10, output);
    assert.match(output, /the plan is stale: \S+ changed the stack meanwhile \(hold \S+\)\s+Next: /);
    assert.equal((await stack.rewind("unhold", "v1.2.2", "--reason", "it was a test")).code, 0);
    await standsAt("v1.2.0");
  });

  it("without an engine, and for a stack that is none, it is refused in one message", async () => {
    const path = stack.variables.PATH ?? process.env.PATH ?? "";
    const without = path.split(delimiter).filter((folder) => !existsSync(join(folder, "pulumi")));
    stack.variables.PATH = without.join(delimiter);
    const noEngine = await stack.rewind("rollback", "v1.2.1", "--yes");
    stack.variables.PATH = path;
    assert.equal(noEngine.code, 10, noEngine.output);
    assert.equal(noEngine.output, "rewind: no Pulumi engine is on the PATH\nNext: rewind local up\n");
    const typo = spawnSync(process.execPath, [join(checkout, "cli", "rewind.js"), "rollback", "--stack", "tset"], {
      env: { ...process.env, ...stack.variables },
      encoding: "utf8",
    });
    assert.equal(typo.status, 10, typo.stderr);
    assert.match(typo.stderr, /^rewind: no stack tset: there is no Pulumi\.tset\.yaml\nNext: one of: .*\n$/);
  });

  it("where the log takes no more, the rollback is refused before anything is touched, and the log stays readable", async function () {
    mountsOrSkip(this);
    const before = file();
    // Room for a part of an entry is left: what is torn off must not hide the others.
    const { code, output } = await amongMounts(
      stack,
      `full=${scratch}/full && mkdir -p $full && mount -t tmpfs -o size=1m tmpfs $full && cp -a .rewind/records/. $full/
       log=$full/${name}.jsonl
       while [ $(( $(stat -c %s $log) % 4096 )) -ne 3996 ]; do echo >> $log; done
       cat /dev/zero > $full/zeros 2> /dev/null
       mount --bind $full .rewind/records
       rewind rollback v1.2.1 --yes; echo "rollback: $?"
       rewind status > /dev/null && rewind history > /dev/null && echo readable`,
    );
    assert.equal(code, 0, output);
    assert.match(output, /^rollback: 10$/m);
    assert.match(
      output,
      /^rewind: cannot write in \S+\.rewind\/records: no space is left there \(ENOSPC\)\nNext: df -h \S+records; older backups below \.rewind\/backups may go$/m,
    );
    assert.match(output, /^readable$/m);
    assert.equal(file(), before);
    await standsAt("v1.2.0");
  });

  it("where a backup finds no room, the rollback is refused with what to free, and that is recorded", async function () {
    mountsOrSkip(this);
    const before = file();
    const { code, output } = await amongMounts(
      stack,
      `mount -t tmpfs -o size=64k tmpfs .rewind/backups; cat /dev/zero > .rewind/backups/zeros 2> /dev/null
       rewind rollback v1.2.1 --yes; code=$?; ls -R .rewind/backups | grep partial; exit $code`,
    );
    assert.equal(code, 10, output);
    assert.match(
      output,
      /Refused; v1\.2\.0 runs as before\.\nno backup, no rollback: cannot write in \S+\.rewind\/backups\/\S+: no space is left there \(ENOSPC\)\nNext: +df -h /,
    );
    assert.doesNotMatch(output, /\.partial-/, "what was half written is gone");
    assert.equal(rollbacks(stack.log()).at(-1)?.ended?.result, "refused");
    assert.equal(file(), before);
    await standsAt("v1.2.0");
  });

  it("in a checkout that is read-only the rollback is refused, and whoever only looks still sees", async function () {
    mountsOrSkip(this);
    const { code, output } = await amongMounts(
      stack,
      `here=$PWD; mount --bind . . && cd /; cd "$here"; mount --bind ${scratch} ${scratch} && mount -o remount,ro,bind . || exit 99
       for verb in status history "plan v1.2.1" doctor; do rewind $verb > ${scratch}/said; echo "$verb: $?"; done
       grep "log folder" ${scratch}/said
       rewind rollback v1.2.1 --yes`,
    );
    assert.equal(code, 10, output);
    for (const line of ["status: 0", "history: 0", "plan v1.2.1: 0", "doctor: 11"]) {
      assert.ok(output.includes(`${line}\n`), output);
    }
    assert.match(output, /log folder +\S+: EROFS/);
    assert.match(output, /^rewind: cannot write in \S+records: it is read-only \(EROFS\)\nNext: ls -ld \S+records\n$/m);
    await standsAt("v1.2.0");
  });

  it("G6 · uncommitted changes survive a rollback, and one that is given up, to the byte", async () => {
    const folder = join(scratch, "uncommitted");
    mkdirSync(join(checkout, folder), { recursive: true });
    const [staged, untracked] = [join(folder, "staged.txt"), join(folder, "untracked.txt")];
    const put = (path: string, text: string): void => {
      writeFileSync(join(checkout, path), text);
    };
    // A repository of its own over the same files; whatever `rewind` and the engine ask git, they ask this one.
    Object.assign(stack.variables, { GIT_DIR: join(checkout, folder, "git"), GIT_WORK_TREE: checkout });
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], {
        cwd: checkout,
        env: { ...process.env, ...stack.variables },
        encoding: "utf8",
      });
    const repository = () => ({
      head: git("rev-parse", "HEAD"),
      moves: git("reflog"),
      stashes: git("stash", "list"),
      index: git("ls-files", "--stage"),
      staged: git("diff", "--cached"),
      files: [staged, untracked].map((path) => readFileSync(join(checkout, path), "utf8")),
    });
    git("init", "--quiet");
    put(staged, "one\n");
    git("add", "--force", staged, `Pulumi.${name}.yaml`);
    git("commit", "--quiet", "--message", "as deployed");
    put(staged, "two\n");
    git("add", "--force", staged);
    put(staged, "two, and three\n");
    put(untracked, "of nobody's concern\n");
    put(
      `Pulumi.${name}.yaml`,
      file()
        .replace(/^config:/m, "# to be discussed\nconfig: # and this")
        .replace(/timeout: "?20s"?/, "timeout: 21s"),
    );
    const before = { file: file(), repository: repository() };

    const there = await stack.rewind("rollback", "v1.2.1", "--yes");
    assert.equal(there.code, 0, there.output);
    assert.deepEqual(repository(), before.repository);
    assert.deepEqual(differing(before.file, file()), ["  rewind:release: v1.2.1"]);

    // Given up, too: the file of before comes back to the byte.
    const now = file();
    const killed = onTerminal(stack, "rollback", "v1.2.0", "--yes");
    await killed.heard(/applying v1\.2\.0/);
    await killed.until("the pin has moved", () => pinned() === "v1.2.0");
    killed.kill();
    await killed.ended;
    assert.equal((await stack.rewind("abort", "--yes")).code, 0);
    assert.equal(file(), now);
    assert.deepEqual(repository(), before.repository);
    delete stack.variables.GIT_DIR;
    delete stack.variables.GIT_WORK_TREE;
    await standsAt("v1.2.1");
  });

  it("G4 · a full rollback takes migrations, rows and environment back, verifies all of it, and reports it part by part", async () => {
    assert.deepEqual(await inside(), { migration: "0002_add_locale", parameters: '{"precision":2}' });
    const { code, stdout, output } = await stack.rewind("rollback", "v1.2.0", "--yes");
    assert.equal(code, 0, output);
    assert.deepEqual(await inside(), { migration: "0001_members", parameters: '{"precision":1}' });
    await standsAt("v1.2.0");
    const { intent, outcome } = deployments(stack.log()).at(-1)!;
    assert.deepEqual(
      intent.migrations?.map(({ name, direction }) => [name, direction]),
      [["0002_add_locale", "down"]],
    );
    for (const check of ["members-only", "rows scoring_config", "running functions/score_prism", "policy documents"]) {
      assert.match(stdout, new RegExp(`✓ passed +${check} `));
      assert.equal(outcome?.checks.find(({ name }) => name === check)?.result, "passed", check);
    }
    for (const part of ["config", "functions", "verification", "total"]) {
      assert.match(stdout, new RegExp(`^ +${part} +.*, within \\d+ min`, "m"));
    }
    for (const line of [
      /^ +schema +\d+/m,
      /^Backup: +\S+/m,
      /^Recorded: \S+ entry \S+/m,
      /^Undo: +rewind rollback v1\.2\.1$/m,
    ]) {
      assert.match(stdout, line);
    }
  });

  it("L6 · where the automatic rollback lies half-done on a stopped stack, the printed commands alone bring it to its verified end", async () => {
    assert.equal((await stack.rewind("stop", "--reason", "corrupt data")).code, 0);
    const killed = onTerminal(stack, "rollback", "v1.2.1", "--yes");
    await killed.heard(/deployment log:/);
    killed.kill();
    await killed.ended;
    const { stdout } = await stack.rewind("plan", "v1.2.1", "--by-hand", "--json");
    const { byHand: steps } = JSON.parse(stdout) as { byHand: Step[] };
    // The engine lost its process, so it is locked: that step is not one that may be left out.
    const taken = steps.filter(({ always, what }) => always || what.includes("locked"));
    const commands = taken.flatMap(({ commands }) => commands);
    assert.ok(!commands.some((command) => command.includes("rewind ")), commands.join("\n"));
    const { output, code } = await new Promise<Ran>((resolve) => {
      const env = { ...process.env, ...stack.variables, PGPASSWORD: stack.environment.postgres.password };
      // A machine whose database came from a vendor's package has no psql.
      const script = ['psql() { if type -P psql > /dev/null; then command psql "$@"; fi; }', ...commands].join("\n");
      execFile("bash", ["-ec", script], { cwd: checkout, env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : 1, stdout, output: `${stdout}${stderr}` });
      });
    });
    for (const left of [`${name}.state.json`, `Pulumi.${name}.yaml.before`]) rmSync(join(checkout, left));
    assert.equal(code, 0, output);
    assert.match(output, /verified v1\.2\.1: \d+ checks passed/);
    // Docker asks a new container itself when a whole interval is over; by then the update has asked all of them.
    assert.match(output, /score_prism\S* .*\((?:healthy|health: starting)\)/);
    const verdict = await stack.rewind("verify");
    assert.equal(verdict.code, 0, verdict.output);
    // What the log still has open is closed by whichever verb is asked first.
    const { code: closed, output: words } = await stack.rewind("resume", "--yes");
    assert.equal(closed, 0, words);
    assert.match(words, /Nothing is left of the rollback to v1\.2\.1: v1\.2\.1 was applied since by /);
    await standsAt("v1.2.1");
    assert.equal((await status()).stopped, null);
  });

  it("with a log from the future, for a clock was set back, the order of its lines counts, nothing takes less than no time, and doctor names it", async () => {
    // Further ahead, a signature that has expired is still good for the store.
    stack.variables.NODE_OPTIONS = `--require ${clockAhead(240_000)}`;
    const early = await stack.rewind("rollback", "v1.2.0", "--yes");
    delete stack.variables.NODE_OPTIONS;
    assert.equal(early.code, 0, early.output);
    const ahead = Date.parse(lastVerified(stack.log())?.outcome?.at ?? "");
    assert.ok(ahead > Date.now(), "the clock was ahead");
    const looked = await stack.rewind("doctor", "--json");
    const { checks } = JSON.parse(looked.stdout) as { checks: { name: string; result: string }[] };
    assert.equal(looked.code, 11, looked.output);
    assert.equal(checks.find(({ name }) => name === "clock")?.result, "failed");
    const ran = await stack.rewind("rollback", "v1.2.1", "--yes");
    assert.equal(ran.code, 0, ran.output);
    await standsAt("v1.2.1");
    const { applied, verified: good } = await status();
    assert.deepEqual([applied?.release, good?.release], ["v1.2.1", "v1.2.1"]);
    assert.ok(Date.parse(applied?.at ?? "") < ahead, "it is older than what went before it");
    const told = JSON.parse((await stack.rewind("history", "--json")).stdout) as { deployments: HistoryLine[] };
    const intents = deployments(stack.log()).map(({ intent }) => intent.id);
    assert.deepEqual(
      told.deployments.map(({ entry }) => entry),
      intents.reverse().slice(0, told.deployments.length),
    );
    for (const { milliseconds } of told.deployments) assert.ok(milliseconds === null || milliseconds >= 0);
    for (const { ended } of rollbacks(stack.log())) assert.ok((ended?.milliseconds ?? 0) >= 0);
  });

  /** An update that did not come to its end: the stack file pins its target, and whoever asks is told how to go on. */
  async function standsUnfinished(target: string): Promise<void> {
    assert.equal(pinned(), target);
    assert.deepEqual([...holds(stack.log()).keys()], [], "an interrupt says nothing of the release");
    nothingHalfRecorded();
    assert.equal(rollbacks(stack.log()).at(-1)?.ended?.result, "unfinished");
    const { rollback, next } = await status();
    assert.deepEqual([rollback?.unfinished, next], ["interrupted", "rewind resume, or rewind abort"]);
  }

  /** What of the database and of the function's environment a release decides. */
  async function inside(): Promise<{ migration: string | undefined; parameters: string | undefined }> {
    const applied = await stack.query<{ name: string }>(
      "select name from rewind.pgmigrations order by id desc limit 1",
    );
    const { "functions/score_prism": container = "" } = await stack.containers();
    const { Config } = await stack.docker.getContainer(container).inspect();
    const parameters = Config.Env.find((line) => line.startsWith("ENGINE_PARAMETERS="));
    return { migration: applied[0]?.name, parameters: parameters?.slice("ENGINE_PARAMETERS=".length) };
  }
});

/** The lines of a text that another did not have at the same place. */
function differing(before: string, after: string): string[] {
  const lines = before.split("\n");
  return after.split("\n").filter((line, at) => line !== lines[at]);
}
