import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { project, secretsFor } from "../release/stack-files";
import { assertDocumented } from "./documented";

const rooms = ["cli", "release", "rows", "records", "checks", "project", "recovery", "builds", "local"];
const files = ["typescript.js", "package.json", "Pulumi.yaml"];

/** Puts the command line itself into a project's folder, for its processes work on the project that they lie in. */
export function installIn(folder: string): void {
  for (const each of [...rooms, ...files]) cpSync(join(project, each), join(folder, each), { recursive: true });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"), "junction");
}

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `rewind` as a process of its own in a project into which it was installed; only the fake engine is on the PATH. */
export function rewindIn(folder: string, ...args: readonly string[]): Ended {
  const env = { PATH: join(folder, "bin"), NO_COLOR: "1", PULUMI_BACKEND_URL: "file:///nowhere" };
  const command = [join(folder, "cli", "rewind.js"), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, env, encoding: "utf8" });
  if (args.includes("--json")) assertDocumented(args, stdout);
  return { code: status, stdout, stderr };
}

/**
 * An engine that knows the configuration of the staging stack, previews anything, and finds every update locked by a
 * process of another machine, in the engine's own words.
 */
export function lockedEngineIn(folder: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const { config } = parse(readFileSync(join(folder, "Pulumi.staging.yaml"), "utf8")) as { config: object };
  const all = { ...config, "rewind:secrets": secretsFor("staging") };
  const values = Object.entries(all).map(([key, value]) => {
    return [key, { value: typeof value === "string" ? value : JSON.stringify(value), secret: false }] as const;
  });
  writeFileSync(join(bin, "config.json"), JSON.stringify(Object.fromEntries(values)));
  const words =
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\\n" +
    "  file:///state/lock.json: created by ann@elsewhere (pid 7) at 2026-11-21T13:02:07Z\\n";
  const program = `#!${process.execPath}
const asked = process.argv.slice(2).join(" ");
if (asked.startsWith("version")) console.log("v3.256.0");
else if (asked.startsWith("config")) console.log(require("node:fs").readFileSync(__dirname + "/config.json", "utf8"));
else if (asked.startsWith("up")) { process.stderr.write("${words}"); process.exit(255); }
else console.log("{}");
`;
  writeFileSync(join(bin, "pulumi"), program);
  chmodSync(join(bin, "pulumi"), 0o755);
}
