import { lstatSync, readFileSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { shared } from "./atomic-file";
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
  /** Whether a holder before did not live to give it back: what it wrote may not be on the disk yet. */
  readonly afterDead: boolean;
  /** Whether nobody took the holder for dead meanwhile, such as when its machine was asleep. */
  isMine(): boolean;
  /** Gives it back, and clears away what dead holders left where the entry was written. */
  release(written: boolean): void;
}

/** How long a holder may be asked in vain, in milliseconds: one write to the disk is all that anybody holds the log for. */
export const patience = { alive: 10_000, unknown: 3_000 };

/**
 * Takes turns with the other writers of a log, without anything asynchronous. A lock is a link beside the log, named by
 * its token, that says who holds it: a link is there at once and as a whole, and costs the disk less than a file. Whoever
 * makes the next one has its turn. That of a dead holder is not removed to make room, for two could do that at once and
 * the second would remove the lock of the first: it is passed over, and only one can make the next.
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
    const before = last === 0 ? "free" : this.stateOf(last);
    if (before === "held") {
      waitAWhile();
      return undefined;
    }
    return this.take(last + 1, before === "dead" ? [last] : []);
  }

  /**
   * Tries to have a turn, or the first one after it whose holder is not dead.
   * @param dead the tokens of those who were passed over
   */
  private take(token: number, dead: readonly number[]): Turn | undefined {
    // The power may have taken one lock and left a later one, and then nobody can have the turn of the first.
    const overtaken = holderOf(this.lock(token + 1)) !== undefined;
    if (!overtaken && this.make(token)) return this.turn(token, dead);
    const state = this.stateOf(token);
    if (state === "held") waitAWhile();
    if (state === "held" || (state === "free" && !overtaken)) return undefined;
    return this.take(token + 1, [...dead, token]);
  }

  private lock(token: number): string {
    return `${this.path}.${token}.lock`;
  }

  private make(token: number): boolean {
    try {
      makeLock(this.lock(token));
      return true;
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false;
      throw error;
    }
  }

  private turn(token: number, dead: readonly number[]): Turn {
    return {
      token,
      afterDead: dead.length > 0,
      isMine: () => holderOf(this.lock(token)) === me() && holderOf(this.lock(token + 1)) === undefined,
      release: (written) => {
        // The name of a dead holder's lock must stay taken until an entry with a higher token stands in the log.
        for (const each of written ? [...dead, token] : [token]) {
          unlessGone(() => {
            unlinkSync(this.lock(each));
          });
        }
      },
    };
  }

  private stateOf(token: number): "free" | "held" | "dead" {
    const lock = this.lock(token);
    const text = holderOf(lock);
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

/** What a lock says, undefined when there is none. */
function holderOf(lock: string): string | undefined {
  // An exception costs more than all else here.
  const there = lstatSync(lock, { throwIfNoEntry: false });
  if (there === undefined) return undefined;
  return unlessGone(() => (there.isSymbolicLink() ? readlinkSync(lock) : readFileSync(lock, "utf8")));
}

/** Throws EEXIST when there is one. */
function makeLock(lock: string): void {
  try {
    symlinkSync(me(), lock);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw error;
    // Not every file system has links, nor may everybody make one; a file may be met before it says whose it is.
    writeFileSync(lock, me(), { flag: "wx", mode: shared });
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Undefined when there is no such lock any more. */
function unlessGone<T>(touch: () => T): T | undefined {
  try {
    return touch();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined when it does not say who holds it. */
function holderIn(text: string): Runner | undefined {
  try {
    const value = JSON.parse(text) as object;
    return "pid" in value ? (value as Runner) : undefined;
  } catch {
    // No JSON, or no object, which cannot be asked for what it has.
    return undefined;
  }
}
