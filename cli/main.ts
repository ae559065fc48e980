import { createInterface } from "node:readline/promises";
import { CommanderError } from "commander";
import { DamagedLog, NewerLog } from "../records/line";
import { BadStore, DamagedStore, NewerStore, StoreHeld, StoreUnavailable } from "../records/store";
import type { Kit } from "./commands/kit";
import { exitCodes } from "./exit-codes";
import { programOf } from "./program";
import { Refusal } from "./result";

const interrupted = new AbortController();
let isHeeded = false;

/**
 * What would move the cursor, turn the line round or hide it: names, reasons and logs are somebody else's. The colours that
 * we use ourselves stay, for none of them conceals anything.
 */
const unprintable =
  /\u001b(?!\[(?:0|1|22|3[1-5]|39)m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const shown = (text: string): string => text.replace(unprintable, "\ufffd");

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

const kit: Kit = {
  tell: (line) => {
    process.stderr.write(`${shown(line)}\n`);
  },
  finish: ({ code, text, json }, { json: wanted }) => {
    if (wanted === true) printJson(json);
    else process.stdout.write(`${shown(text)}\n`);
    process.exitCode = code;
  },
  heeded: () => {
    isHeeded = true;
    return interrupted.signal;
  },
  confirmed: async (question, word = "yes", otherwise = "--yes") => {
    const answer = await asked(`${question} Type ${word}: `, `the same command with ${otherwise}`);
    return answer === word;
  },
  choose: async (question, words) => {
    for (;;) {
      const answer = await asked(`${question} Type ${words.join(", ")}: `, "the same command with --level full --yes");
      if (answer === undefined) return words.at(-1) ?? "";
      if (words.includes(answer)) return answer;
    }
  },
};

/** What a person types at a question; undefined after Ctrl-C and Ctrl-D, which are a no, too. */
async function asked(question: string, otherwise: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) throw new Refusal("there is no terminal to ask on", otherwise);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D only closes the prompt, and the question would wait for ever.
  const closed = new AbortController();
  prompt.once("close", () => {
    closed.abort();
  });
  try {
    return (await prompt.question(question, { signal: AbortSignal.any([interrupted.signal, closed.signal]) })).trim();
  } catch {
    return undefined;
  } finally {
    prompt.close();
  }
}

/** An error for people: what, and what next. Stack traces are for REWIND_DEBUG. */
function explain(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
    if (error.exitCode !== 0 && process.argv.includes("--json")) {
      printJson({ outcome: "error", reason: error.message });
    }
    return;
  }
  const debug = process.env.REWIND_DEBUG ? (error as Error).stack : undefined;
  const message = debug ?? (error instanceof Error ? error.message : String(error));
  kit.tell(`rewind: ${message}`);
  const no = refusalOf(error);
  if (no !== undefined) kit.tell(`Next: ${no.next}`);
  if (process.argv.includes("--json")) {
    const said = no === undefined ? { outcome: "error" } : { outcome: no.kind, next: no.next };
    printJson({ ...said, reason: message });
  }
  process.exitCode = no === undefined ? exitCodes.error : exitCodes[no.kind];
}

/** The reasoned no that an error is; undefined for any other. */
function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof NewerLog || error instanceof NewerStore) {
    return new Refusal(error.message, "the Rewind that wrote it, or a newer one");
  }
  const ofStore = refusalOfStore(error);
  if (ofStore !== undefined || !(error instanceof DamagedLog)) return ofStore;
  return new Refusal(
    error.message,
    "rewind doctor, which says where the log lies; a copy of it has the line",
    "tampered",
  );
}

function refusalOfStore(error: unknown): Refusal | undefined {
  if (error instanceof BadStore) return new Refusal(error.message, "rewind records --help says what it may be");
  if (error instanceof StoreHeld) {
    return new Refusal(error.message, "wait for it, or end it; then the same command again", "locked");
  }
  if (error instanceof StoreUnavailable) return new Refusal(error.message, "the same command when it answers");
  if (!(error instanceof DamagedStore)) return undefined;
  return new Refusal(error.message, "put it back from a copy, and find out who changed it", "tampered");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Not only once: what starts the engine's commands ends a process in which nobody listens to the signal any more.
  process.on(signal, () => {
    interrupted.abort();
    // A verb that only looks has nothing to put in order.
    if (!isHeeded) process.exit(130);
  });
}
programOf(kit).parseAsync().catch(explain);
