import type { Command } from "commander";
import { Refusal } from "../result";
import { count, json, releaseId, stack, where, type Common, type Kit } from "./kit";

/** Loaded when asked for: `--help` does not wait for the engine's SDK. */
const load = {
  diff: () => require("../diff") as typeof import("../diff"),
  drift: () => require("../drift") as typeof import("../drift"),
};

interface DiffFlags extends Common {
  readonly rows: number;
  readonly all?: boolean;
  readonly live?: boolean;
}

/** What is different: two releases, or what runs. */
export function addDiff(rewind: Command, { finish }: Kit): void {
  rewind
    .command("diff")
    .description("what two releases pin differently, offline: by name, or what was verified last against the pin")
    .argument("[from]", "a release; alone, what runs is compared with it", releaseId)
    .argument("[to]", "another release", releaseId)
    .option("--rows <count>", "rows shown of each table", count, 20)
    .option("--all", "show every row")
    .option("--live", "what runs against what was applied last; exits 14 when something drifted")
    .addOption(stack())
    .addOption(json())
    .addHelpText(
      "after",
      "\nNeeds no engine, no network and no secrets, but with --live. docs/diff.md says what --json prints.\n\n  $ rewind diff\n  $ rewind diff v1.2.0\n  $ rewind diff v1.2.1 v1.2.0 --json",
    )
    .action(async (from: string | undefined, to: string | undefined, options: DiffFlags) => {
      if (options.live === true) {
        if (from !== undefined) throw new Refusal("--live compares with what was applied last", "rewind diff --live");
        finish(await load.drift().drift(where(options)), options);
        return;
      }
      const { diff } = load.diff();
      const rows = options.all === true ? Number.POSITIVE_INFINITY : options.rows;
      finish(await diff(where(options), { from, to, rows }), options);
    });
}
