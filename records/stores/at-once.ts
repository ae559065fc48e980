import { join } from "node:path";
import { createSyncFn } from "synckit";
import { NewerLog } from "../line";
import type { LogLines } from "../log";
import { DamagedStore, NewerStore, StoreHeld, StoreUnavailable } from "../store";
import type { Answer, Question } from "./answer";
import { openStore, type Place } from "./index";

/** How long a store may be silent, in milliseconds: longer than each waits for what it needs. */
const patience = 60_000;
/** Not named like a file in TypeScript, which synckit would rather load, and cannot. */
const worker = join(__dirname, "worker.js");

/**
 * The lines of a log in a store, reached by a thread of its own while this one stands still. So an entry is written even
 * while the process exits.
 */
export function journalLines(place: Place, journal: string): LogLines {
  const location = `${openStore(place).location}, ${journal}`;
  const ask = (question: Pick<Question, "entry">): Buffer => {
    const url = "variable" in place ? process.env[place.variable] : undefined;
    const answer = asked({ place, url, journal, ...question }, location);
    if ("bytes" in answer) return Buffer.from(answer.bytes);
    throw errorOf(answer);
  };
  return {
    location,
    read: () => ask({}),
    append: (entry) => {
      ask({ entry });
    },
  };
}

function asked(question: Question, location: string): Answer {
  const call = createSyncFn<(question: Question) => Promise<Answer>>(worker, { timeout: patience });
  try {
    return call(question);
  } catch {
    // What went wrong in the store is an answer, too.
    throw new StoreUnavailable(`${location}: no answer in ${patience / 1_000} s`);
  }
}

const kinds = { NewerLog, NewerStore, DamagedStore, StoreHeld, StoreUnavailable };

function errorOf({ error, message }: { readonly error: string; readonly message: string }): Error {
  const Kind = Object.hasOwn(kinds, error) ? kinds[error as keyof typeof kinds] : Error;
  return new Kind(message);
}
