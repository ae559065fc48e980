import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { syncFolder } from "./atomic-file";
import { NewerLog } from "./line";
import { LogHeld, Queue } from "./lock";
import { readTail, type Tail } from "./tail";

/** What is to be written behind the end of a log by the writer with a token; undefined when nothing is. */
type Bytes = (tail: Tail, token: number) => string | Buffer | undefined;

/** What became of an append. */
interface Appended {
  /** Whether there was something to write. */
  readonly written: boolean;
  /** Whether the log is new. */
  readonly made: boolean;
}

/**
 * Appends to a log in a file, of several processes one at a time, and waits until it is on the disk.
 * @throws LogHeld when another process does not let go; NewerLog when the last line is of a newer version; Error, with
 *   the code of the file system, when it cannot be written
 */
export function appendInTurn(path: string, bytes: Bytes): Appended {
  try {
    const file = openOrMake(path);
    try {
      const queue = new Queue(path);
      for (;;) {
        const appended = tryToAppend(file, path, queue, bytes);
        if (appended !== undefined) return appended;
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof LogHeld || error instanceof NewerLog) throw error;
    // A write to an open file does not say to which.
    const { message, code } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(`cannot write ${path}: ${message}`), { code });
  }
}

function openOrMake(path: string): number {
  try {
    return openSync(path, "a+", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const made = mkdirSync(dirname(path), { recursive: true });
  if (made !== undefined) syncFolder(dirname(made));
  return openSync(path, "a+", 0o600);
}

/** Undefined when it was not its turn. */
function tryToAppend(file: number, path: string, queue: Queue, bytes: Bytes): Appended | undefined {
  const tail = readTail(file, path);
  const turn = queue.next(tail.token);
  if (turn === undefined) return undefined;
  let written = false;
  try {
    const more = bytes(tail, turn.token);
    // Somebody may have written between the look at the end and the turn, or have taken this process for dead.
    if (fstatSync(file).size !== tail.size || !turn.isMine()) return undefined;
    if (more === undefined) return { written, made: false };
    // Unlike writeSync this writes to the end.
    writeFileSync(file, more);
    fsyncSync(file);
    written = true;
    return { written, made: tail.size === 0 };
  } finally {
    turn.release(written);
  }
}
