import { shortened } from "../release/text";
import { execFile } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Finding } from "./look";

const execute = promisify(execFile);

/** Runs the `pulumi` on the PATH and returns what it printed. Throws when there is none, or when it fails. */
export type RunPulumi = (args: readonly string[]) => Promise<string>;

/** The `pulumi` on the PATH, in a project's folder. One that does not answer within five seconds is killed. */
export function pulumiIn(folder: string): RunPulumi {
  return async (args) => {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    return (await execute("pulumi", [...args], { cwd: folder, env, timeout: 5_000 })).stdout;
  };
}

/** The version of the engine that the program is written for: that of `@pulumi/pulumi` in package.json. */
export function pinnedEngine(folder: string): string | undefined {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  return /\d+\.\d+\.\d+/.exec(dependencies["@pulumi/pulumi"] ?? "")?.[0];
}

/**
 * Whether an engine is on the PATH, answers, and is not older than the SDK that the program uses: hooks and what else the
 * program asks for came with some version. One of another major version is another engine.
 */
export async function measureEngine(pulumi: RunPulumi, pinned: string | undefined): Promise<Finding> {
  let said: string;
  try {
    said = await pulumi(["version"]);
  } catch (error) {
    return reasonOf(error);
  }
  const [version] = /\d+\.\d+\.\d+/.exec(said) ?? [];
  if (version === undefined) return { result: "inconclusive", evidence: "pulumi answers, but names no version" };
  if (pinned === undefined || pinned === version) return { result: "passed", evidence: `pulumi ${version}` };
  const evidence = `pulumi ${version}; package.json pins @pulumi/pulumi ${pinned}`;
  if (major(version) !== major(pinned)) return { result: "failed", evidence, next: install(pinned) };
  const older = compareVersions(version, pinned) < 0;
  return older ? { result: "inconclusive", evidence, next: install(pinned) } : { result: "passed", evidence };
}

const major = (version: string): string => version.split(".")[0] ?? "";
const install = (version: string): string =>
  `put pulumi ${version} first on the PATH: https://www.pulumi.com/docs/install/versions`;

/** Negative when the first is the older one. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function reasonOf(error: unknown): Finding {
  const { code, killed } = error as { code?: unknown; killed?: boolean };
  const next = "rewind local up, or https://www.pulumi.com/docs/install";
  if (code === "ENOENT") return { result: "failed", evidence: "no pulumi is on the PATH", next };
  if (killed === true) return { result: "failed", evidence: "pulumi did not answer within 5 s", next };
  const { message } = error as Error;
  return { result: "failed", evidence: `pulumi does not answer: ${shortened(message.replace(/\s+/g, " "))}`, next };
}

/** A resource plugin, as an installed SDK package asks for it. */
export interface WantedPlugin {
  readonly name: string;
  readonly version: string;
}

/** The plugins that the installed `@pulumi/…` packages name: the engine asks for all of them before the program runs. */
export function wantedPlugins(folder: string): WantedPlugin[] {
  const scope = join(folder, "node_modules", "@pulumi");
  return readdirSync(scope).flatMap((each): WantedPlugin[] => {
    const { pulumi, version } = JSON.parse(readFileSync(join(scope, each, "package.json"), "utf8")) as {
      version: string;
      pulumi?: { resource?: boolean; name?: string; version?: string };
    };
    return pulumi?.resource === true ? [{ name: pulumi.name ?? each, version: pulumi.version ?? version }] : [];
  });
}

/**
 * Whether the engine has the plugins. One that it lacks it would fetch at first use, in the middle of an incident, which
 * is not known to work: `inconclusive`; where fetching is turned off, `failed`.
 */
export async function measurePlugins(
  pulumi: RunPulumi,
  wanted: readonly WantedPlugin[],
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Finding> {
  const listed = JSON.parse(await pulumi(["plugin", "ls", "--json"])) as { name: string; version?: string }[];
  const has = new Set(listed.map(({ name, version }) => `${name} ${(version ?? "").replace(/^v/, "")}`));
  const lacking = wanted.filter(
    ({ name, version }) => !has.has(`${name} ${version}`) && !isOnPath(`pulumi-resource-${name}`, variables.PATH),
  );
  const words = (plugins: readonly WantedPlugin[]): string =>
    plugins.map(({ name, version }) => `${name} ${version}`).join(", ");
  if (lacking.length === 0) return { result: "passed", evidence: words(wanted) || "the program needs none" };
  const fetches = !/^(?:1|true)$/i.test(variables.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION ?? "");
  return {
    result: fetches ? "inconclusive" : "failed",
    evidence: `not installed: ${words(lacking)}; ${fetches ? "a rollback would have to fetch it first" : "and fetching is turned off"}`,
    next: "pulumi plugin install",
  };
}

/** The engine takes a plugin from the PATH, too. */
function isOnPath(program: string, path = ""): boolean {
  return path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}
