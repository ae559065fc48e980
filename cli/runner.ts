import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { RollbackBegun } from "../records/entry";

/** Whether a process of this machine still works on a rollback. One of another machine cannot be asked; its word is the log. */
export function isAlive({ host, pid }: RollbackBegun["runner"]): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  try {
    // The number may have gone to another process since.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("rewind");
  } catch {
    return true;
  }
}
