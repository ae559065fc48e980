import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stack as name, type Fixture, type Ran } from "./fixture";
import { checkout } from "./local-home";
import { killTree, treeOf } from "./process-tree";

/** A command that runs on a terminal of its own, where a person types and hears. */
export interface OnTerminal {
  /** Waits until it says something; throws when it ends without. */
  heard(what: RegExp): Promise<void>;
  /** Waits until something holds; throws when it ends before. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Waits until it has started a program, by name. */
  started(program: string): Promise<void>;
  type(text: string): void;
  /** Ctrl-C: the terminal interrupts everything that runs in the foreground. */
  interrupt(): void;
  /** Ends it and all that it started, as a power cut would. */
  kill(): void;
  readonly ended: Promise<Ran>;
}

/** `rewind` on a terminal, for the stack of a fixture. */
export function onTerminal(stack: Pick<Fixture, "variables">, ...args: readonly string[]): OnTerminal {
  // A shell between the terminal and `rewind` would end of the Ctrl-C itself, and say 130 for whatever `rewind` said.
  const line = ["exec", process.execPath, join(checkout, "cli", "rewind.js"), ...args, "--stack", name].join(" ");
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    cwd: checkout,
    env: { ...process.env, ...stack.variables },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      over = true;
      resolve({ code: code ?? -1, output, stdout: output });
    });
  });
  const pid = child.pid ?? 0;
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    while (!holds()) {
      if (over) throw new Error(`it ended before ${what}:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    until,
    heard: (what) => until(`it said ${String(what)}`, () => what.test(output)),
    started: (program) => until(`it started ${program}`, () => treeOf(pid).some((each) => nameOf(each) === program)),
    type: (text) => child.stdin.write(text),
    interrupt: () => child.stdin.write("\u0003"),
    kill: () => {
      killTree(pid);
    },
    ended,
  };
}

function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return undefined;
  }
}
