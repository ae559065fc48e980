import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { stack as name, type Fixture, type Ran } from "./fixture";
import { checkout } from "./local-home";

/** A person without rights mounts as the root of a namespace of users, where the machine allows it. */
const namespace = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];

/** Skips a test by name where this machine does not let anybody mount for a process alone; fails under CI. */
export function mountsOrSkip(test: Mocha.Context): void {
  const { status } = spawnSync("unshare", [...namespace, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  if (status === 0) return;
  const reason = "nobody may mount here for a process alone (unshare --mount)";
  if (process.env.REWIND_SKIP_NOTHING === "1") throw new Error(reason);
  if (test.test !== undefined) test.test.title += ` (skipped: ${reason})`;
  test.skip();
}

/**
 * Runs a script in the checkout, in which `rewind` is the command line for the fixture's stack, among mounts that nobody
 * else sees and that are gone after it.
 */
export function amongMounts(stack: Pick<Fixture, "variables">, script: string): Promise<Ran> {
  const rewind = `rewind() { "${process.execPath}" "${join(checkout, "cli", "rewind.js")}" "$@" --stack ${name}; }`;
  const child = spawn("unshare", [...namespace, "sh", "-c", `${rewind}\n${script}`], {
    cwd: checkout,
    env: { ...process.env, ...stack.variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let [output, stdout] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code: code ?? -1, output, stdout });
    });
  });
}
