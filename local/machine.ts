import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "./run";
import type { Offer } from "./source";

/** What this machine has and may do; parts ask here, so that a test can hand them another machine. */
export interface Machine {
  /** Whether we are root, who alone may run a Docker engine, add a bridge or install system packages. */
  readonly root: boolean;
  /** The path of a program, or nothing. Never one of `node_modules`: `npx` puts those on the PATH. */
  find(program: string): string | undefined;
  /** The names in a folder, none if there is no such folder: Debian keeps one PostgreSQL per major version in one. */
  list(folder: string): readonly string[];
  /** Whether an address on the outside answers within four seconds; asked once per address and start. */
  reachable(url: string): Promise<boolean>;
  /** Installs Debian packages so that `program` is there, and returns its path. */
  install(program: string, packages: readonly string[]): Promise<Offer<string>>;
}

const probeTimeout = 4_000;
/** Daemons live here, and a plain user's PATH often leaves these folders out. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Debian asks this program whether a package may start its services. */
const policy = "/usr/sbin/policy-rc.d";
const ours = "#!/bin/sh\n# Written by rewind while it installs programs, whose services nobody asked for.\nexit 101\n";

/**
 * Keeps apt from starting the services of what it installs: a Redis without a password, a Caddy on port 80. Where the
 * machine has a policy of its own, that one stays.
 * @returns what takes it back
 */
export function startNothing(file = policy): () => void {
  const left = fs.existsSync(file) && fs.readFileSync(file, "utf8") === ours;
  if (!left) {
    try {
      fs.writeFileSync(file, ours, { mode: 0o755, flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return () => undefined;
      throw error;
    }
  }
  return () => {
    fs.rmSync(file, { force: true });
  };
}

/** The machine that this process runs on. `tell` gets a line before system packages are installed. */
export function thisMachine(tell: (line: string) => void, signal?: AbortSignal): Machine {
  const root = process.getuid?.() === 0;
  const answers = new Map<string, Promise<boolean>>();
  let queue: Promise<unknown> = Promise.resolve();
  let listsAreFresh = false;

  const aptInstall = async (packages: readonly string[]): Promise<void> => {
    signal?.throwIfAborted();
    tell(`apt-get install -y --no-install-recommends ${packages.join(" ")} (as root, on Debian or Ubuntu)`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // Not interrupted by Ctrl-C: a package that is half installed would be left behind. It takes seconds.
    if (!listsAreFresh) await run("apt-get", ["update", "-q"], { env });
    listsAreFresh = true;
    const startAgain = startNothing();
    try {
      await run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...packages], { env });
    } finally {
      startAgain();
    }
  };

  const machine: Machine = {
    root,
    find: (program) => findIn([...(process.env.PATH ?? "").split(path.delimiter), ...systemFolders], program),
    list: (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : []),
    reachable: async (url) => {
      const answer = answers.get(url) ?? answersAt(url);
      answers.set(url, answer);
      return await answer;
    },
    install: async (program, packages) => {
      const command = `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
      if (!fs.existsSync("/etc/debian_version") || machine.find("apt-get") === undefined) {
        return { lacks: "this is neither Debian nor Ubuntu, where it could be installed" };
      }
      if (!root) return { lacks: "only root may install system packages", command: `sudo ${command}` };
      // One at a time: apt-get holds a lock of its own and would refuse a second one.
      const turn = queue.then(async () => {
        await aptInstall(packages);
      });
      queue = turn.catch(() => undefined);
      await turn;
      const found = machine.find(program);
      return found === undefined ? { lacks: `${packages.join(" ")} brought no ${program}`, command } : { found };
    },
  };
  return machine;
}

/** The first executable file of that name in the folders, `node_modules` left out. */
export function findIn(folders: readonly string[], program: string): string | undefined {
  return folders
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, program))
    .find((file) => !file.includes(`${path.sep}node_modules${path.sep}`) && isExecutable(file));
}

/** Whether this is a file that we may execute and that is not empty. */
export function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    const { size } = fs.statSync(file);
    return size > 0 && fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

async function answersAt(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(probeTimeout) });
    return true;
  } catch {
    return false;
  }
}
