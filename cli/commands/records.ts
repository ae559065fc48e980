import { Option, type Command } from "commander";
import { storeNames, type StoreName } from "../../release/store-names";
import { json, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the parser of stack files. */
const load = {
  records: () => require("../records") as typeof import("../records"),
};

interface ConvertFlags extends Common {
  readonly to: StoreName;
  readonly url?: string;
  readonly switch: boolean;
}

/** The store of what Rewind knows and the engine does not. */
export function addRecords(rewind: Command, { finish }: Kit): void {
  const records = rewind
    .command("records")
    .description("where the deployment log and the other records are: JSON files, LevelDB or PostgreSQL")
    .addHelpText(
      "after",
      `
rewind:environment.records in the stack file says where: a folder, {store: leveldb}, or {store: postgresql, url: VARIABLE},
where VARIABLE holds the connection string. Before it comes REWIND_STORE: json, leveldb or postgresql, and behind a colon
another folder, or the name of another variable.

  $ rewind records show
  $ REWIND_STORE=leveldb:/srv/records rewind records show
  $ rewind records convert --to leveldb
  $ rewind records convert --to postgresql --url RECORDS_URL`,
    );
  records
    .command("show")
    .description("which store it is, where it is, and what is in it")
    .addOption(stack())
    .addOption(json())
    .addHelpText("after", "\n  $ rewind records show --stack prod --json")
    .action(async (options: Common) => {
      finish(await load.records().show(where(options)), options);
    });
  records
    .command("convert")
    .description("copy everything into another store, prove it equal entry by entry, then switch; the old one is kept")
    .addOption(new Option("--to <store>", "the new store").choices(storeNames).makeOptionMandatory())
    .option("--url <variable>", "the environment variable that holds the connection string (default: REWIND_STORE_URL)")
    .option("--no-switch", "only copy and compare, and leave the stack file as it is")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      `
All stacks of the project that use the old store are switched together. One that was killed is repeated: what was copied
stays, and the rest is added. The way back is a conversion, too, once the old store is moved away or still the beginning of
the new one.

  $ rewind records convert --to leveldb --stack staging
  $ RECORDS_URL=postgresql://rewind@db.internal/records rewind records convert --to postgresql --url RECORDS_URL
  $ rewind records convert --to json --no-switch`,
    )
    .action(async ({ to, url, switch: switches, ...options }: ConvertFlags) => {
      finish(await load.records().convert(where(options), { to, url, switches }), options);
    });
}
