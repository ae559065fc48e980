import { createInterface } from "node:readline/promises";
import { CommanderError } from "commander";
import type { Kit } from "./commands/kit";
import { stringifyExactly } from "../release/exact-json";
import { cleaned, cleanedJson } from "../release/text";
import { exitCodes } from "./exit-codes";
import { outliveOutput } from "./output";
import { programOf } from "./program";
import { nextAfter, refusalOf } from "./refusal-of";
import { Refusal } from "./result";

const interrupted = new AbortController();
let isHeeded = false;

function printJson(value: unknown): void {
  process.stdout.write(`${cleanedJson(stringifyExactly(value, 2) ?? "")}\n`);
}

const kit: Kit = {
  tell: (line) => {
    process.stderr.write(`${cleaned(line)}\n`);
  },
  finish: ({ code, text, json }, { json: wanted }) => {
    if (wanted === true) printJson(json);
    else process.stdout.write(`${cleaned(text)}\n`);
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
  const next = nextAfter(error);
  if (next !== undefined) kit.tell(`Next: ${next}`);
  if (process.argv.includes("--json")) {
    printJson({ outcome: no?.kind ?? "error", ...(next === undefined ? {} : { next }), reason: message });
  }
  process.exitCode = no === undefined ? exitCodes.error : exitCodes[no.kind];
}

outliveOutput(process.stderr);
let isOutputLost = false;
outliveOutput(process.stdout, ({ message }) => {
  if (isOutputLost) return;
  isOutputLost = true;
  kit.tell(`rewind: the output cannot be written: ${message}`);
  // Of a verb that only looks, the output is all there is. A change keeps the code that says how it ended.
  if (!isHeeded) process.exitCode = exitCodes.error;
});
// The terminal's end, as of a connection that broke, is an interrupt like any other.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // Not only once: what starts the engine's commands ends a process in which nobody listens to the signal any more.
  process.on(signal, () => {
    interrupted.abort();
    // A verb that only looks has nothing to put in order.
    if (!isHeeded) process.exit(130);
  });
}
programOf(kit).parseAsync().catch(explain);
