import { Command } from "commander";
import { addAssessment } from "./commands/assessment";
import { addBackup } from "./commands/backup";
import { addChanges } from "./commands/change";
import { addCompletion } from "./commands/completion";
import { addData } from "./commands/data";
import { addDatabase } from "./commands/database";
import { addDiff } from "./commands/diff";
import { addFrontend } from "./commands/frontend";
import { addHistory } from "./commands/history";
import type { Kit } from "./commands/kit";
import { addLocal } from "./commands/local";
import { addRecords } from "./commands/records";
import { addRelease } from "./commands/release";
import { addRollback } from "./commands/rollback";
import { addSchema } from "./commands/schema";

const exitCodeHelp = `
Exit codes: 0 done, 1 error, 10 refused, 11 verification failed, 12 inconclusive, 13 a check broke, 14 drifted, 15 stopped,
16 locked, 17 tampered. docs/exit-codes.md says what to do after each.`;

/** The whole command line: every verb with its flags, none of them loaded yet. */
export function programOf(kit: Kit): Command {
  const rewind = new Command("rewind")
    .description(
      "Roll a stack back to an earlier release, with verification before the first change and after the last",
    )
    .version("0.1.0")
    .showHelpAfterError("(rewind --help lists the verbs)")
    .addHelpText("after", exitCodeHelp)
    // What stands behind a verb is that verb's own: rewind log has flags, and so has rewind log verify.
    .enablePositionalOptions()
    .exitOverride();
  const adding = [
    addHistory,
    addRollback,
    addAssessment,
    addDiff,
    addRelease,
    addChanges,
    addData,
    addDatabase,
    addBackup,
    addFrontend,
    addRecords,
    addLocal,
    addSchema,
    addCompletion,
  ];
  for (const add of adding) add(rewind, kit);
  return rewind;
}
