import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command, CommanderError } from "commander";
import { DamagedStore, NewerStore, StoreUnavailable } from "../../records/store";
import { addChain } from "./commands/chain";
import { addChange } from "./commands/change";
import { addLook } from "./commands/look";
import type { Kit } from "./commands/kit";
import { Home } from "./home";
import { Refusal } from "./refusal";
import { refused } from "./result";

/** Where the state is unless --home says otherwise: the committed records stay as they are. */
const usualHome = resolve(__dirname, "..", "..", ".rewind", "contracts");

const program = new Command("contracts")
  .description("records of 26 contracts on five networks, and the way back from unified JSON to LevelDB")
  .option("--home <folder>", "where records, archive, backups and incidents are", usualHome)
  .exitOverride();

const kit: Kit = {
  home: () => new Home(resolve(program.opts<{ home: string }>().home)),
  env: process.env,
  now: () => new Date(),
  tell: (line) => void process.stderr.write(`${line}\n`),
  finish: ({ code, text }) => {
    process.stdout.write(`${text}\n`);
    process.exitCode = code;
  },
  confirmed: async (question, word, otherwise) => {
    if (!process.stdin.isTTY) throw new Refusal("there is no terminal to ask on", `the same command with ${otherwise}`);
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await prompt.question(`${question} Type ${word}: `)).trim() === word;
    } finally {
      prompt.close();
    }
  },
};

/** An error for people: what, and what next. */
function explain(error: unknown): void {
  process.exitCode = 1;
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
    return;
  }
  kit.tell(`contracts: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof Refusal) {
    kit.tell(`Next: ${error.next}`);
    process.exitCode = refused;
  } else if (error instanceof DamagedStore || error instanceof NewerStore || error instanceof StoreUnavailable) {
    kit.tell("Next: node examples/contracts/contracts.js validate");
  }
}

// A reader that goes away, as `head` does, ends nothing that is under way.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
for (const add of [addLook, addChange, addChain]) add(program, kit);
program.parseAsync().catch(explain);
