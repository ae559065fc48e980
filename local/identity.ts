import { execFileSync } from "node:child_process";
import * as fs from "node:fs";

/** A process as it can be recognised later: the id alone may long belong to somebody else. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own words; with `pid` it names one process for ever. */
  readonly started: string;
}

/**
 * When the process with this id started, or nothing if there is none. A zombie counts as none: it has ended, and only
 * its parent has not looked yet. On Linux boot id and clock ticks since boot, elsewhere what `ps` says.
 */
export function startOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return process.platform === "linux" ? linuxStartOf(pid) : psStartOf(pid);
}

function linuxStartOf(pid: number): string | undefined {
  try {
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return parseStat(fs.readFileSync(`/proc/${String(pid)}/stat`, "utf8"), boot);
  } catch {
    return undefined;
  }
}

/** Reads a line of /proc/PID/stat; the command's name in brackets may hold blanks and brackets itself. */
export function parseStat(stat: string, boot: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, ticks] = [fields[0], fields[19]];
  if (state === undefined || ticks === undefined || state === "Z" || state === "X") return undefined;
  return `${boot} ${ticks.trim()}`;
}

function psStartOf(pid: number): string | undefined {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8", stdio: "pipe" });
    const [state, ...started] = line.trim().split(/\s+/);
    return state === undefined || state.startsWith("Z") ? undefined : started.join(" ");
  } catch {
    return undefined;
  }
}

/** Whether the process that was recorded still runs, and not another one that got its id. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.started;
}

/** The process that runs this. */
export function self(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid) ?? "" };
}

/** Reads an identity out of a file's JSON, or nothing when it holds none. */
export function asIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== "object" || value === null || !("pid" in value) || !("started" in value)) return undefined;
  const { pid, started } = value;
  return typeof pid === "number" && typeof started === "string" ? { pid, started } : undefined;
}
