import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { dockerAt } from "../checks/clients";
import { withPin } from "../cli/pin";
import { cacheFolder } from "../local/cache";
import { down, up } from "../local/environment";
import { buildImages } from "../local/images";
import { run } from "../local/run";
import { writeStackFile } from "../local/stack-file";
import { environmentVariables } from "../local/variables";
import { catalogueFigures } from "./catalogue";
import { figureOf } from "./figure";
import { rowFigures } from "./rows";

const checkout = resolve(__dirname, "..");
const home = join(checkout, ".rewind-bench");
const bare = join(home, "bare");
const runs = Number(process.env.REWIND_BENCH_RUNS ?? 5);

/** Runs a command to its end and returns how long it took, in milliseconds. Throws with its output when it fails. */
async function time(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  const began = performance.now();
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((done, failed) => child.once("error", failed).once("close", done));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${String(code)}:\n${output}`);
  return performance.now() - began;
}

/**
 * The same resources without gates, as a project of its own beside ours: its database, bucket and network have other
 * names, everything else is the same stack file.
 */
function writeBareProject(stackFile: string): void {
  mkdirSync(bare, { recursive: true });
  writeFileSync(
    join(bare, "Pulumi.yaml"),
    readFileSync(join(checkout, "Pulumi.yaml"), "utf8").replace(/^name: .*/m, "name: bare"),
  );
  writeFileSync(
    join(bare, "index.ts"),
    `import { declare } from "./stacks/program";\nimport { loadSettings } from "./stacks/settings";\ndeclare(loadSettings());\n`,
  );
  for (const link of ["stacks", "node_modules"]) {
    rmSync(join(bare, link), { force: true });
    symlinkSync(join(checkout, link), join(bare, link));
  }
  const document = parseDocument(readFileSync(stackFile, "utf8"));
  const at = ["config", "rewind:environment"];
  document.setIn([...at, "name"], "bare");
  document.setIn([...at, "database", "name"], "bare");
  document.setIn([...at, "database", "role", "user"], "bare_app");
  document.setIn([...at, "objectStore", "buckets", "documents"], "bare-documents");
  document.setIn([...at, "services", "api", "variables", "BUCKET"], "bare-documents");
  document.deleteIn(["config", "rewind:secrets"]);
  document.delete("encryptionsalt");
  writeFileSync(join(bare, "Pulumi.bare.yaml"), document.toString({ lineWidth: 0 }));
}

async function main(): Promise<void> {
  for (const figure of await catalogueFigures(runs)) print(figure);
  const options = { checkout, env: { ...process.env, REWIND_HOME: home, DOCKER_HOST: undefined } };
  const environment = await up(options);
  const images = await buildImages({
    docker: dockerAt(environment.docker.host),
    registry: environment.registry.address,
    cacheFolder: join(cacheFolder(process.env), environment.id),
    progress: () => undefined,
  });
  const variables = environmentVariables(environment, checkout);
  const env = { ...process.env, ...variables };
  const stackFile = await writeStackFile(checkout, environment, images, variables, "bench");
  writeBareProject(stackFile);
  const secrets = await output("pulumi", ["config", "get", "secrets", "--stack", "bench"], checkout, env);
  await output("pulumi", ["stack", "select", "--create", "bare"], bare, env);
  await output(
    "pulumi",
    ["config", "set", "--secret", "rewind:secrets", "--stack", "bare"],
    bare,
    env,
    withBareNames(secrets),
  );

  const ours = { cwd: checkout, stack: "bench", file: stackFile };
  const theirs = { cwd: bare, stack: "bare", file: join(bare, "Pulumi.bare.yaml") };
  const flip = (target: typeof ours, release: string): void => {
    writeFileSync(target.file, withPin(readFileSync(target.file, "utf8"), release, {}));
  };
  const pulumi = ({ cwd, stack }: typeof ours, ...args: string[]): Promise<number> =>
    time("pulumi", [...args, "--stack", stack, "--non-interactive"], cwd, env);
  const applying = ["up", "--yes", "--skip-preview"];
  for (const target of [ours, theirs]) {
    flip(target, "v1.2.1");
    await pulumi(target, ...applying);
  }
  const taken: Record<string, number[]> = {};
  const note = (name: string, milliseconds: number): void => void (taken[name] ??= []).push(milliseconds);
  for (let round = 0; round < runs; round += 1) {
    for (const target of round % 2 === 0 ? [ours, theirs] : [theirs, ours]) {
      flip(target, round % 2 === 0 ? "v1.2.0" : "v1.2.1");
      note(`preview ${target.stack}`, await pulumi(target, "preview"));
    }
    for (const target of round % 2 === 0 ? [theirs, ours] : [ours, theirs]) {
      note(`up ${target.stack}`, await pulumi(target, ...applying));
    }
  }
  for (const kind of ["preview", "up"]) {
    print(figureOf(`${kind} of the flip`, taken[`${kind} bench`] ?? [], taken[`${kind} bare`] ?? [], 1.25));
  }
  for (const target of [ours, theirs]) await pulumi(target, "destroy", "--yes", "--skip-preview");
  for (const figure of await rowFigures(environment.postgres, ".rewind-bench/rows", runs)) print(figure);

  const warm: number[] = [];
  for (let round = 0; round < runs; round += 1) {
    await down(options);
    warm.push(
      await time(
        process.execPath,
        [join(checkout, "cli", "rewind.js"), "local", "up", "--stack", "bench"],
        checkout,
        options.env,
      ),
    );
  }
  print(
    figureOf(
      "warm rewind local up",
      warm,
      warm.map(() => 5_000),
      1,
    ),
  );
  await down({ ...options, purge: true });
  rmSync(stackFile, { force: true });
  rmSync(join(checkout, ".rewind", "records", "bench.jsonl"), { force: true });
}

/** The workload's database URL names the database and the role. */
function withBareNames(secrets: string): string {
  return secrets.replaceAll("postgres://scoring_app:", "postgres://bare_app:").replaceAll('/scoring"', '/bare"');
}

function output(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv, input = ""): Promise<string> {
  return run(command, [...args, "--non-interactive"], { cwd, env, input });
}

function print(figure: ReturnType<typeof figureOf>): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
  if (!figure.ok) process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
