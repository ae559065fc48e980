import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { compareVersions } from "./engine-checks";
import type { Finding } from "./look";
import { describeError } from "../checks/probe";
import { proxyFor, proxyName } from "../checks/outbound";

const execute = promisify(execFile);

/** Whether this Node is one that package.json allows. */
export function measureNode(folder: string, version: string): Finding {
  const { engines } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { engines?: { node?: string } };
  const wanted = engines?.node;
  const [, least] = /^>=\s*(\d+(?:\.\d+){0,2})$/.exec(wanted ?? "") ?? [];
  if (wanted === undefined || least === undefined) {
    return { result: "inconclusive", evidence: `${version}; package.json says ${wanted ?? "nothing"} of it` };
  }
  const evidence = `${version}; package.json asks for ${wanted}`;
  return compareVersions(version.replace(/^v/, ""), least) >= 0
    ? { result: "passed", evidence }
    : { result: "failed", evidence, next: `put Node ${least} or newer first on the PATH` };
}

/** Whether files can be made in a folder, or in the nearest one above it that is there; tried with an empty one. */
export function measureWritable(folder: string): Finding {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  const file = join(nearest, `.rewind-doctor-${randomBytes(4).toString("hex")}`);
  try {
    writeFileSync(file, "", { flag: "wx", mode: 0o600 });
    rmSync(file);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    return { result: "failed", evidence: `${nearest}: ${reason}`, next: `ls -ld ${nearest}, and make it writable` };
  }
  return { result: "passed", evidence: nearest === folder ? folder : `${folder} is yet to be made in ${nearest}` };
}

const gigabyte = 1_000_000_000;

/** Whether there is room for backups and state: less than 1 GB is a warning. */
export function measureSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const evidence = `${(free / gigabyte).toFixed(1)} GB free where ${folder} is`;
  return free >= gigabyte
    ? { result: "passed", evidence }
    : { result: "inconclusive", evidence: `${evidence}, less than 1 GB`, next: `df -h ${folder}` };
}

/** Through which proxies outside systems are asked; their credentials are left out. */
export function describeProxies(): Finding {
  try {
    const proxies = ["https:", "http:"].flatMap((protocol) => {
      const proxy = proxyFor(new URL(`${protocol}//outside.invalid`));
      return proxy === undefined ? [] : [`${protocol}// through ${proxyName(proxy)}`];
    });
    return { result: "passed", evidence: proxies.join(", ") || "none: outside systems are asked directly" };
  } catch (error) {
    return {
      result: "failed",
      evidence: describeError(error),
      next: "env | cut -d= -f1 | grep -i _proxy, and set it right",
    };
  }
}

/** What git says of the checkout, for information: it is never changed, and need not be one. */
export async function describeCheckout(folder: string): Promise<Finding> {
  const git = async (...args: string[]): Promise<string> => {
    // Without optional locks git does not even write its index anew.
    const env = { ...process.env, GIT_OPTIONAL_LOCKS: "0" };
    return (await execute("git", args, { cwd: folder, env, timeout: 5_000, maxBuffer: 64 * 1024 ** 2 })).stdout;
  };
  try {
    const changed = (await git("status", "--porcelain")).split("\n").filter((line) => line !== "").length;
    const commit = (await git("rev-parse", "--short", "HEAD")).trim();
    const state = changed === 0 ? "clean" : `${changed} ${changed === 1 ? "file differs" : "files differ"} from it`;
    return { result: "passed", evidence: `commit ${commit}, ${state}` };
  } catch {
    return { result: "passed", evidence: "not a checkout that git can read; nothing depends on it" };
  }
}
