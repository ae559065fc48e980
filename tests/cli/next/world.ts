import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import type { Kit } from "../../../cli/commands/kit";
import type * as programs from "../../../cli/program";
import type * as refusals from "../../../cli/refusal-of";
import { readStack } from "../../../cli/stack-file";
import { projectIn, stackFileOf } from "../../../project/project";
import { withPin } from "../../../project/pin";
import { readStackYaml } from "../../../project/stack-yaml";
import { withEdits, type StackEdit } from "../../../project/stack-edit";
import type { Draft } from "../../../records/log";
import { appliedRecords, deployments, holds, lastVerified, openRollback, stopped } from "../../../records/state";
import { changedRecords, recordsOf } from "../../../release/records";
import { snapshotOf, surroundingsOf } from "../../../release/snapshot";
import { installIn } from "../process";

/** Loads a file of the copy of the command line, whose project is the folder that it lies in. */
const load = createRequire(__filename);

/** What a command said, and how it ended. */
export interface Said {
  readonly code: number;
  readonly text: string;
  /** What stands behind each "Next:". */
  readonly next: readonly string[];
  readonly json: unknown;
}

/** How the engine's update of a release ends: as the gates would end it, or in the middle. */
export type Ending = "passed" | "failed" | "unfinished";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** Three releases of one service, and nothing around it that a test would have to start. */
const stackFile = `config:
  rewind:release: v1
  rewind:toggles: {}
  rewind:releases:
    v1:
      services:
        api: { image: "app@${digest("a")}" }
      toggles: { FAST: false }
    v2:
      services:
        api: { image: "app@${digest("b")}" }
      toggles: { FAST: false }
    v3:
      services:
        api: { image: "app@${digest("c")}" }
      toggles: { FAST: true }
  rewind:environment:
    name: dev
    kind: staging
    registry: 127.0.0.1:1
    docker: { host: "unix:///nowhere.sock" }
    toggles: [FAST]
    services:
      api:
        port: 8080
        memory: 128
        healthcheck: { command: [/bin/true], interval: 5s, timeout: 3s, startPeriod: 10s }
  rewind:verification: { timeout: 100ms, deadline: 200ms }
`;

/** A project of its own with the command line in it, and an engine that does what the gates would do. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "rewind-next-"));
  /** What a state has beside the stack file and the entries of the log, so that it is not taken for another. */
  mark = "";
  /** How updates of a release end; passed where nothing is said. */
  endings: Record<string, Ending> = {};
  /** What commands said that changed nothing, by the state: nobody needs to run them there again. */
  readonly known = new Map<string, Said>();
  /** The commands that were followed to a good end, each with the essence of the state in which they were said. */
  readonly leadsOn = new Set<string>();
  private readonly kept = mkdtempSync(join(tmpdir(), "rewind-next-kept-"));
  private server: Server | undefined;
  private readonly variables = { ...process.env };
  private readonly home = process.cwd();

  /** The stack file, where the project has it. */
  get file(): string {
    return stackFileOf(projectIn(this.folder), "dev");
  }

  async start(): Promise<void> {
    installIn(this.folder);
    mkdirSync(join(this.folder, "bin"));
    writeFileSync(join(this.folder, "bin", "pulumi"), engineProgram(join(this.folder, "engine.sock")), { mode: 0o755 });
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      let asked = "";
      socket.on("data", (part) => (asked += part.toString()));
      socket.on("error", () => undefined);
      socket.on("end", () => {
        // Whoever asked was ended before it had asked.
        if (asked === "") return socket.end();
        const { words, rollback } = JSON.parse(asked) as { words: string[]; rollback?: string };
        let answer;
        try {
          answer = this.engine(words, rollback);
        } catch (error) {
          answer = { code: 255, stderr: `error: ${String(error)}\n` };
        }
        socket.end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((listening) => this.server?.listen(join(this.folder, "engine.sock"), listening));
    // Files that a command names are beside the person who types it.
    process.chdir(this.folder);
    process.env.PATH = `${join(this.folder, "bin")}:/usr/bin:/bin`;
    process.env.PULUMI_BACKEND_URL = "file:///nowhere";
    process.env.NO_COLOR = "1";
    // Nobody has selected a stack here.
    process.env.PULUMI_HOME = join(this.folder, "home");
    delete process.env.PULUMI_STACK;
  }

  async stop(): Promise<void> {
    process.chdir(this.home);
    await new Promise((closed) => this.server?.close(closed));
    for (const name of ["PATH", "PULUMI_BACKEND_URL", "NO_COLOR", "PULUMI_HOME", "PULUMI_STACK"]) {
      if (this.variables[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = this.variables[name];
    }
    for (const each of [this.folder, this.kept]) rmSync(each, { recursive: true, force: true });
  }

  /** The project as it is before anything was deployed. */
  reset(): void {
    this.endings = {};
    this.mark = "";
    for (const each of ["Pulumi.dev.yaml", "Pulumi.other.yaml", ".rewind", "releases", "out"]) {
      rmSync(join(this.folder, each), { recursive: true, force: true });
    }
    writeFileSync(this.file, stackFile);
  }

  /** Keeps the project as it is now; the function that is returned puts it back. */
  keep(): () => void {
    const place = mkdtempSync(join(this.kept, "state-"));
    const names = ["Pulumi.dev.yaml", ".rewind", "releases", "out"];
    const endings = { ...this.endings };
    for (const each of names) {
      if (existsSync(join(this.folder, each))) cpSync(join(this.folder, each), join(place, each), { recursive: true });
    }
    return () => {
      this.endings = endings;
      for (const each of names) {
        rmSync(join(this.folder, each), { recursive: true, force: true });
        if (existsSync(join(place, each))) cpSync(join(place, each), join(this.folder, each), { recursive: true });
      }
    };
  }

  /** What the stack file and the log say now, to tell one state from another. */
  state(): string {
    const log = join(this.folder, ".rewind", "records", "dev.jsonl");
    const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n") : [];
    // Ids and times differ each time that the same state is made.
    const said = lines.map((line) =>
      line.replace(/"(?:id|at|of|hash|previous|backup|milliseconds)":(?:"[^"]*"|\d+)/g, ""),
    );
    const backups = join(this.folder, ".rewind", "backups", "dev");
    const kept = existsSync(backups) ? readdirSync(backups).length : 0;
    return JSON.stringify([readFileSync(this.file, "utf8"), said.length, said.at(-2), this.endings, kept]);
  }

  /**
   * What decides where commands lead: as `state`, without how often the stack went to and fro before. Of a project that
   * cannot be read the whole state.
   */
  essence(): string {
    try {
      const entries = this.stack().log.entries();
      const last = deployments(entries).at(-1);
      return JSON.stringify([
        readFileSync(this.file, "utf8"),
        [...holds(entries).keys()].sort(),
        stopped(entries)?.reason,
        lastVerified(entries)?.intent.to,
        [last?.intent.to, last?.outcome?.result],
        openRollback(entries)?.to,
        [...appliedRecords(entries)].sort(),
        this.endings,
        this.mark,
      ]);
    } catch {
      return this.state();
    }
  }

  stack = () => readStack({ folder: this.folder, stack: "dev" });
  append = (draft: Draft) => this.stack().log.append(draft);
  pin = (release: string): void => {
    writeFileSync(this.file, withPin(readFileSync(this.file, "utf8"), release, {}));
  };
  edit = (...edits: StackEdit[]): void => {
    writeFileSync(this.file, withEdits(readFileSync(this.file, "utf8"), edits));
  };
  /** Pins a release and applies it, as the gates would. */
  deploy(release: string, ending: Ending = "passed"): void {
    this.pin(release);
    this.apply(ending, undefined);
  }
  /** Applies what is pinned as a rollback that was begun. */
  applyAs(run: string): void {
    this.apply(this.endings[this.stack().settings.release] ?? "passed", run);
  }
  /** The one backup that there is. */
  backup = (): string =>
    readdirSync(join(this.folder, ".rewind", "backups", "dev")).find((name) => !name.startsWith(".")) ?? "";

  /** Runs a command line in this process, on this project. */
  async rewind(words: readonly string[]): Promise<Said> {
    if (words[0] === "local" || words[0] === "demo") throw new Error("these tests start no environment");
    const { programOf } = load(join(this.folder, "cli", "program")) as typeof programs;
    const { nextAfter, refusalOf } = load(join(this.folder, "cli", "refusal-of")) as typeof refusals;
    const lines: string[] = [];
    let code = 0;
    let json: unknown;
    const kit: Kit = {
      tell: () => undefined,
      finish: (result) => {
        lines.push(result.text);
        ({ code, json } = result);
      },
      heeded: () => new AbortController().signal,
      confirmed: () => Promise.resolve(true),
      choose: (_, choices) => Promise.resolve(choices[0] ?? ""),
    };
    const program = programOf(kit);
    const quiet = (command: typeof program): void => {
      command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
      for (const each of command.commands) quiet(each);
    };
    quiet(program);
    const named = hasStack(program, words) && !words.includes("--stack") ? [...words, "--stack", "dev"] : words;
    try {
      await program.parseAsync([...named], { from: "user" });
    } catch (error) {
      if (error instanceof CommanderError) {
        code = error.exitCode;
        if (code !== 0) lines.push(error.message);
      } else {
        const no = refusalOf(error);
        code = no === undefined ? 1 : 10;
        const message = error instanceof Error ? error.message : String(error);
        const next = nextAfter(error);
        lines.push(...(next === undefined ? [message] : [message, `Next: ${next}`]));
        json = { outcome: no?.kind ?? "error", reason: message, next };
      }
    }
    const text = lines.join("\n");
    return { code, text, json, next: nextsIn(text) };
  }

  /** Runs a command of the engine, as a person would. */
  pulumi(words: readonly string[]): Said {
    const { code = 0, stdout = "", stderr = "" } = this.engine(words, undefined);
    const text = `${stdout}${stderr}`;
    return { code, text, json: undefined, next: nextsIn(text) };
  }

  private engine(words: readonly string[], rollback: string | undefined): Answer {
    const asked = words.filter((word) => !word.startsWith("-"));
    const [verb = "", what] = asked;
    if (verb === "version") return { stdout: "v3.256.0\n" };
    if (verb === "config" && what === "set") {
      const [, , key = "", value = ""] = asked;
      this.edit({ path: [key.includes(":") ? key : `rewind:${key}`], value });
      return {};
    }
    if (verb === "config") return { stdout: JSON.stringify(this.config()) };
    if (verb === "up") return this.apply(this.endings[this.stack().settings.release] ?? "passed", rollback);
    if (verb === "preview") return this.refusedByGate(rollback) ?? {};
    if (verb === "stack" && what === "export") {
      return { stdout: JSON.stringify({ version: 3, deployment: { resources: [{ type: "pulumi:pulumi:Stack" }] } }) };
    }
    if (verb === "plugin" || (verb === "stack" && what === "history")) return { stdout: "[]" };
    return { stdout: "{}" };
  }

  private config(): Record<string, { value: string; secret: boolean }> {
    const { config } = readStackYaml(readFileSync(this.file, "utf8"), projectIn(this.folder));
    return Object.fromEntries(
      Object.entries(config).map(([key, value]) => {
        return [key, { value: typeof value === "string" ? value : JSON.stringify(value), secret: false }];
      }),
    );
  }

  /** What the gate before the change refuses by the log alone. */
  private refusedByGate(rollback: string | undefined) {
    const { settings, log } = this.stack();
    const entries = log.entries();
    const held = [settings.release, ...Object.values(settings.pinned.sources)].find((id) => holds(entries).has(id));
    const [changed] = changedRecords(settings, appliedRecords(entries));
    const why =
      stopped(entries) !== undefined && rollback === undefined
        ? "stopped"
        : held !== undefined
          ? `${held} is on hold`
          : changed === undefined
            ? undefined
            : `${changed.release} was changed`;
    return why === undefined ? undefined : { code: 255, stderr: `error: refused before the first change: ${why}\n` };
  }

  private apply(ending: Ending, rollback: string | undefined) {
    const refused = this.refusedByGate(rollback);
    if (refused !== undefined) return refused;
    const { settings, log } = this.stack();
    const before = log.entries();
    const good = lastVerified(before);
    if (good !== undefined && good.intent === before.findLast(({ kind }) => kind === "intent")) {
      if (good.intent.to.digest === settings.pinned.digest && good.intent.to.release === settings.release) return {};
    }
    const to = {
      release: settings.release,
      digest: settings.pinned.digest,
      pins: settings.pins,
      toggles: settings.toggles,
    };
    const of = log.append({
      kind: "intent",
      to: { ...to, surroundings: surroundingsOf(settings) },
      snapshot: snapshotOf(settings),
      records: recordsOf(settings),
      ...(rollback === undefined ? {} : { rollback }),
    }).id;
    // An engine that is killed once comes to its end the next time.
    if (ending === "unfinished") Reflect.deleteProperty(this.endings, to.release);
    if (ending === "unfinished") return { code: 255, stderr: "error: the engine was killed\n" };
    const check = { name: "health", result: ending, evidence: "GET /health", milliseconds: 3, attempts: 1 } as const;
    log.append({ kind: "outcome", of, result: ending, checks: [check], milliseconds: 60_000 });
    if (ending === "passed") return {};
    if (
      !before.some(
        (entry) => entry.kind === "outcome" && entry.result === "passed" && appliedAs(before, entry.of) === to.release,
      )
    ) {
      log.append({ kind: "hold", release: to.release, reason: "verification failed: health" });
    }
    return { code: 255, stderr: "error: verification failed after the change\n" };
  }
}

const appliedAs = (
  entries: readonly { readonly id: string; readonly kind: string }[],
  id: string,
): string | undefined =>
  (entries.find((entry) => entry.id === id) as { to?: { release: string } } | undefined)?.to?.release;

/** A world for the tests of a suite, started before the first of them and stopped after the last. */
export function worldOfSuite(): World {
  const world = new World();
  before(async function () {
    this.timeout(60_000);
    await world.start();
  });
  after(async function () {
    this.timeout(20_000);
    await world.stop();
  });
  return world;
}

/** What the engine answers. */
interface Answer {
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** What a text says to type next, each as it stands behind "Next:" up to the end of its line. */
export const nextsIn = (text: string): string[] =>
  [...text.matchAll(/(?:Next|Undo): +(.*)/g)].map(([, next = ""]) => next.trim());

/** Whether the verb that is named takes --stack. */
function hasStack(program: ReturnType<typeof programs.programOf>, words: readonly string[]): boolean {
  let command = program;
  for (const word of words) {
    const inner = command.commands.find((each) => each.name() === word);
    if (inner === undefined) break;
    command = inner;
  }
  return command.options.some(({ long }) => long === "--stack");
}

/** A program that hands what it is asked to this process and says what it answers. */
function engineProgram(socket: string): string {
  return `#!${process.execPath}
const asked = require("node:net").connect(${JSON.stringify(socket)});
let said = "";
asked.on("data", (part) => (said += part));
asked.on("end", () => {
  const { code = 0, stdout = "", stderr = "" } = JSON.parse(said || "{}");
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
});
const words = process.argv.slice(2);
const events = words[words.indexOf("--event-log") + 1];
if (words.includes("--event-log") && !events.startsWith("tcp:")) {
  require("node:fs").writeFileSync(events, JSON.stringify({ sequence: 1, timestamp: 1, summaryEvent: { resourceChanges: { same: 1 } } }) + "\\n");
}
asked.end(JSON.stringify({ words, rollback: process.env.REWIND_ROLLBACK }));
`;
}
