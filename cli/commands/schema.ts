import type { Command } from "commander";
import type { Kit } from "./kit";

/** Loaded when asked for: no other verb waits for the schemas. */
const load = {
  schema: () => require("../schema") as typeof import("../schema"),
};

/** What `--json` prints, documented. */
export function addSchema(rewind: Command, { finish }: Kit): void {
  rewind
    .command("schema")
    .description("the JSON Schema of what a verb prints with --json; of refusal, what any prints that says no")
    .argument("<verb...>", "the verb, as one types it, or refusal")
    .addHelpText("after", "\nThe same stands in docs/json.\n\n  $ rewind schema status\n  $ rewind schema release list")
    .action((verb: readonly string[]) => {
      finish(load.schema().schema(verb.join(" ")), {});
    });
}
