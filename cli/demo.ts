import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { writeAtomically } from "../records/atomic-file";
import { bringUp, localVariables, type LocalOptions } from "./local";
import { withPin } from "../project/pin";
import { projectIn, stackFileOf } from "../project/project";
import { coloured } from "./report";
import { Refusal, type VerbResult } from "./result";
import { verify } from "./verify";

/**
 * `npm run demo`: the whole of it with plain `pulumi` on real components. Deploys v1.2.1, shows what rolling back to
 * v1.2.0 would change, rolls back, verifies.
 */
export async function demo(options: LocalOptions): Promise<VerbResult> {
  const { folder, tell } = options;
  const heading = (text: string): void => {
    tell(`\n${coloured("bold", text)}`);
  };
  heading("1/4 Set up: real Docker, registry, PostgreSQL, object store, Redis and Pulumi, on this machine only");
  await bringUp(options);
  Object.assign(process.env, localVariables(folder));
  const pulumi = async (...args: string[]): Promise<void> => {
    tell(coloured("cyan", `$ pulumi ${args.join(" ")}`));
    await passThrough("pulumi", [...args, "--non-interactive", "--color", "never"], options);
  };

  heading("2/4 Deploy v1.2.1");
  const file = stackFileOf(projectIn(folder), "local");
  writeAtomically(file, withPin(readFileSync(file, "utf8"), "v1.2.1", {}));
  await pulumi("up", "--stack", "local", "--yes", "--skip-preview");

  heading("3/4 What would rolling back to v1.2.0 change?");
  await pulumi("config", "set", "--stack", "local", "release", "v1.2.0");
  await pulumi("preview", "--stack", "local", "--diff");

  heading("4/4 Roll back, and verify");
  await pulumi("up", "--stack", "local", "--yes", "--skip-preview");
  tell(coloured("cyan", "$ rewind verify"));
  const verified = await verify({ folder, stack: "local" });
  const afterwards = [
    "",
    `Go on by hand: eval "$(npx --no rewind local env)", then pulumi up, npx --no rewind rollback v1.2.1, npx --no rewind verify.`,
    "Stop it all:   npx --no rewind local down, or --purge to delete what it kept.",
  ];
  return { ...verified, text: [verified.text, ...afterwards].join("\n") };
}

/** Runs a command, tells what it prints line by line, and throws when it fails. */
async function passThrough(
  command: string,
  args: readonly string[],
  { folder, tell, signal }: LocalOptions,
): Promise<void> {
  // Pipes of our own: an engine that writes to a terminal or a reader that has gone ends in the middle of its update.
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on("line", tell);
  // The engine stops in good order on one interrupt, so it gets that and not a kill.
  const interrupt = (): void => {
    child.kill("SIGINT");
  };
  signal.addEventListener("abort", interrupt, { once: true });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      resolve(status ?? 1);
    });
  });
  signal.removeEventListener("abort", interrupt);
  if (code !== 0) throw new Refusal(`${command} ${args[0] ?? ""} ended with ${code}`, "rewind local status");
}
