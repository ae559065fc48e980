import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type Docker from "dockerode";
import { Client } from "pg";
import { parse, parseDocument } from "yaml";
import { dockerAt } from "../../checks/clients";
import { withPin } from "../../project/pin";
import { cacheFolder } from "../../local/cache";
import { down, up, upAvailable, type LocalEnvironment } from "../../local/environment";
import { isAlive, type ProcessIdentity } from "../../local/identity";
import { buildImages } from "../../local/images";
import type { Progress } from "../../local/part";
import type { PartName } from "../../local/source";
import { writeStackFile } from "../../local/stack-file";
import { readJson } from "../../local/state";
import { thisMachine } from "../../local/machine";
import { environmentVariables } from "../../local/variables";
import { readFileLog } from "../../records/log";
import type { Entry } from "../../records/entry";
import { assertDocumented } from "../cli/documented";
import { checkout, optionsIn, wholeOrSkip } from "./local-home";

/** What a command said and how it ended. */
export interface Ran {
  readonly code: number;
  /** Standard output and standard error as they came. */
  readonly output: string;
  readonly stdout: string;
}

/** A stack of its own on an environment of its own, driven with the real engine and the real command line. */
export interface Fixture {
  readonly environment: LocalEnvironment;
  readonly docker: Docker;
  readonly stackFile: string;
  readonly logFile: string;
  /** What every command finds in its environment; a test that changes it puts it back. */
  readonly variables: Record<string, string>;
  pulumi(args: readonly string[], onOutput?: (text: string) => void): Promise<Ran>;
  rewind(...args: readonly string[]): Promise<Ran>;
  /** The same, as another person who uses the same account. */
  rewindAs(operator: string, ...args: readonly string[]): Promise<Ran>;
  /** The same, heard while it speaks, with the process that speaks. */
  rewindHeard(onOutput: (text: string, pid: number) => void, ...args: readonly string[]): Promise<Ran>;
  /** The same on a terminal, where a person types a word at the question, or one at each question. */
  typed(words: string | readonly string[], ...args: readonly string[]): Promise<Ran>;
  /** The same stack from another checkout, as another machine has it: the stack file as it is now, and no records. */
  clone(folder: string): Pick<Fixture, "pulumi" | "rewind">;
  /** Sets the pin in the stack file, as an editor would. */
  pin(release: string, pins?: Readonly<Record<string, string>>): void;
  /** `pulumi up`, which must succeed. */
  up(): Promise<Ran>;
  query<T extends object>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** The container of each entry, by `rewind.entry`: running ones only. */
  containers(): Promise<Record<string, string>>;
  log(): Entry[];
  outputs(): Promise<Record<string, unknown>>;
  /** The values of the stack's secrets: they must not occur anywhere. */
  secrets(): Promise<string[]>;
  /** Ends a part as a crash would, and waits until it is gone. */
  kill(part: PartName): Promise<void>;
  /** Starts again whatever part a test took down. */
  repair(): Promise<void>;
  /** An empty stack with an empty log, pinned at v1.2.1: what a test file starts from. */
  empty(): Promise<void>;
}

/** Test files run side by side, each process of them on a stack and an environment of its own. */
const worker = process.env.MOCHA_WORKER_ID;
const suffix = worker === undefined ? "" : `-${worker}`;
export const stack = `test${suffix}`;
/** The state folder of the environment, from the checkout; tests may put files of their own there. */
export const scratch = `.rewind-test${suffix}`;
const home = join(checkout, scratch);
let opened: Promise<Fixture> | undefined;

/** The one stack that all end-to-end tests share. Skips the test where the machine lacks a part. */
export async function fixtureFor(test: Mocha.Context): Promise<Fixture> {
  const available = await upAvailable(optionsIn(home));
  const environment = wholeOrSkip(available, test);
  opened ??= open(environment);
  return opened;
}

/** The first time takes minutes where the engine has to be built; whoever waits sees what for. */
function tell({ part, state, message, milliseconds }: Progress): void {
  const took = milliseconds === undefined ? "" : ` ${(milliseconds / 1_000).toFixed(1)} s`;
  process.stderr.write(`  ${part}: ${state}: ${message}${took}\n`);
}

/** Has everything installed and built that the machine lacks, before test files compete for it. */
export async function prepare(): Promise<void> {
  await upAvailable(optionsIn(home, { progress: tell }));
  // One opens what Rewind encrypted, also for who has lost Rewind, one fails calls to the system, one shares connections to
  // a database. A test says by name where they cannot be had.
  const machine = thisMachine((line) => process.stderr.write(`  ${line}\n`));
  for (const program of ["age", "strace", "pgbouncer"]) {
    if (machine.find(program) === undefined) await machine.install(program, [program]);
  }
}

/** Whether git lists a file that is there: one that was deleted and not committed is not. */
const existing = (file: string): boolean => file !== "" && existsSync(join(checkout, file));

/** Stops and deletes the environments and stacks of all test files. */
export async function cleanUp(): Promise<void> {
  for (const name of readdirSync(checkout)) {
    if (/^\.rewind-test(?:-\d+)?$/.test(name)) await down({ ...optionsIn(join(checkout, name)), purge: true });
    if (/^Pulumi\.test(?:-\d+)?\.yaml$/.test(name)) rmSync(join(checkout, name));
  }
  const records = join(checkout, ".rewind", "records");
  for (const name of existsSync(records) ? readdirSync(records) : []) {
    if (/^test(?:-\d+)?\.jsonl/.test(name)) rmSync(join(records, name));
  }
}

async function open(environment: LocalEnvironment): Promise<Fixture> {
  const variables = environmentVariables(environment, checkout);
  const docker = dockerAt(environment.docker.host);
  const stackFile = join(checkout, `Pulumi.${stack}.yaml`);
  const logFile = join(checkout, ".rewind", "records", `${stack}.jsonl`);
  for (const file of [stackFile, logFile]) rmSync(file, { force: true });
  const images = await buildImages({
    docker,
    registry: environment.registry.address,
    cacheFolder: join(cacheFolder(process.env), environment.id),
    progress: () => undefined,
  });
  await writeStackFile(checkout, environment, images, variables, stack);

  type Heard = (text: string, type: (input: string) => void, pid: number) => void;
  const run = (
    command: string,
    args: readonly string[],
    onOutput?: Heard,
    more: object = {},
    cwd = checkout,
  ): Promise<Ran> =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd,
        env: { ...process.env, ...variables, ...more },
        stdio: ["pipe", "pipe", "pipe"],
      });
      let [output, stdout] = ["", ""];
      const hear = (text: string): void => {
        output += text;
        onOutput?.(text, (input) => child.stdin.write(input), child.pid ?? 0);
      };
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        hear(text);
      });
      child.stderr.setEncoding("utf8").on("data", hear);
      // Whoever is not to be asked anything finds nothing to read.
      if (command !== "script") child.stdin.end();
      child.once("error", reject);
      child.once("close", (code) => {
        resolve({ code: code ?? -1, output, stdout });
      });
    });
  const pulumiIn =
    (folder: string): Fixture["pulumi"] =>
    (args, onOutput) =>
      run("pulumi", [...args, "--stack", stack, "--non-interactive", "--color", "never"], onOutput, {}, folder);
  const pulumi = pulumiIn(checkout);

  /** What it prints with `--json` has to be what the verb's schema says, in every test. */
  const rewind = async (args: readonly string[], onOutput?: Heard, more?: object, folder = checkout): Promise<Ran> => {
    const line = [join(folder, "cli", "rewind.js"), ...args, "--stack", stack];
    const ran = await run(process.execPath, line, onOutput, more, folder);
    if (args.includes("--json") && ran.stdout !== "") assertDocumented(args, ran.stdout);
    return ran;
  };

  return {
    environment,
    docker,
    stackFile,
    logFile,
    variables,
    pulumi,
    rewind: (...args) => rewind(args),
    rewindAs: (operator, ...args) => rewind(args, undefined, { REWIND_OPERATOR: operator }),
    rewindHeard: (onOutput, ...args) =>
      rewind(args, (text, _, pid) => {
        onOutput(text, pid);
      }),
    typed: (words, ...args) => {
      const line = ["exec", process.execPath, join(checkout, "cli", "rewind.js"), ...args, "--stack", stack].join(" ");
      const answers = typeof words === "string" ? [words] : [...words];
      let heard = "";
      return run("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], (text, type) => {
        heard += text;
        if (!/Type [^:]+: [^\n]*$/.test(heard)) return;
        heard = "";
        const answer = answers.shift();
        if (answer !== undefined) type(`${answer}\n`);
      });
    },
    clone: (folder) => {
      const listed = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
      const files = execFileSync("git", listed, { cwd: checkout, encoding: "utf8" }).split("\0").filter(existing);
      for (const file of [...files, basename(stackFile)]) cpSync(join(checkout, file), join(folder, file));
      symlinkSync(join(checkout, "node_modules"), join(folder, "node_modules"), "dir");
      return { pulumi: pulumiIn(folder), rewind: (...args) => rewind(args, undefined, undefined, folder) };
    },
    pin: (release, pins = {}) => {
      writeFileSync(stackFile, withPin(readFileSync(stackFile, "utf8"), release, pins));
    },
    up: async () => {
      const ran = await pulumi(["up", "--yes", "--skip-preview"]);
      assert.equal(ran.code, 0, ran.output);
      return ran;
    },
    query: async <T extends object>(sql: string, values: readonly unknown[] = []) => {
      const { host, port, user, password } = environment.postgres;
      const client = new Client({ host, port, user, password, database: "scoring" });
      await client.connect();
      try {
        return (await client.query<T>(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    containers: async () => {
      const filters = { label: [`rewind.stack=local-${environment.id}`] };
      const running = await docker.listContainers({ filters });
      return Object.fromEntries(running.map(({ Id, Labels }) => [Labels["rewind.entry"] ?? "", Id]));
    },
    log: () => readFileLog(logFile),
    outputs: async () => JSON.parse((await pulumi(["stack", "output", "--json"])).stdout) as Record<string, unknown>,
    secrets: async () => {
      const { stdout } = await pulumi(["config", "get", "secrets"]);
      const all = Object.entries(JSON.parse(stdout) as Record<string, string>);
      // An access key is a name: policies say it, and only its secret key is worth anything.
      return all.filter(([name]) => !name.endsWith("-access-key")).map(([, value]) => value);
    },
    kill: async (part) => {
      const server = readJson(join(home, part, "process.json")) as ProcessIdentity;
      process.kill(server.pid, "SIGKILL");
      while (isAlive(server)) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    repair: async () => {
      await up(optionsIn(home));
    },
    empty: async () => {
      const { code, output } = await pulumi(["destroy", "--yes", "--skip-preview"]);
      assert.equal(code, 0, output);
      rmSync(logFile, { force: true });
      // Toggles that a test file laid over the release are nothing to the next one.
      const document = parseDocument(withPin(readFileSync(stackFile, "utf8"), "v1.2.1", {}));
      document.deleteIn(["config", "rewind:toggles"]);
      writeFileSync(stackFile, document.toString({ lineWidth: 0 }));
    },
  };
}

/** The stack file as it stands, parsed. */
export function stackFileOf({ stackFile }: Fixture): { config: Record<string, unknown> } {
  return parse(readFileSync(stackFile, "utf8")) as { config: Record<string, unknown> };
}
