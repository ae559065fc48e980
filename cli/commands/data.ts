import { Option, type Command } from "commander";
import { Refusal } from "../result";
import { count, json, stack, where, type Common, type Kit } from "./kit";
import { counted } from "../../release/text";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  baseline: () => require("../baseline") as typeof import("../baseline"),
  dataClean: () => require("../data-clean") as typeof import("../data-clean"),
  dataList: () => require("../data-list") as typeof import("../data-list"),
  dataRestore: () => require("../data-restore") as typeof import("../data-restore"),
};

interface DataFlags extends Common {
  readonly madeBy?: string;
  readonly since?: string;
}

interface CleanFlags extends DataFlags {
  readonly madeBy: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly count?: number;
}

/** Rows that carry the version that made them, and baselines. */
export function addData(rewind: Command, { confirmed, finish, heeded, tell }: Kit): void {
  const data = rewind.command("data").description("rows that carry the version that made them");
  const since = () =>
    new Option("--since <time|entry>", "made after a time with its zone, or an entry of the deployment log");
  data
    .command("list")
    .description("how many rows each version made, and the newest of them; changes nothing")
    .argument("<name>", "the table, as environment.database.stamped names it")
    .option("--made-by <version>", "only rows that carry this version")
    .addOption(since())
    .option("--limit <count>", "how many rows are shown", count, 20)
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind data list profiles --made-by v1.2.1 --since 2025-09-17T03:30:00Z")
    .action(async (name: string, options: DataFlags & { limit: number }) => {
      const { madeBy, since, limit } = options;
      finish(await load.dataList().listData(where(options), { name, madeBy, since, limit }), options);
    });
  data
    .command("clean")
    .description("archive and delete rows that a version made since the pin was applied, once counted and confirmed")
    .argument("<name>", "the table, as environment.database.stamped names it")
    .requiredOption("--made-by <version>", "the version that the rows carry")
    .addOption(since())
    .option("-r, --reason <text>", "why; it stands in the deployment log")
    .option("-y, --yes", "do not ask; needs --count")
    .option("--count <count>", "how many rows there must be", count)
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind data clean profiles --made-by v1.2.1\n  $ rewind data restore <run>   undoes it",
    )
    .action(async (name: string, options: CleanFlags) => {
      const { madeBy, since, reason } = options;
      const wanted = { name, madeBy, since, reason, tell, signal: heeded() };
      finish(
        await load.dataClean().cleanData(where(options), { ...wanted, confirm: countConfirmed(options, confirmed) }),
        options,
      );
    });
  data
    .command("restore")
    .description("bring the rows of a clean-up back as they were")
    .argument("<run>", "the clean-up, as it was reported")
    .addOption(stack())
    .addOption(json())
    .action(async (run: string, options: Common) => {
      finish(await load.dataRestore().restoreData(where(options), run), options);
    });

  rewind
    .command("baseline")
    .description("keep every configuration row, every version that runs and every policy in a file; changes nothing")
    .option("-o, --output <file>", "a new file, .rewind/baselines/<stack>-<time>.json unless said")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\nBack to its configuration: rewind release add <id> --from-baseline <file>, then pin it.")
    .action(async (options: Common & { output?: string }) => {
      finish(await load.baseline().baseline(where(options), options.output, new Date()), options);
    });
}

/** Whoever cannot be asked must know the count beforehand. */
function countConfirmed(
  { yes, count }: CleanFlags,
  confirmed: Kit["confirmed"],
): (question: string, found: number) => Promise<boolean> {
  return (question, found) => {
    // Typing `yes` without reading is easy; a count has to be read.
    if (yes !== true) return confirmed(question, String(found), `--yes --count ${found}, when that is what you expect`);
    const next = `--yes --count ${found}, when that is what you expect`;
    if (count === undefined) throw new Refusal(`${counted(found, "row")}, and no --count; nothing was touched`, next);
    if (count !== found) throw new Refusal(`${counted(found, "row")}, not ${count}; nothing was touched`, next);
    return Promise.resolve(true);
  };
}
