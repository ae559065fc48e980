import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Finding } from "./look";
import { duration } from "./report";

/** How `backUp` names a backup: the time, to the second, in UTC. What is called otherwise is none, such as one half made. */
const named = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/**
 * Whether the newest backup of a stack is still what was written: every file of it hashes to what its SHA256SUMS say.
 * None at all is `inconclusive`: there is nothing to prove, and a rollback makes one first.
 * @param folder the project's
 */
export function proveNewestBackup(folder: string, stack: string, now: Date): Finding {
  const all = join(folder, ".rewind", "backups", stack);
  const newest = (existsSync(all) ? readdirSync(all) : [])
    .filter((name) => named.test(name))
    .sort()
    .at(-1);
  if (newest === undefined) return { result: "inconclusive", evidence: "none yet; a rollback makes one first" };
  const place = join(all, newest);
  const shown = relative(folder, place);
  const made = Date.parse(newest.replace(named, "$1-$2-$3T$4:$5:$6Z"));
  const age = `${ageOf(now.getTime() - made)} old`;
  const { files, problems } = prove(place);
  if (problems.length === 0) return { result: "passed", evidence: `${shown}: ${files} files are whole, ${age}` };
  const told = problems.length > 5 ? [...problems.slice(0, 5), `and ${problems.length - 5} more`] : problems;
  return {
    result: "failed",
    evidence: `${shown}, ${age}, is corrupt: ${told.join("; ")}`,
    next: `mv ${shown} ${shown}.corrupt, when you have seen why; the next rollback makes a new one`,
  };
}

function prove(place: string): { readonly files: number; readonly problems: string[] } {
  let sums: string;
  try {
    sums = readFileSync(join(place, "SHA256SUMS"), "utf8");
  } catch {
    return { files: 0, problems: ["no SHA256SUMS that can be read"] };
  }
  const lines = sums.split("\n").filter((line) => line !== "");
  const problems = lines.flatMap((line): string[] => {
    const [, digest, name = ""] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    // A name that leads out of the backup proves nothing of it.
    if (digest === undefined || basename(name) !== name) return ["SHA256SUMS has a line that is none"];
    let content: Buffer;
    try {
      content = readFileSync(join(place, name));
    } catch {
      return [`${name} cannot be read`];
    }
    return createHash("sha256").update(content).digest("hex") === digest ? [] : [`${name} is not what was written`];
  });
  return { files: lines.length, problems: lines.length === 0 ? ["SHA256SUMS names no file"] : problems };
}

function ageOf(milliseconds: number): string {
  const hours = Math.floor(milliseconds / 3_600_000);
  if (hours < 1) return duration(Math.max(0, milliseconds));
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
