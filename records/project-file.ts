import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
} from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { ProjectFiles } from "../release/project-files";
import { shared, writeAtomically } from "./atomic-file";

/** A link in the last place was followed already; one that has just been put there is not. Windows has neither flag. */
const flags = constants.O_RDONLY | ((constants.O_NOFOLLOW as number | undefined) ?? 0) | (constants.O_NONBLOCK || 0);

/**
 * The files below a project's folder, whoever names them: a release, a row file, a folder of migrations. Links inside the
 * project are followed; a path or a link that leads out of it, a pipe, a device and a file past its limit are refused.
 */
export function projectFiles(project: string): ProjectFiles {
  const locate = (path: string): string => {
    const root = realpathSync(project);
    let real: string;
    try {
      real = realpathSync(resolve(root, path));
    } catch {
      throw new Error(`no file ${path}`);
    }
    if (!isBelow(real, root)) throw new Error(`${path} leads out of the project`);
    return real;
  };
  return {
    locate,
    read: (path, largest) => readOpened(locate(path), path, largest),
    list: (path) => {
      let real: string;
      try {
        real = locate(path);
      } catch (error) {
        if (error instanceof Error && error.message.startsWith("no file ")) return [];
        throw error;
      }
      return readdirSync(real).sort();
    },
  };
}

/** Whether a real path lies below a folder's real path. */
const isBelow = (real: string, root: string): boolean => real.startsWith(root.endsWith(sep) ? root : root + sep);

/**
 * Writes a file of the project that others work on, too, as a whole, with the folders that it needs. Links inside the
 * project are followed.
 * @throws Error where a folder or the file leads out of the project; nothing was written then
 */
export function writeProjectFile(project: string, path: string, content: string | Uint8Array): void {
  writeAtomically(placeInProject(project, path), content, shared);
}

/**
 * Where a file of the project is written, its folder made.
 * @throws Error where a folder or the file leads out of the project: whoever writes the branch chooses the links
 */
export function placeInProject(project: string, path: string): string {
  const root = realpathSync(project);
  const target = resolve(root, path);
  // A folder that is made below a link is made where the link leads, so the nearest one that is there is looked at first.
  let there = target;
  while (lstatSync(there, { throwIfNoEntry: false }) === undefined) there = dirname(there);
  const real = existsSync(there) ? realpathSync(there) : undefined;
  if (real === undefined || !isBelow(target, root) || (real !== root && !isBelow(real, root))) {
    throw new Error(`${path} leads out of the project; nothing was written`);
  }
  mkdirSync(dirname(target), { recursive: true });
  return target;
}

/**
 * The files below a folder that somebody else has filled, such as the checkout of a pull request. Nothing of it is
 * followed: a link is refused, even one that stays inside, and so are pipes, devices and files past their limit.
 */
export interface PlainFiles {
  /** A file's bytes, at most `largest`; undefined where there is none. Throws one line for people. */
  read(path: string, largest: number): Buffer | undefined;
  /** The files in a folder and in the folders directly in it, sorted; throws where there are more than `most`. */
  list(path: string, most: number): string[];
  /** The names in a folder, sorted; none where there is no such folder. */
  names(path: string): string[];
}

/** The files below a folder of somebody else. */
export function plainFiles(folder: string): PlainFiles {
  /** What is there; undefined for nothing. Every part of the path is looked at, for each may be a link. */
  const kindOf = (path: string): "file" | "folder" | undefined => {
    let at = folder;
    let kind: "file" | "folder" | undefined = "folder";
    for (const part of path.split("/")) {
      at = join(at, part);
      if (part === "" || part === "." || part === ".." || kind !== "folder") return undefined;
      const stat = lstatSync(at, { throwIfNoEntry: false });
      if (stat?.isSymbolicLink() === true) throw new Error(`${path} is a link, or lies behind one`);
      if (stat !== undefined && !stat.isFile() && !stat.isDirectory()) throw new Error(`${path} is no file`);
      kind = stat === undefined ? undefined : stat.isFile() ? "file" : "folder";
    }
    return kind;
  };
  const namesIn = (path: string): string[] =>
    path === "." || kindOf(path) === "folder" ? readdirSync(join(folder, path)).sort() : [];
  return {
    read: (path, largest) => {
      const kind = kindOf(path);
      if (kind === "folder") throw new Error(`${path} is no file`);
      return kind === undefined ? undefined : readOpened(join(folder, path), path, largest);
    },
    list: (path, most) => {
      const found: string[] = [];
      for (const name of namesIn(path)) {
        const inner = `${path}/${name}`;
        if (kindOf(inner) === "folder") found.push(...namesIn(inner).map((each) => `${inner}/${each}`));
        else found.push(inner);
        if (found.length > most) throw new Error(`${path} has more than ${most} files`);
      }
      return found;
    },
    names: namesIn,
  };
}

/** The bytes of a regular file of at most so many. */
function readOpened(real: string, path: string, largest: number): Buffer {
  const file = openSync(real, flags);
  try {
    // Asked of the open file: between a look at the path and its opening somebody may put a pipe in its place.
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error(`${path} is no file`);
    if (stat.size > largest) throw new Error(`${path} has more than ${largest} bytes`);
    return readWhole(file, path, largest);
  } finally {
    closeSync(file);
  }
}

/** All of a file, which may grow while it is read. */
function readWhole(file: number, path: string, largest: number): Buffer {
  const chunks: Buffer[] = [];
  for (let total = 0; ;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const count = readSync(file, chunk);
    if (count === 0) return Buffer.concat(chunks);
    total += count;
    if (total > largest) throw new Error(`${path} has more than ${largest} bytes`);
    chunks.push(chunk.subarray(0, count));
  }
}
