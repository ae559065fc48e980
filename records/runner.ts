import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Runner } from "./entry";

/** This process, as the log and its lock name it. */
export function thisRunner(): Runner {
  const began = processOf(process.pid)?.began;
  return { host: hostname(), pid: process.pid, ...(began === undefined ? {} : { began }) };
}

/** Whether a process is one of this machine, so that it can be asked for. */
export const isOfThisMachine = ({ host }: Runner): boolean => host === hostname();

/** Whether a process of this machine still runs; never one of another machine. */
export function isAlive(runner: Runner): boolean {
  // In a container numbers begin anew: whoever asks may have the number of the one that is gone.
  if (!isOfThisMachine(runner) || runner.pid === process.pid) return false;
  if (!exists(runner.pid)) return false;
  const now = processOf(runner.pid);
  // A process that is gone keeps its number until whoever started it asks how it ended.
  if (now?.state === "Z") return false;
  // The number may have gone to another process since.
  return now === undefined || runner.began === undefined || now.began === runner.began;
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

/** What a machine says of a process: its state, and when it began, in its own clock; undefined where there is no /proc. */
function processOf(
  pid: number,
): { readonly state?: string | undefined; readonly began?: string | undefined } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command may hold blanks and brackets; the beginning is the twentieth field after its last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], began: fields[19] };
  } catch {
    return undefined;
  }
}
