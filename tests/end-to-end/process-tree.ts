import { readdirSync, readFileSync } from "node:fs";

interface Running {
  readonly id: number;
  readonly parent: number;
  readonly session: number;
}

/** Every process that has not ended. */
function running(): Running[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      // The command may hold blanks and brackets; what follows its last bracket does not.
      const [state, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return state === "Z" ? [] : [{ id: Number(name), parent: Number(parent), session: Number(session) }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

/** A process and everything that it started, by id, the process itself last. */
export function treeOf(pid: number): number[] {
  const all = running();
  const below = (id: number): number[] => [
    ...all.filter(({ parent }) => parent === id).flatMap((child) => below(child.id)),
    id,
  ];
  return below(pid);
}

/** Ends a process and everything that it started, as a power cut would. */
export function killTree(pid: number): void {
  killAll(treeOf(pid));
}

/** Ends a process that was started detached and everything of its session, also what has lost its parent. */
export function killSession(pid: number): void {
  const left = (): number[] => running().flatMap(({ id, session }) => (session === pid ? [id] : []));
  // What was just being started is there the next time.
  for (let ids = left(); ids.length > 0; ids = left()) killAll(ids);
}

function killAll(ids: readonly number[]): void {
  for (const id of ids) {
    try {
      process.kill(id, "SIGKILL");
    } catch {
      // It ended before.
    }
  }
}
