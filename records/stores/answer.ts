import { runAsWorker } from "synckit";
import type { Entry } from "../entry";
import { chainedLine } from "../line";
import type { Journal } from "../store";
import { readJournalTail } from "../tail";
import { openStore, type Place } from "./index";

/** What is asked of a journal by whoever waits for the answer without doing anything else. */
export interface Question {
  readonly place: Place;
  readonly journal: string;
  /** What the place's variable holds: this thread has the environment of when it began. */
  readonly url?: string | undefined;
  /** Appended when there is one; otherwise all is read. */
  readonly entry?: Entry;
}

/** An error does not come through as what it was. */
export type Answer = { readonly bytes: Uint8Array } | { readonly error: string; readonly message: string };

const stores = new Map<string, ReturnType<typeof openStore>>();

runAsWorker(async (question: Question): Promise<Answer> => {
  try {
    return { bytes: await answer(question) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: name, message };
  }
});

async function answer({ place, url, journal: name, entry }: Question): Promise<Uint8Array> {
  const key = JSON.stringify([place, url]);
  const environment = "variable" in place ? { [place.variable]: url } : {};
  const store = stores.get(key) ?? openStore(place, environment);
  stores.set(key, store);
  const journal = store.journal(name);
  if (entry === undefined) return journal.read();
  await append(journal, entry, `${store.location}, ${name}`);
  return new Uint8Array();
}

/** Whoever was second reads the end anew: its entry is bound to that of the first. */
async function append(journal: Journal, entry: Entry, location: string): Promise<void> {
  for (;;) {
    const { size, token, previous, closing } = await readJournalTail(journal, location);
    const line = chainedLine(entry, { previous, token: token + 1 });
    if (await journal.append(Buffer.from(`${closing}${line}\n`), size)) return;
  }
}
