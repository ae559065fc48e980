import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import type Docker from "dockerode";
import { dockerAt } from "../checks/clients";
import { withPin } from "../project/pin";
import { cacheFolder } from "../local/cache";
import { down, up, type LocalEnvironment } from "../local/environment";
import { buildImages } from "../local/images";
import { run } from "../local/run";
import { writeStackFile } from "../local/stack-file";
import { environmentVariables } from "../local/variables";
import type { Figure } from "./figure";

export const checkout = resolve(__dirname, "..");
export const home = join(checkout, ".rewind-bench");
export const runs = Number(process.env.REWIND_BENCH_RUNS ?? 5);

const noRooms = new Set(["bench", "docs", "examples", "node_modules", "tests"]);

/** Copies what the project is made of, whatever rooms it has. */
export function copyRooms(into: string): void {
  for (const each of readdirSync(checkout, { withFileTypes: true })) {
    if (!each.isDirectory() || each.name.startsWith(".") || noRooms.has(each.name)) continue;
    cpSync(join(checkout, each.name), join(into, each.name), { recursive: true });
  }
}

/** A stack that is measured. */
export interface Target {
  readonly cwd: string;
  readonly stack: string;
  readonly file: string;
}

/** Runs a command to its end and returns how long it took, in milliseconds. Throws with its output when it fails. */
export async function time(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const began = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((done, failed) => child.once("error", failed).once("close", done));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${String(code)}:\n${output}`);
  return performance.now() - began;
}

/** Runs a command of Pulumi's and returns what it said. Throws when it fails. */
export function output(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<string> {
  return run(command, [...args, "--non-interactive"], { cwd, env, input });
}

/** Runs `pulumi` on a stack and returns how long it took, in milliseconds. */
export function pulumi({ cwd, stack }: Target, env: NodeJS.ProcessEnv, ...args: string[]): Promise<number> {
  return time("pulumi", [...args, "--stack", stack, "--non-interactive"], cwd, env);
}

/** The environment in which figures are measured, and the example's stack on it, without a frontend. */
export interface Bench {
  readonly environment: LocalEnvironment;
  readonly docker: Docker;
  /** What every command finds in its environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly stackFile: string;
}

/** Where the benchmark's own environment lies, for `up` and `down`. */
export const benchOptions = { checkout, env: { ...process.env, REWIND_HOME: home, DOCKER_HOST: undefined } };

/** Starts the environment and writes the stack file. `closeBench` ends it. */
export async function openBench(): Promise<Bench> {
  const environment = await up(benchOptions);
  const docker = dockerAt(environment.docker.host);
  const images = await buildImages({
    docker,
    registry: environment.registry.address,
    cacheFolder: join(cacheFolder(process.env), environment.id),
    progress: () => undefined,
  });
  const variables = environmentVariables(environment, checkout);
  const stackFile = await writeStackFile(checkout, environment, images, variables, "bench");
  return { environment, docker, env: { ...process.env, ...variables }, stackFile };
}

/** Ends the environment and deletes what it left in the checkout. */
export async function closeBench(): Promise<void> {
  await down({ ...benchOptions, purge: true });
  rmSync(join(checkout, "Pulumi.bench.yaml"), { force: true });
  rmSync(join(checkout, ".rewind", "records", "bench.jsonl"), { force: true });
}

/** Sets the pin of a stack. */
export function flip(target: Target, release: string): void {
  writeFileSync(target.file, withPin(readFileSync(target.file, "utf8"), release, {}));
}

/**
 * The same resources without gates, as a project of its own beside ours: its database, bucket and network have other
 * names, everything else is the same stack file.
 */
export function writeBareProject(stackFile: string): Target {
  const cwd = join(home, "bare");
  mkdirSync(cwd, { recursive: true });
  writeFileSync(
    join(cwd, "Pulumi.yaml"),
    readFileSync(join(checkout, "Pulumi.yaml"), "utf8").replace(/^name: .*/m, "name: bare"),
  );
  writeFileSync(
    join(cwd, "index.ts"),
    `import { declare } from "./stacks/program";\nimport { loadSettings } from "./stacks/settings";\ndeclare(loadSettings());\n`,
  );
  for (const link of ["stacks", "node_modules", "typescript.js"]) {
    rmSync(join(cwd, link), { force: true });
    symlinkSync(join(checkout, link), join(cwd, link));
  }
  // Roles are the whole server's.
  const withBareRoles = (text: string): string =>
    text.replaceAll("scoring_app", "bare_app").replaceAll("scoring_member", "bare_member");
  const migrations = join("examples", "scoring", "migrations");
  mkdirSync(join(cwd, migrations), { recursive: true });
  for (const name of readdirSync(join(checkout, migrations))) {
    const text = readFileSync(join(checkout, migrations, name), "utf8");
    writeFileSync(join(cwd, migrations, name), withBareRoles(text));
  }
  const document = parseDocument(withBareRoles(readFileSync(stackFile, "utf8")));
  const at = ["config", "rewind:environment"];
  const rename = (path: string[], value: string): void => {
    if (document.hasIn([...at, ...path])) document.setIn([...at, ...path], value);
  };
  rename(["name"], "bare");
  rename(["database", "name"], "bare");
  rename(["objectStore", "buckets", "documents"], "bare-documents");
  rename(["services", "api", "variables", "BUCKET"], "bare-documents");
  // In the one proxy of both, a route of its own.
  if (document.hasIn([...at, "routes", "api"])) document.setIn([...at, "routes", "api", "hosts"], ["bare.test"]);
  document.deleteIn(["config", "rewind:secrets"]);
  document.delete("encryptionsalt");
  const file = join(cwd, "Pulumi.bare.yaml");
  writeFileSync(file, document.toString({ lineWidth: 0 }));
  return { cwd, stack: "bare", file };
}

/** Prints a figure as one line of JSON; one that misses its goal fails the run. */
export function print(figure: Figure): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
  if (!figure.ok) process.exitCode = 1;
}
