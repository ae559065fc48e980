import { readdirSync, readFileSync } from "node:fs";

/** A process and everything that it started, by id, the process itself last. */
export function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The command may hold blanks and brackets; the parent is the second field after its last bracket.
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const below = (id: number): number[] => [...(children.get(id) ?? []).flatMap(below), id];
  return below(pid);
}

/** Ends a process and everything that it started, as a power cut would. */
export function killTree(pid: number): void {
  for (const each of treeOf(pid)) {
    try {
      process.kill(each, "SIGKILL");
    } catch {
      // It ended before.
    }
  }
}
