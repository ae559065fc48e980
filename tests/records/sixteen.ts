import { readFileSync } from "node:fs";
import { openFileLog } from "../../records/log";

/** Writes a log of sixteen entries into a new file, and returns its bytes. The same words give other ids each time. */
export function writeSixteen(path: string): Buffer {
  const log = openFileLog(path, "s", String, () => new Date("2025-09-17T19:54:16Z"));
  for (let entry = 0; entry < 16; entry += 1) log.append({ kind: "hold", release: "v1", reason: `${entry}` });
  return readFileSync(path);
}

/** The lines of a log, each with its end, and the ids of its entries. */
export function linesOf(log: Buffer): { readonly lines: readonly string[]; readonly ids: readonly string[] } {
  const lines = log.toString().split(/(?<=\n)/);
  return { lines, ids: lines.map((line) => (JSON.parse(line) as { id: string }).id) };
}
