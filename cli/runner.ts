import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Runner } from "../records/entry";

/** This process, as the log names it. */
export function thisRunner(): Runner {
  const began = beganAt(process.pid);
  return { host: hostname(), pid: process.pid, ...(began === undefined ? {} : { began }) };
}

/** Whether a rollback was begun on this machine, so that its process can be asked for. */
export const isOfThisMachine = ({ host }: Runner): boolean => host === hostname();

/** Whether a process of this machine still works on a rollback; never one of another machine. */
export function isAlive(runner: Runner): boolean {
  // In a container numbers begin anew: whoever asks may have the number of the one that is gone.
  if (!isOfThisMachine(runner) || runner.pid === process.pid) return false;
  if (!exists(runner.pid)) return false;
  const began = beganAt(runner.pid);
  // The number may have gone to another process since.
  return began === undefined || runner.began === undefined || began === runner.began;
}

/** Whether this machine has a process of that number, whoever it belongs to. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process began, in the clock of its machine; undefined where there is no /proc. */
function beganAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command may hold blanks and brackets; the beginning is the twentieth field after its last bracket.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
