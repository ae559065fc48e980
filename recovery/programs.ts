import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Account } from "./account";

/** PostgreSQL's programs that a recovery needs. */
export const needed = ["pg_basebackup", "pg_verifybackup", "postgres"] as const;

/**
 * The folder in which programs lie.
 * @throws Error that names what is missing
 */
export function programsIn(
  folder: string | undefined,
  wanted: readonly string[] = needed,
  path: string = process.env.PATH ?? "",
): string {
  const places = folder === undefined ? path.split(delimiter).filter((place) => place !== "") : [folder];
  const missing = (place: string): string[] => wanted.filter((program) => !isExecutable(join(place, program)));
  const found = places.find((place) => missing(place).length === 0);
  if (found !== undefined) return found;
  const lacks = folder === undefined ? wanted.join(", ") : missing(folder).join(", ");
  const where = folder ?? "the PATH";
  throw new Error(
    `no ${lacks} in ${where}; install PostgreSQL's own tools of the server's major version and name their folder as database.recovery.programs`,
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The environment of a program: without the caller's PG… variables, which would change what it does, but for the one that
 * names the authorities it believes.
 */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("PG") || name === "PGSSLROOTCERT");
  return { ...Object.fromEntries(own), LC_ALL: "C", ...more };
}

/**
 * Runs a program to its end. Passwords travel in its environment, never among its arguments.
 * @returns what it printed
 * @throws Error with the end of what it said
 */
export async function run(
  command: string,
  args: readonly string[],
  options: Account & {
    readonly env?: NodeJS.ProcessEnv;
    readonly signal?: AbortSignal;
    /** What it reads from standard input. */
    readonly input?: string;
  } = {},
): Promise<string> {
  const { uid, gid, env = environment(), signal, input } = options;
  const child = spawn(command, args, {
    cwd: "/",
    env,
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(signal === undefined ? {} : { signal }),
  });
  let [output, said] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  // One that ends without having read all says why itself.
  child.stdin?.on("error", () => undefined).end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      resolve(status ?? -1);
    });
  });
  if (code === 0) return output;
  const name = command.replace(/.*\//, "");
  throw new Error(`${name} ended with ${code}: ${lastWords(`${output}\n${said}`)}`);
}

/** The last lines of what a program said, on one. */
export function lastWords(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const last = lines
    .filter((line) => line !== "")
    .slice(-4)
    .join(" | ");
  // Behind the `…` secrets are looked for, too.
  return last.length > 600 ? `…${last.slice(-599)}` : last;
}

/** The major version of the programs: `15`. */
export async function majorOf(programs: string): Promise<number> {
  const said = await run(join(programs, "postgres"), ["--version"]);
  return Number(/\) (\d+)/.exec(said)?.[1] ?? 0);
}
