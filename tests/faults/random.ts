import { hash } from "node:crypto";

/** What the whole suite chooses by; the same seed makes the same choices. */
export const seed = Number(process.env.REWIND_SEED ?? Date.now() % 2 ** 31);

/** A number from 0 up to 1. */
export type Random = () => number;

/** Chooses by the seed and by what it is for, so that a test that runs alone chooses as it did among the others (mulberry32). */
export function randomFor(what: string): Random {
  let state = Number.parseInt(hash("sha256", `${seed} ${what}`).slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Says how much was tried, in what time, and with which seed it is tried again. */
export function report(tried: string, began: number): void {
  console.log(`      ${tried}, ${Math.round((performance.now() - began) / 100) / 10} s, REWIND_SEED=${seed}`);
}
