import { closeSync, existsSync, fstatSync, openSync, readFileSync, rmSync, unlinkSync, writeSync } from "node:fs";
import type { Runner } from "./entry";
import { isAlive, isOfThisMachine, thisRunner } from "./runner";

/** Somebody who can be asked holds the log, and does not let go. */
export class LogHeld extends Error {
  override readonly name = "LogHeld";
}

/** The right to append one entry. */
export interface Turn {
  /** It rises with every holder and stands in the entry. */
  readonly token: number;
  /** Whether nobody took the holder for dead meanwhile, such as when its machine was asleep. */
  isMine(): boolean;
  /** Gives it back, and clears away what dead holders left where the entry was written. */
  release(written: boolean): void;
}

/** How long a holder may be asked in vain, in milliseconds: one write to the disk is all that anybody holds the log for. */
export const patience = { alive: 10_000, unknown: 3_000 };

/**
 * Takes turns with the other writers of a log, without anything asynchronous. A lock is a file beside the log, named by
 * its token; whoever makes the next one has its turn. One of a dead holder is not removed to make room, for two could do
 * that at once and the second would remove the lock of the first: it is passed over, and only one can make the next.
 */
export class Queue {
  /** Since when each lock was met, on this process's own clock. */
  private readonly met = new Map<string, number>();

  constructor(
    private readonly path: string,
    private readonly allowed = patience,
  ) {}

  /**
   * Tries to be the writer after another.
   * @param last the token in the last entry, 0 before the first
   * @returns undefined when the log is another's, after a little while: its end is to be read anew
   * @throws LogHeld when a living holder does not let go
   */
  next(last: number): Turn | undefined {
    // Whoever wrote the last entry may still wait for the disk.
    if (last > 0 && this.stateOf(last) === "held") {
      waitAWhile();
      return undefined;
    }
    const dead = last > 0 && existsSync(this.lock(last)) ? [last] : [];
    for (let token = last + 1; ; token += 1) {
      const file = this.make(token);
      if (file !== undefined) return this.turn(token, file, dead);
      const state = this.stateOf(token);
      if (state === "held") waitAWhile();
      if (state !== "dead") return undefined;
      dead.push(token);
    }
  }

  private lock(token: number): string {
    return `${this.path}.${token}.lock`;
  }

  /** Returns the open lock, undefined when there is one. */
  private make(token: number): number | undefined {
    let file: number;
    try {
      file = openSync(this.lock(token), "wx", 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
      throw error;
    }
    try {
      writeSync(file, me());
      return file;
    } catch (error) {
      closeSync(file);
      unlinkSync(this.lock(token));
      throw error;
    }
  }

  private turn(token: number, file: number, dead: readonly number[]): Turn {
    return {
      token,
      isMine: () => fstatSync(file).nlink > 0 && !existsSync(this.lock(token + 1)),
      release: (written) => {
        closeSync(file);
        // The name of a dead holder's lock must stay taken until an entry with a higher token stands in the log.
        for (const each of written ? [...dead, token] : [token]) rmSync(this.lock(each), { force: true });
      },
    };
  }

  private stateOf(token: number): "free" | "held" | "dead" {
    const lock = this.lock(token);
    // An exception costs more than all else here.
    const text = existsSync(lock) ? read(lock) : undefined;
    if (text === undefined) return "free";
    const holder = holderIn(text);
    const known = holder !== undefined && isOfThisMachine(holder);
    if (known && !isAlive(holder)) return "dead";
    const since = this.met.get(lock) ?? performance.now();
    this.met.set(lock, since);
    const waited = performance.now() - since;
    // A machine that cannot be asked may be gone for ever; should its writer come back, its token is stale.
    if (!known) return waited > this.allowed.unknown ? "dead" : "held";
    if (waited <= this.allowed.alive) return "held";
    throw new LogHeld(`${this.path}: process ${holder.pid} has held it for ${Math.round(waited / 1_000)} s`);
  }
}

function waitAWhile(): void {
  // Different for each, or they would all come back at once.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * 4);
}

let own: string | undefined;
const me = (): string => (own ??= JSON.stringify(thisRunner()));

function read(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined when its holder died before it said who it is, or is about to say it. */
function holderIn(text: string): Runner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "pid" in value ? (value as Runner) : undefined;
  } catch {
    return undefined;
  }
}
