import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { dirname } from "node:path";

/** The mode of a file that others work on, too: what the umask leaves of it. */
export const shared = 0o666;

/**
 * Replaces a file as a whole: after a crash it holds the old text or the new one, never a piece of either. A link is
 * followed, and a file that is there keeps its mode, its group and, as far as we may, its owner.
 * @param mode of a file that is not there yet
 */
export function writeAtomically(path: string, text: string | Uint8Array, mode = 0o600): void {
  const before = existsSync(path) ? statSync(path) : undefined;
  const target = before === undefined ? path : realpathSync(path);
  const beside = `${target}.${randomBytes(4).toString("hex")}.partial`;
  try {
    writeNew(beside, text, before === undefined ? mode : 0o600, before);
    renameSync(beside, target);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  syncFolder(dirname(target));
}

/** Gives an open file the owner, group and mode of another. */
function becomeLike(file: number, { uid, gid, mode }: Stats): void {
  const permitted = (change: () => void): boolean => {
    try {
      change();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EPERM") return false;
      throw error;
    }
  };
  const own = fstatSync(file);
  const owned =
    own.uid === uid ||
    permitted(() => {
      fchownSync(file, uid, gid);
    });
  const grouped =
    (own.gid === gid && own.uid === uid) ||
    permitted(() => {
      fchownSync(file, owned ? uid : own.uid, gid);
    });
  // What one group may do is not for another.
  fchmodSync(file, mode & (grouped ? 0o777 : 0o707));
}

/**
 * Writes a file that must not be there yet and waits until it is on the disk.
 * @param mode readable by its owner where it is left out
 * @param like a file whose owner, group and mode it has instead
 */
export function writeNew(path: string, text: string | Uint8Array, mode = 0o600, like?: Stats): void {
  const file = openSync(path, "wx", mode);
  try {
    if (like !== undefined) becomeLike(file, like);
    // Unlike writeSync this writes to the end.
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A new name is lost with the machine's power unless its folder is on the disk too. Windows has no such call. */
export function syncFolder(path: string): void {
  if (process.platform !== "win32") syncFile(path);
}

/** Waits until what was written to a file is on the disk. */
export function syncFile(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Makes a folder that is not there, and those above it: each has a name that stays before there is anything in it.
 * @param mode of the folder itself; what lies above it is shared with other folders, and is as the umask leaves it
 */
export function makeFolder(path: string, mode?: number): void {
  const above = dirname(path);
  if (!existsSync(above)) makeFolder(above);
  // Who made the one above may have been cut off before this.
  syncFolder(dirname(above));
  // Somebody else may make it at the same time.
  mkdirSync(path, { recursive: true, mode });
}

/** Makes sure of the name of a file or folder, and of the folder that holds it. */
export function syncName(path: string): void {
  syncFolder(dirname(path));
  syncFolder(dirname(dirname(path)));
}
