import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { manifestFile, manifestText, parseSums, signatureFile, sumsFile } from "../../release/backup-manifest";
import type { Backup } from "./read";

const chunk = Buffer.allocUnsafe(1 << 20);

/**
 * Everything that is not as it was written, each in a line of its own that names the file: damaged, missing, extra,
 * renamed. Empty when the backup is whole.
 */
export function problemsOf(backup: Backup): string[] {
  const problems = sumsProblems(backup);
  const missing: { path: string; sha256: string }[] = [];
  for (const { stored, sha256, bytes } of backup.files) {
    const there = lstatSync(join(backup.place, stored), { throwIfNoEntry: false });
    if (there === undefined) missing.push({ path: stored, sha256 });
    else if (!there.isFile()) problems.push(`${stored} is no regular file`);
    else if (bytes !== undefined && there.size !== bytes) {
      problems.push(`${stored} is not what was written: it has ${there.size} bytes, not ${bytes}`);
    } else {
      const problem = hashProblem(join(backup.place, stored), sha256);
      if (problem !== undefined) problems.push(`${stored} ${problem}`);
    }
  }
  return [...problems, ...strays(backup, missing)];
}

/** The sums must say the same as the manifest, so that `sha256sum -c` proves what we prove. */
function sumsProblems({ place, manifest, files }: Backup): string[] {
  if (manifest === undefined) return [];
  let sums: Map<string, string> | undefined;
  try {
    sums = parseSums(readFileSync(join(place, sumsFile), "utf8"));
  } catch {
    return [`${sumsFile} cannot be read`];
  }
  if (sums === undefined) return [`${sumsFile} has a line that is none`];
  const own = createHash("sha256").update(manifestText(manifest)).digest("hex");
  const wanted = new Map([...files.map(({ path, sha256 }) => [path, sha256] as const), [manifestFile, own] as const]);
  if (sums.get(manifestFile) !== own) return [`${manifestFile} is not what was written`];
  const isSame = sums.size === wanted.size && [...wanted].every(([path, sum]) => sums.get(path) === sum);
  return isSame ? [] : [`${sumsFile} does not say what ${manifestFile} says`];
}

function hashProblem(path: string, sha256: string): string | undefined {
  try {
    return sha256Of(path) === sha256 ? undefined : "is not what was written";
  } catch {
    return "cannot be read";
  }
}

/** The SHA-256 of a file, in hexadecimal digits. */
export function sha256Of(path: string): string {
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is no file`);
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
      hash.update(chunk.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}

/** What is missing, what is there besides, and which of the two are one file under another name. */
function strays(backup: Backup, missing: readonly { readonly path: string; readonly sha256: string }[]): string[] {
  const known = new Set([
    ...backup.files.map(({ stored }) => stored),
    manifestFile,
    signatureFile,
    sumsFile,
    "SHA256SUMS",
  ]);
  const extra = new Set(filesBelow(backup.place).filter((path) => !known.has(path)));
  const told = missing.map(({ path, sha256 }) => {
    const renamed = [...extra].find((each) => hashProblem(join(backup.place, each), sha256) === undefined);
    if (renamed === undefined) return `${path} is missing`;
    extra.delete(renamed);
    return `${path} was renamed to ${renamed}`;
  });
  return [...told, ...[...extra].map((path) => `${path} was added`)];
}

function filesBelow(place: string, below = ""): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(join(place, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(place, path) : [path];
  });
}
