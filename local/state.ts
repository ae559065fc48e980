import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** Where one clone keeps its environment, and the name that keeps it apart from every other clone on the machine. */
export interface Home {
  readonly id: string;
  readonly folder: string;
}

/**
 * The home of a checkout: `.rewind` in it, or where REWIND_HOME says. The id is six hex digits of the SHA-256 of the
 * folder's real path, so two clones, and one clone with two REWIND_HOMEs, never share a device, a socket or a user.
 */
export function homeOf(checkout: string, override?: string): Home {
  const folder = override === undefined || override === "" ? path.join(checkout, ".rewind") : path.resolve(override);
  const parent = realPath(path.dirname(folder));
  const real = path.join(parent, path.basename(folder));
  const named = path.basename(real) === ".rewind" ? parent : real;
  return { folder: real, id: createHash("sha256").update(named).digest("hex").slice(0, 6) };
}

/** The real path of a folder that may not exist yet: links are followed as far as there is something to follow. */
function realPath(folder: string): string {
  try {
    return fs.realpathSync(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(realPath(parent), path.basename(folder));
  }
}

/** A random secret of URL-safe letters, digits and hex only: it survives any shell, URL and configuration file. */
export function newSecret(bytes = 20): string {
  return randomBytes(bytes).toString("hex");
}

/** What a JSON file holds, or nothing if it is not there or is not JSON: both mean "start afresh" to every reader. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a file as a whole or not at all: temporary name, fsync, rename, fsync of the folder. Only its owner reads it. */
export function writeWhole(file: string, text: string, mode = 0o600): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${String(process.pid)}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const handle = fs.openSync(temporary, "wx", mode);
    try {
      fs.writeSync(handle, text);
      fs.fchmodSync(handle, mode);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.renameSync(temporary, file);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
  const folder = fs.openSync(path.dirname(file), "r");
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}

/** `writeWhole` of a value as indented JSON. */
export function writeJson(file: string, value: unknown): void {
  writeWhole(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
