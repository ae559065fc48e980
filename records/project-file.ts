import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import type { ProjectFiles } from "../release/project-files";

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
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) throw new Error(`${path} leads out of the project`);
    return real;
  };
  return {
    locate,
    read: (path, largest) => {
      const file = openSync(locate(path), flags);
      try {
        // Asked of the open file: between a look at the path and its opening somebody may put a pipe in its place.
        const stat = fstatSync(file);
        if (!stat.isFile()) throw new Error(`${path} is no file`);
        if (stat.size > largest) throw new Error(`${path} has more than ${largest} bytes`);
        return readWhole(file, path, largest);
      } finally {
        closeSync(file);
      }
    },
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
