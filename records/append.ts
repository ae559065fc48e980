import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder, shared, syncName } from "./atomic-file";
import { NewerLog } from "./line";
import { LogHeld, Queue, type Turn } from "./lock";
import { readTail, type Tail } from "./tail";

/** What is to be written behind the end of a log. */
interface More {
  /**
   * Closes a torn line. It is on the disk before what is bound to it: of one write a loss of power may take the beginning
   * and leave the end.
   */
  readonly closing?: string;
  readonly bytes: string | Buffer;
}

/** What the writer with a token writes; undefined when nothing is to be written. */
type Writing = (tail: Tail, token: number) => More | undefined;

/**
 * Appends to a log in a file, of several processes one at a time, and waits until it is on the disk. Where that fails the
 * log is as it was.
 * @returns whether there was something to write
 * @throws LogHeld when another process does not let go; NewerLog when the last line is of a newer version; Error, with
 *   the code of the file system, when it cannot be written
 */
export function appendInTurn(path: string, writing: Writing): boolean {
  try {
    const file = openOrMake(path);
    try {
      const queue = new Queue(path);
      for (;;) {
        const written = tryToAppend(file, path, queue, writing);
        if (written !== undefined) return written;
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
    return openSync(path, "a+", shared);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  makeFolder(dirname(path));
  return openSync(path, "a+", shared);
}

/** Undefined when it was not its turn. */
function tryToAppend(file: number, path: string, queue: Queue, writing: Writing): boolean | undefined {
  const tail = readTail(file, path);
  const turn = queue.next(tail.token);
  if (turn === undefined) return undefined;
  let written = false;
  try {
    const more = writing(tail, turn.token);
    // What a dead writer left may still be lost, and with it what is bound to it.
    if (turn.afterDead) fsyncSync(file);
    // Whoever finds an entry relies on the file's name, and who made the file may have been cut off before this.
    if (tail.size === 0) syncName(path);
    // Somebody may have written between the look at the end and the turn, or have taken this process for dead.
    if (fstatSync(file).size !== tail.size || !turn.isMine()) return undefined;
    if (more === undefined) return false;
    const { closing = "", bytes } = more;
    if (closing !== "") writeOrUndo(file, closing, tail.size, turn);
    writeOrUndo(file, bytes, tail.size + Buffer.byteLength(closing), turn);
    written = true;
    return written;
  } finally {
    turn.release(written);
  }
}

/** Writes to the end of a file, and waits for the disk. A failed write leaves what nobody can rely on, so it is cut off. */
function writeOrUndo(file: number, bytes: string | Buffer, size: number, turn: Turn): void {
  try {
    // Unlike writeSync this writes to the end.
    writeFileSync(file, bytes);
    fsyncSync(file);
  } catch (error) {
    if (turn.isMine()) {
      ftruncateSync(file, size);
      fsyncSync(file);
    }
    throw error;
  }
}
