import { spawn } from "node:child_process";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly uid?: number;
  readonly gid?: number;
  /** What the command reads; nothing by default. */
  readonly input?: string;
}

/**
 * Runs a command to its end and returns what it printed to standard output. It is a process group of its own: a
 * Ctrl-C in the terminal reaches only us, and an abort interrupts the command together with all that it started.
 * @throws Error with the command's name and the end of what it said when it fails
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { signal, input, ...settings } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, { ...settings, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const output: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const interrupt = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    } catch {
      // It ended by itself in the meantime.
    }
  };
  signal?.addEventListener("abort", interrupt, { once: true });
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, killedBy) => {
        resolve(status ?? killedBy ?? "unknown");
      });
    });
    signal?.throwIfAborted();
    if (code === 0) return Buffer.concat(output).toString();
    throw new Error(
      `${command} ${args[0] ?? ""} ended with ${code}: ${lastWords(Buffer.concat([...output, ...said]))}`,
    );
  } finally {
    signal?.removeEventListener("abort", interrupt);
  }
}

/** The last few lines of a command's output, on one line: where programs put the reason. */
export function lastWords(output: Buffer | string, lines = 4): string {
  return output
    .toString()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .slice(-lines)
    .join(" | ")
    .slice(-600);
}
