import type { Command } from "commander";
import { count, json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the parser of stack files. */
const load = {
  history: () => require("../history") as typeof import("../history"),
  status: () => require("../status") as typeof import("../status"),
};

/** Verbs that look at what was, and ask no component. */
export function addHistory(rewind: Command, { finish }: Kit): void {
  rewind
    .command("status")
    .description("pinned, applied and verified, and what stands in the way; offline")
    .addOption(stack())
    .addOption(json())
    .action((options: Common) => {
      finish(load.status().status(where(options)), options);
    });

  rewind
    .command("history")
    .description("who deployed what, when and why, with which verdict; one entry in full, or two compared; offline")
    .argument("[entry]", "a deployment by its id, or the beginning of it")
    .argument("[other]", "another, which is compared with it")
    .option("--limit <count>", "how many, the newest", count, 20)
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind history\n  $ rewind history 20261121T130207Z-66aa92d8\n  $ rewind history 20261121T130207Z 20261121T130318Z --json",
    )
    .action((entry: string | undefined, other: string | undefined, options: Common & { limit: number }) => {
      const entries = [entry, other].filter((id) => id !== undefined);
      finish(load.history().history(where(options), { entries, limit: options.limit }), options);
    });

  rewind
    .command("known-good")
    .description("the releases that passed verification on this stack and are not on hold, the latest first; offline")
    .addOption(stack())
    .addOption(json())
    .action((options: Common) => {
      finish(load.status().listKnownGood(where(options)), options);
    });

  rewind
    .command("log")
    .description("the deployment log, entry by entry; offline")
    .option("--limit <count>", "how many, the newest", count, 50)
    .addOption(stack())
    .addOption(json())
    .action((options: Common & { limit: number }) => {
      finish(load.status().showLog(where(options), options.limit), options);
    });
}
