import { Option, type Command } from "commander";
import { count, json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the parser of stack files. */
const load = {
  report: () => require("../rollback-report-kept") as typeof import("../rollback-report-kept"),
  history: () => require("../history") as typeof import("../history"),
  engine: () => require("../history-engine") as typeof import("../history-engine"),
  log: () => require("../log") as typeof import("../log"),
  status: () => require("../status") as typeof import("../status"),
};

interface HistoryFlags extends Common {
  readonly limit: number;
  readonly engine?: boolean;
  readonly export?: string;
}

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
    .description(
      "who deployed what, when and why, with which verdict; one entry in full, or two compared; offline, unless the engine is asked",
    )
    .argument("[entry]", "a deployment by its id, or the beginning of it")
    .argument("[other]", "another, which is compared with it")
    .option("--limit <count>", "how many, the newest", count, 20)
    .option("--engine", "one entry together with the engine's own update, read from its backend")
    .option(
      "--export <folder>",
      "the same, and what the engine kept of it, into a new folder: configuration, state (secrets encrypted), log entry",
    )
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
The engine's update is the one that ran when the entry was written. --engine and --export read it, and the state that it
left, from file://, s3:// and postgres:// backends, wherever the engine finds its own: PULUMI_BACKEND_URL first.

  $ rewind history
  $ rewind history 20261121T130207Z-66aa92d8
  $ rewind history 20261121T130207Z 20261121T130318Z --json
  $ rewind history 20261121T130207Z --export audit/20261121`,
    )
    .action(async (entry: string | undefined, other: string | undefined, options: HistoryFlags) => {
      const entries = [entry, other].filter((id) => id !== undefined);
      const { limit, engine = false, export: exportTo } = options;
      const result =
        engine || exportTo !== undefined
          ? await load.engine().historyOfEngine(where(options), { entries, exportTo })
          : load.history().history(where(options), { entries, limit });
      finish(result, options);
    });

  rewind
    .command("report")
    .description("the report of a rollback, as it was when it had ended; offline")
    .argument("[run]", "the entry of the deployment log that began it; the last one unless said")
    .option("--markdown", "as a document")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\n  $ rewind report --markdown > rollback.md\n  $ rewind report 20261121T130207Z-66aa92d8 --json",
    )
    .action((run: string | undefined, options: Common & { markdown?: boolean }) => {
      finish(load.report().report(where(options), run, options.markdown === true), options);
    });

  rewind
    .command("known-good")
    .description("the releases that passed verification on this stack and are not on hold, the latest first; offline")
    .addOption(stack())
    .addOption(json())
    .action((options: Common) => {
      finish(load.status().listKnownGood(where(options)), options);
    });

  addLog(rewind, finish);
}

/** The deployment log itself. */
function addLog(rewind: Command, finish: Kit["finish"]): void {
  const log = rewind
    .command("log")
    .description("the deployment log, entry by entry; offline")
    .option("--limit <count>", "how many, the newest", count, 50)
    .addOption(stack())
    .addOption(json())
    .enablePositionalOptions()
    .action((options: Common & { limit: number }) => {
      finish(load.status().showLog(where(options), options.limit), options);
    });

  log
    .command("verify")
    .description("whether every entry is what was written, in its place; exits 17 when one is not, and names it")
    .option(
      "--checkpoint <file>",
      "whether what it signed still stands there: a chain does not show that its end was cut",
    )
    .addOption(key("the public key of the checkpoint, or the private one that it belongs to"))
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
Exits 12 when nothing is wrong but the end of the last line: a crash does that, and the next entry closes it.

  $ rewind log verify
  $ rewind log verify --checkpoint kept/20261121.json --key checkpoints.pub.pem --json`,
    )
    .action((options: Common & { checkpoint?: string; key?: string }) => {
      finish(load.log().verify(where(options), options), options);
    });

  log
    .command("checkpoint")
    .description("sign how far the log has come, into a new file to be kept where its writers cannot write")
    .argument("<file>", "the new file")
    .addOption(key("the private Ed25519 key, PEM"))
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
  $ openssl genpkey -algorithm ed25519 -out checkpoints.pem
  $ openssl pkey -in checkpoints.pem -pubout -out checkpoints.pub.pem
  $ rewind log checkpoint kept/20261121.json --key checkpoints.pem`,
    )
    .action((file: string, options: Common & { key?: string }) => {
      finish(load.log().checkpoint(where(options), file, { ...options, now: new Date() }), options);
    });
}

const key = (description: string): Option => new Option("--key <file>", description).env("REWIND_CHECKPOINT_KEY");
