import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Backup, KeptFile } from "../recovery/backups/read";
import { listed } from "./backup-proof";
import { Refusal } from "./result";

/** Rewind's own folder: where it is the project's, too, what lies in it is the program that runs. */
const program = resolve(__dirname, "..");
const code = /^[^.].*\.(?:[cm]?[jt]sx?|node|go)$/i;

/** The file of a backup at a path, where it has one. */
export const keptAt = ({ files }: Backup, path: string): KeptFile | undefined =>
  files.find((file) => file.path === path);

/**
 * The bytes of a file of a backup, which are what its manifest says: a writer of the folder may have changed it since the
 * backup was proved.
 * @throws Error
 */
export function readKept({ place }: Backup, file: KeptFile): Buffer {
  const chunks: Buffer[] = [];
  eachChunk(place, file, (chunk) => chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

/**
 * Writes a file of a backup to a place where nothing is, and compares what it writes with the manifest.
 * @param mode what the place has; what the backup says of who may run it is not asked
 * @throws Error, with what was written left to the caller
 */
export function copyKept({ place }: Backup, file: KeptFile, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const target = openSync(to, "wx", mode);
  try {
    eachChunk(place, file, (chunk) => {
      for (let at = 0; at < chunk.length; at += writeSync(target, chunk, at));
    });
  } finally {
    closeSync(target);
  }
}

function eachChunk(place: string, { stored, sha256 }: KeptFile, take: (chunk: Buffer) => void): void {
  const source = openSync(join(place, stored), constants.O_RDONLY | constants.O_NOFOLLOW);
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1 << 20);
  try {
    if (!fstatSync(source).isFile()) throw new Error(`${stored} is no regular file`);
    for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
      const chunk = buffer.subarray(0, count);
      hash.update(chunk);
      take(chunk);
    }
  } finally {
    closeSync(source);
  }
  if (hash.digest("hex") !== sha256)
    throw new Error(`${stored} is not what was written: it was changed since it was proved`);
}

/** The rights that a file comes back with: those of the one that is there; a new one is its owner's alone. */
export function modeAt(path: string): number {
  const there = lstatSync(path, { throwIfNoEntry: false });
  return there?.isFile() === true ? there.mode & 0o755 : 0o600;
}

/**
 * Refuses places that lead elsewhere than they say, and Rewind's own code, before anything is touched.
 * @param paths from the project's folder
 * @throws Refusal
 */
export function refusePlaces(project: string, paths: readonly string[]): void {
  const problems = [...new Set(paths.flatMap((path) => problemAt(project, path) ?? []))];
  if (problems.length === 0) return;
  throw new Refusal(`${listed(problems)}; nothing was touched`, "ls -l, and put a folder where the link is");
}

function problemAt(project: string, path: string): string | undefined {
  const link = linkOnTheWay(project, path);
  if (link !== undefined) return `${link} is a link, and nothing is written through one`;
  if (!existsSync(project)) return undefined;
  const own = relative(realpathSync(program), join(realpathSync(project), path));
  return code.test(own) ? `${path} is code of Rewind itself` : undefined;
}

function linkOnTheWay(project: string, path: string): string | undefined {
  const steps = path.split("/");
  const ways = steps.map((_, at) => steps.slice(0, at + 1).join("/"));
  return ways.find((way) => lstatSync(join(project, way), { throwIfNoEntry: false })?.isSymbolicLink() === true);
}

/**
 * Refuses a stack file that is a link out of the project. One within it is followed, as everywhere.
 * @throws Refusal
 */
export function refuseLinksOut(project: string, files: readonly string[]): void {
  for (const file of files) {
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    if (isWithin(project, file)) continue;
    throw new Refusal(
      `${relative(project, file)} is a link out of the project; nothing was touched`,
      `rm ${relative(project, file)}, then the same command again`,
    );
  }
}

function isWithin(project: string, file: string): boolean {
  try {
    return realpathSync(file).startsWith(realpathSync(project) + sep);
  } catch {
    // A link to nothing leads nowhere that is known.
    return false;
  }
}
